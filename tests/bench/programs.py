#!/usr/bin/env python3
"""Puts what `mb` and `each` printed beside the figures of other kernels: Markdown on output.

  programs.py table CONSOLE...    operations, beside tests/bench/programs.csv
  programs.py clients CONSOLE...  whole programs, beside tests/bench/clients.csv
  programs.py commands            what to run for that

A row's verdict: `reach` at or below the bar; `best` above the bar and at or below the best of the
other kernels; `ABOVE` above that. Columns behind it are per operation: single TLB entries and whole
TLBs flushed, CR3 loads, bytes copied and cleared by the kernel.
"""
import csv
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
COUNTS = ("tlb_flush_page", "tlb_flush_all", "cr3_loads", "bytes_copied", "bytes_cleared")
PEERS = ("linux", "tilck", "fiwix")


def lines(paths):
    for path in paths:
        yield from Path(path).read_text(errors="replace").replace("\r", "").splitlines()


def verdict(figure, row):
    bars = [int(row[peer]) for peer in PEERS if row.get(peer)]
    if row.get("reach") and figure <= int(row["reach"]):
        return "reach"
    if bars and figure <= min(bars):
        return "best"
    return "ABOVE" if bars else ""


def per_operation(total, operations):
    value = total / operations
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


def print_table(rows):
    for number, row in enumerate(rows):
        print("| " + " | ".join(row) + " |")
        if number == 0:
            print("|---" + "|---:" * (len(row) - 1) + "|")


def table(paths):
    figures, counts = {}, {}
    for line in lines(paths):
        found = re.match(r"BENCH (\S+) \d+ (\d+) ", line)
        if found:
            figures[found[1]] = int(found[2])
        found = re.match(r"COUNT (\S+) (\d+) (\w+)=(\d+)$", line)
        if found:
            counts[found[1], found[3]] = per_operation(int(found[4]), int(found[2]))
    rows = [["operation", "Octavo", *PEERS, "limit", "reach", "", *COUNTS]]
    with open(HERE / "programs.csv", newline="") as file:
        for row in csv.DictReader(file):
            name = row["operation"]
            if name in figures:
                rows.append([name, str(figures[name]), *(row[peer] or "-" for peer in PEERS),
                             row["limit"], row["reach"] or "-", verdict(figures[name], row),
                             *(counts.get((name, count), "-") for count in COUNTS)])
    print_table(rows)


def clients(paths):
    figures = {}
    for line in lines(paths):
        found = re.search(r"### ended (0x[0-9a-f]+) (\d+): (.*)$", line)
        if found:
            figures[found[3]] = int(found[2]), found[1]
    rows = [["whole program, fork to wait", "Octavo", "Linux", ""]]
    with open(HERE / "clients.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["command"] in figures:
                figure, status = figures[row["command"]]
                word = verdict(figure, row) if status == "0x0" else f"ended with {status}"
                rows.append([row["client"], str(figure), row["linux"], word])
    print_table(rows)


def commands(_paths):
    with open(HERE / "clients.csv", newline="") as file:
        for row in csv.DictReader(file):
            print(row["command"])


if __name__ == "__main__":
    {"table": table, "clients": clients, "commands": commands}[sys.argv[1]](sys.argv[2:])
