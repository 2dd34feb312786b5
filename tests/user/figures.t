#!/usr/bin/env python3
"""docs/design.md tells how many instructions programs pay: each figure of Octavo is true within a
tenth, those of the other kernels are the ones of tests/bench/programs.csv, and no operation is
missing.

  tests/user/figures.t            compare
  tests/user/figures.t --update   put the present figures into the page
"""

import csv
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from programs import ROOT, Tap, make

PAGE = ROOT / "docs/design.md"
ROUNDS = "3"
TOLERANCE = 0.1
ROW = re.compile(r"^\| (\w+) \| (\d+) \| ([\d-]*) \| ([\d-]*) \| ([\d-]*) \| (.*) \|$", re.MULTILINE)
HEAD = "|---|---|---|---|---|---|\n"


def measured():
    """Instructions by operation, and the console."""
    program = "build/conformance/bare/mb"
    wrong = make("build/kernel.elf", program)
    if wrong is not None:
        return {}, wrong.splitlines()
    console = subprocess.run(
        ["tools/boot", "--media", "multiboot", "--mem", "256M", "--timeout", "600",
         "--cmdline", f'run="/mb all {ROUNDS}"', "--add", program, "--",
         "-icount", "shift=0,sleep=off", "-rtc", "base=2024-01-01T00:00:00,clock=vm"],
        stdout=subprocess.PIPE, cwd=ROOT, check=False).stdout.decode(errors="replace")
    found = re.findall(r"^BENCH (\S+) \d+ (\d+) ", console, re.MULTILINE)
    return {name: int(median) for name, median in found}, console.splitlines()


def peers():
    with open(ROOT / "tests/bench/programs.csv", newline="") as file:
        return {row["operation"]: row for row in csv.DictReader(file)}


def update(text, figures):
    rows = "".join(
        "| " + " | ".join([name, str(figures[name]),
                           *(row[peer] or "-" for peer in ("linux", "tilck", "fiwix")),
                           row["limit"]]) + " |\n"
        for name, row in peers().items() if name in figures)
    start = text.index(HEAD, text.index("## What programs pay")) + len(HEAD)
    PAGE.write_text(text[:start] + rows + text[text.index("\n\n", start) + 1:])


def main():
    tap, text = Tap(), PAGE.read_text()
    figures, console = measured()
    if "--update" in sys.argv:
        update(text, figures)
        return
    documented = {row[0]: row for row in ROW.findall(text)}
    tap.ok(figures and set(documented) == set(figures) == set(peers()),
           "the page has what is measured", [*sorted(set(documented) ^ set(figures)), *console[-20:]])
    for name, row in documented.items():
        real, said = figures.get(name, 0), int(row[1])
        tap.ok(abs(real - said) <= TOLERANCE * real, f"{name}: {said}", [f"now it is {real}"])
    others = {name: tuple(row[peer] or "-" for peer in ("linux", "tilck", "fiwix"))
              for name, row in peers().items()}
    tap.ok(all(others.get(name) == row[2:5] for name, row in documented.items()),
           "what other kernels pay is what the bench compares with")
    tap.done()


main()
