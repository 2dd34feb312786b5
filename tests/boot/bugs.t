#!/usr/bin/env python3
"""Every bug planted in the table of docs/debugging.md is found: its report says what the row says."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs/debugging.md").read_text()
HEADING = "| the bug | boot with | the report says |\n"
CPU = "core2duo"  # has NX
AT_ONCE = 2
ENDS = "build/clients/ends"


def rows():
    """(name, words of the command line, texts of the report) of each row."""
    for line in PAGE.split(HEADING)[1].split("\n\n")[0].splitlines()[1:]:
        name, boot, says = [cell.strip() for cell in line.strip("|").split(" | ")]
        yield name, boot.strip("`"), re.findall(r"`([^`]+)`", says)


def pattern(text):
    return ".*".join(re.escape(part) for part in text.split("…"))


def boot(words):
    """What the machine prints with these words on its command line."""
    command = ["tools/boot", "--cpu", CPU, "--timeout", "60", "--cmdline", words]
    command += ["--add", ENDS] if "/ends" in words else []
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.returncode, done.stdout.decode(errors="replace").replace("\r", "")


def examine(row):
    name, words, wanted = row
    status, console = boot(words)
    missing = [text for text in wanted if not re.search(pattern(text), console)]
    return f"{name} ({words})", status, missing, console


def check(number, row):
    """One line of TAP for a row; True when the bug was found, and named."""
    name, status, missing, console = row
    good = status in (1, 2) and not missing
    print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
    for text in () if good else [f"missing: {text}" for text in missing] + console.splitlines()[-60:]:
        print("# " + text)
    return good


subprocess.run(["flock", "build/.make-lock", "make", "-s", ENDS], cwd=ROOT, check=True,
               stdout=subprocess.DEVNULL)
table = list(rows())
with ThreadPoolExecutor(AT_ONCE) as pool:
    results = [check(number, row) for number, row in enumerate(pool.map(examine, table), 1)]
enough = len(table) >= 20
print(f"{'ok' if enough else 'not ok'} {len(table) + 1} - at least 20 bugs are planted")
print(f"1..{len(table) + 1}")
sys.exit(not (enough and all(results)))
