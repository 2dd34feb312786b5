#!/usr/bin/env python3
"""docs/design.md tells how many instructions programs pay: each figure of Octavo is true within a
tenth, those of the other kernels are the ones of tests/bench/programs.csv, and no operation is
missing. So is what allocations cost with the aids against bugs.

  tests/user/figures.t            compare
  tests/user/figures.t --update   put the present figures into the page
"""

import concurrent.futures
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
# with | kmalloc(64) + kfree | page + free
AID = re.compile(r"^\| (nothing|`debug=[\w,]+`) \| ([\d ]+) \| ([\d ]+) \|", re.MULTILINE)


def counted(memory, words, *arguments):
    """The console of a machine whose ticks are instructions."""
    return subprocess.run(
        ["tools/boot", "--media", "multiboot", "--mem", memory, "--timeout", "600",
         "--cmdline", words, *arguments, "--",
         "-icount", "shift=0,sleep=off", "-rtc", "base=2024-01-01T00:00:00,clock=vm"],
        stdout=subprocess.PIPE, cwd=ROOT, check=False).stdout.decode(errors="replace")


def measured():
    """Instructions by operation, and the console."""
    program = "build/conformance/bare/mb"
    wrong = make("build/kernel.elf", program)
    if wrong is not None:
        return {}, wrong.splitlines()
    console = counted("256M", f'run="/mb all {ROUNDS}"', "--add", program)
    found = re.findall(r"^BENCH (\S+) \d+ (\d+) ", console, re.MULTILINE)
    return {name: int(median) for name, median in found}, console.splitlines()


def measured_aid(name):
    """Instructions of both pairs with these aids; 0 where the kernel says nothing."""
    console = counted("16M", "bench " + name.strip("`").replace("nothing", ""))
    found = [re.search(rf"^bench: {pair} +([\d.]+) ticks", console, re.MULTILINE)
             for pair in (r"kmalloc\+kfree 64", "page pair")]
    return [round(float(match[1])) if match else 0 for match in found]


def measured_aids(text):
    names = [row[0] for row in AID.findall(text)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as machines:
        return dict(zip(names, machines.map(measured_aid, names)))


def peers():
    with open(ROOT / "tests/bench/programs.csv", newline="") as file:
        return {row["operation"]: row for row in csv.DictReader(file)}


def near(said, real):
    return abs(real - said) <= TOLERANCE * real


def update(text, figures, aids):
    text = AID.sub(lambda row: f"| {row[1]} |" + "".join(
        f" {figure:,} |".replace(",", " ") for figure in aids[row[1]]), text)
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
    aids = measured_aids(text)
    if "--update" in sys.argv:
        update(text, figures, aids)
        return
    documented = {row[0]: row for row in ROW.findall(text)}
    tap.ok(figures and set(documented) == set(figures) == set(peers()),
           "the page has what is measured", [*sorted(set(documented) ^ set(figures)), *console[-20:]])
    for name, row in documented.items():
        real, said = figures.get(name, 0), int(row[1])
        tap.ok(near(said, real), f"{name}: {said}", [f"now it is {real}"])
    for name, *said in AID.findall(text):
        said = [int(figure.replace(" ", "")) for figure in said]
        tap.ok(all(near(*pair) for pair in zip(said, aids[name])), f"{name}: {said}",
               [f"now it is {aids[name]}"])
    tap.ok(aids, "the page has the aids")
    others = {name: tuple(row[peer] or "-" for peer in ("linux", "tilck", "fiwix"))
              for name, row in peers().items()}
    tap.ok(all(others.get(name) == row[2:5] for name, row in documented.items()),
           "what other kernels pay is what the bench compares with")
    tap.done()


main()
