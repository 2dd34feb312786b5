#!/usr/bin/env python3
"""The figures of docs/performance.md against this build: `make bench` in the smallest and the largest
of its machines.

Each table of the page that follows a line <!-- bench: TITLE --> is the one of that title in what
tests/bench/bench.sh prints, or some rows of it. `--update` takes all columns again and puts them
there; a table without rows gets all.
"""
import csv
import os
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from programs import ROOT, Tap, make

PAGE = ROOT / "docs/performance.md"
FIGURES = ROOT / "build/bench/figures"
PARTS = ("memory", "cpus", "overhead")
MARK = re.compile(r"<!-- bench: (.*) -->\n((?:\|.*\n)*)")
# A tenth, or what one instruction, byte or page is to a small figure.
TOLERANCE, GRAIN = 0.1, 2
# Judgements, and what is only so in all machines.
NO_FIGURES = ("", "dearest to cheapest")


def measure(everything):
    """What bench.sh printed; None and why when it could not run."""
    wrong = make("build/kernel.elf", "build/ktests.elf", "build/bench64/octobench",
                 "build/bench32/octobench",                 "build/conformance/bare/mb", "build/conformance/bare/crowd")
    if wrong is not None:
        return wrong
    chosen = {} if everything else {"SIZES": "16M 4G", "CPUS": "1 8"}
    done = subprocess.run(["tests/bench/bench.sh", *PARTS], cwd=ROOT, env={**os.environ, **chosen},
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, text=True)
    return None if done.returncode == 0 else done.stderr


def cells_of(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def tables_of_page(text):
    """{title: {row: {column: figure}}}"""
    tables = {}
    for title, table in MARK.findall(text):
        lines = [cells_of(line) for line in table.splitlines()]
        tables[title] = {row[0]: dict(zip(lines[0][1:], row[1:])) for row in lines[2:]}
    return tables


def figures_now():
    tables = {}
    with open(FIGURES.with_suffix(".csv"), newline="") as file:
        for entry in csv.DictReader(file):
            row = tables.setdefault(entry["section"], {}).setdefault(entry["row"], {})
            row[entry["column"]] = entry["figure"]
    return tables


def differs(said, real):
    try:
        said, real = float(said), float(real)
    except ValueError:
        return said != real
    return abs(said - real) > max(TOLERANCE * real, GRAIN)


def compare(tap, title, page, now):
    wrong = [f"{row}, {column}: {figure}; now it is {now[row][column]}"
             for row, columns in page.items() if row in now
             for column, figure in columns.items()
             if column in now[row] and column not in NO_FIGURES and differs(figure, now[row][column])]
    missing = [f"{row} is not measured" for row in page if row not in now]
    tap.ok(page and not wrong and not missing, title, wrong + missing)


def update(text):
    """The page with the tables of figures.md in place of its own."""
    new = {}
    for section in re.split(r"^## ", FIGURES.with_suffix(".md").read_text(), flags=re.MULTILINE):
        title, _, body = section.partition("\n")
        new[title] = re.findall(r"^\|.*\n", body, re.MULTILINE)

    def replaced(match):
        title, table = match[1], match[2].splitlines()
        wanted = {cells_of(line)[0] for line in table[2:]}
        lines = [line for number, line in enumerate(new[title])
                 if number < 2 or not wanted or cells_of(line)[0] in wanted]
        return f"<!-- bench: {title} -->\n" + "".join(lines)

    PAGE.write_text(MARK.sub(replaced, text))


def main():
    tap, text = Tap(), PAGE.read_text()
    wrong = measure("--update" in sys.argv)
    if "--update" in sys.argv and wrong is None:
        update(text)
        return
    tap.ok(wrong is None, "bench.sh ran", (wrong or "").splitlines()[-20:])
    now = figures_now() if wrong is None else {}
    for title, page in tables_of_page(text).items():
        compare(tap, title, page, now.get(title, {}))
    tap.done()


main()
