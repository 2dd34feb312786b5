#!/usr/bin/env python3
"""docs/gdb.md shows what gdb really says, and names every command there is.

Its blocks are like those of docs/tour.md, and compared in the same way (tests/boot/tour.t): what
stands behind `(gdb) ` is typed, numbers may differ. ```gdb is one session on the floppy's image,
```gdb cpus one on two CPUs, ```gdb rewind one on a recorded run.

  tests/boot/gdb-page.t            compare
  tests/boot/gdb-page.t --update   put the present output into the page
"""
import re
import subprocess
import sys
import tempfile
from importlib.machinery import SourceFileLoader
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from debugger import answers, end, ok

tour = SourceFileLoader("tour", str(ROOT / "tests/boot/tour.t")).load_module()
PAGE = ROOT / "docs/gdb.md"
GDB = ["gdb", "-q", "-iex", "set pagination off", "-iex", "set width 0", "-x"]


def programs(_folder, cpus=1):
    return ["env", "OCTAVO_IMAGE=build/octavo.img", f"OCTAVO_CPUS={cpus}", *GDB,
            "tools/gdb/octavo.gdb", "build/kernel.elf"]


def two_cpus(folder):
    return programs(folder, 2)


def rewind(folder):
    """A session on the run that the page says to record."""
    cmdline = re.search(r"make rewind CMDLINE='(.*?)'", PAGE.read_text())[1]
    subprocess.run([ROOT / "tools/rewind", "record", "--folder", folder, "--cmdline", cmdline],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=120, check=False)
    return ["env", f"OCTAVO_RECORDING={folder}", *GDB, "tools/gdb/rewind.gdb",
            f"{folder}/kernel.elf"]


def replay(kind, command, update):
    text = PAGE.read_text()
    blocks = [(found, tour.steps_of(found[1], "gdb")) for found in tour.blocks_of(text, kind)]
    session = tour.Session("gdb", command)
    try:
        for step in (step for _, steps in blocks for step in steps):
            real = session.ask(step[1], [])
            good = update or tour.agree(step[2], real)
            ok(f"{kind}: {step[1]}", good, "".join(f"{line}\n" for line in real))
            step[2] = tour.renewed(step[2], real) if update else step[2]
    finally:
        session.close()
    for found, steps in reversed(blocks):
        inside = "".join("\n".join([prompt + words, *lines]) + "\n"
                         for prompt, words, lines in steps)
        text = text[:found.start(1)] + inside + text[found.end(1):]
    if update:
        PAGE.write_text(text)


def commands():
    """Those in the table's first column, and those that gdb has."""
    rows = re.findall(r"^\|([^|]*)\|", PAGE.read_text(), re.MULTILINE)
    named = sorted(word for row in rows for word in re.findall(r"`octavo ([\w-]+)`", row))
    said = answers(["help octavo"], "build/kernel.elf", "tools/gdb/octavo.py")[1]
    there = sorted(re.findall(r"^octavo ([\w-]+) --", said, re.MULTILINE))
    ok("the page names each command once", named == there, f"page: {named}\ngdb:  {there}")


commands()
for kind, start in (("gdb", programs), ("gdb cpus", two_cpus), ("gdb rewind", rewind)):
    with tempfile.TemporaryDirectory(prefix="octavo-") as work:
        replay(kind, start(work), "--update" in sys.argv)
end()
