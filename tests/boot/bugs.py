"""The table of planted bugs in docs/debugging.md: its rows, booted and compared, as TAP."""

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
BUILDS = {"KASAN=1": "build/kasan/kernel.elf", "UBSAN=1": "build/ubsan/kernel.elf"}


def rows():
    """(name, words of the command line, texts of the report) of each row."""
    for line in PAGE.split(HEADING)[1].split("\n\n")[0].splitlines()[1:]:
        name, boot, says = [cell.strip() for cell in line.strip("|").split(" | ")]
        yield name, boot.strip("`"), re.findall(r"`([^`]+)`", says)


def build_of(row):
    """The word of make that a row wants; None: the ordinary kernel."""
    first = row[1].split()[0]
    return first if first in BUILDS else None


def make(*targets):
    subprocess.run(["flock", "build/.make-lock", "make", "-s", "-j2", *targets], cwd=ROOT,
                   check=True, stdout=subprocess.DEVNULL)


def pattern(text):
    return ".*".join(re.escape(part) for part in text.split("…"))


def boot(build, words, *more):
    """The status of tools/boot, and what the machine prints with this command line."""
    command = ["tools/boot", "--timeout", "240", "--cmdline", words, *more]
    command += ["--media", "grub", "--image", BUILDS[build]] if build else ["--cpu", CPU]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.returncode, done.stdout.decode(errors="replace").replace("\r", "")


def examine(row):
    name, words, wanted = row
    build = build_of(row)
    status, console = boot(build, words.removeprefix(build or "").strip(),
                           *(["--add", ENDS] if "/ends" in words else []))
    missing = [text for text in wanted if not re.search(pattern(text), console)]
    return f"{name} ({words})", status, missing, console


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def check(self, good, name, details=()):
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}", flush=True)
        for line in () if good else details:
            print("# " + line, file=sys.stderr)

    def check_rows(self, table):
        """Each bug was found, and named."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for name, status, missing, console in pool.map(examine, table):
                self.check(status in (1, 2) and not missing, name,
                           [f"missing: {text}" for text in missing] + console.splitlines()[-60:])

    def end(self):
        print(f"1..{self.count}")
        sys.exit(self.failed != 0)
