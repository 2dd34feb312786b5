#!/usr/bin/env python3
"""Puts what machines of several sizes printed side by side: Markdown on output.

  machines.py memory SIZE...    build/bench/memory-*-SIZE: instructions an operation
  machines.py cpus N...         build/bench/cpus-N.txt: instructions an operation, of all CPUs
  machines.py overhead SIZE...  build/bench/overhead-SIZE.txt: bytes a frame, an object; owners

An operation is flat when its dearest machine costs at most a tenth more than its cheapest.
"""
import csv
import re
import sys
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent.parent / "build" / "bench"
FLAT = 1.10
PAGE = 4096
BENCH = re.compile(r"^bench: (.*\S) +([\d.]+) ticks$", re.MULTILINE)
PROGRAM = re.compile(r"^BENCH (\S+) \d+ (\d+) ", re.MULTILINE)
OWNER = re.compile(r"^(\w[\w ]*\w) {2,}(\d+) +(\d+)$", re.MULTILINE)
SUM = re.compile(r"^sum +(\d+) +(\d+) ", re.MULTILINE)
SLAB = re.compile(r"^(\S+) +\d+ +\d+ +(\d+) +(\d+) +(\d+) : tunables", re.MULTILINE)
# What rows of the table of owners a kernel that does nothing has; the rest is what programs have.
KERNEL = ("kernel image", "metadata", "early heap", "low memory", "cpu cache", "slab", "heap",
          "vmalloc", "page table", "kernel stack")


def text_of(name):
    path = OUT / name
    return path.read_text(errors="replace").replace("\r", "") if path.exists() else ""


def print_table(rows):
    for number, row in enumerate(rows):
        print("| " + " | ".join(row) + " |")
        if number == 0:
            print("|---" + "|---:" * (len(row) - 1) + "|")


def shown(figure):
    if figure is None:
        return "-"
    return f"{figure:.0f}" if figure >= 100 or figure == int(figure) else f"{figure:.1f}"


def print_growth(names, columns):
    """`columns` has for each name what was measured: {operation: instructions}."""
    rows = [["operation", *names, "dearest to cheapest", ""]]
    operations = list(dict.fromkeys(name for column in columns for name in column))
    for operation in operations:
        figures = [column.get(operation) for column in columns]
        known = [figure for figure in figures if figure]
        ratio = max(known) / min(known) if known else 1
        verdict = "flat" if ratio <= FLAT else "ABOVE"
        if len(known) < 2:
            verdict = "not measured"
        rows.append([operation, *map(shown, figures), f"{ratio:.2f}", verdict])
    print_table(rows)


def hosted(bits, size):
    """Instructions a pair on the library, by workload."""
    lines = [line for line in text_of(f"memory-hosted{bits}-{size}.csv").splitlines()
             if not line.startswith("#")]
    return {f"{bits}-bit library: {row['workload']}": float(row["pair_mean"])
            for row in csv.DictReader(lines) if row["pair_mean"]}


def memory(sizes):
    columns = []
    for size in sizes:
        kernel = {"kernel: " + name: float(figure)
                  for name, figure in BENCH.findall(text_of(f"memory-kernel-{size}.txt"))
                  if name != "reset to here"}
        programs = {name: float(figure)
                    for name, figure in PROGRAM.findall(text_of(f"memory-programs-{size}.txt"))}
        columns.append({**kernel, **programs, **hosted(64, size), **hosted(32, size)})
    print_growth(sizes, columns)


def cpus(counts):
    columns = [{name: float(figure) for name, figure in PROGRAM.findall(text_of(f"cpus-{n}.txt"))}
               for n in counts]
    print_growth([f"{n} CPU" + ("s" if n != "1" else "") for n in counts], columns)


def print_owners(sizes):
    """The owners at power-off, which comes right behind the prompt."""
    tables = {size: {name: int(frames) for name, frames, _ in OWNER.findall(text_of(f"overhead-{size}.txt"))}
              for size in sizes}
    rows = [["KiB", *sizes]]
    for owner in dict.fromkeys(name for table in tables.values() for name in table):
        if owner in KERNEL:
            rows.append([owner, *(str(tables[size].get(owner, 0) * 4) for size in sizes)])
    rows.append(["the kernel in all", *(str(4 * sum(tables[size].get(name, 0) for name in KERNEL))
                                        for size in sizes)])
    frames = [int((SUM.findall(text_of(f"overhead-{size}.txt")) or [("1", "")])[-1][0])
              for size in sizes]
    rows.append(["bytes of metadata for a frame of RAM",
                 *(f"{tables[size].get('metadata', 0) * PAGE / count:.2f}"
                   for size, count in zip(sizes, frames))])
    print_table(rows)


# States that a small header has room for, at 32 bits (mm/slab_cache.c).
MOST_IN_SMALL_HEADER = 96


def print_objects(text):
    """What each object of a full slab takes beside itself: its part of the header and of the rest."""
    caches = {name: tuple(map(int, figures)) for name, *figures in SLAB.findall(text)}
    if "slab-headers" not in caches:
        print("no /proc/slabinfo was printed")
        return
    small, large = (PAGE * caches[name][2] / caches[name][1]
                    for name in ("slab-headers", "slab-headers-large"))
    rows = [["cache", "bytes an object", "objects a slab", "frames a slab", "more, an object", "%"]]
    for name, (size, objects, frames) in caches.items():
        if name.startswith("slab-headers"):
            continue
        header = large if objects > MOST_IN_SMALL_HEADER else small
        more = (frames * PAGE + header) / objects - size
        rows.append([name, str(size), str(objects), str(frames), f"{more:.1f}",
                     f"{100 * more / size:.1f}"])
    print_table(rows)
    print(f"\nA header takes {small:.1f} bytes, or {large:.1f} with more than {MOST_IN_SMALL_HEADER} objects, "
          "the rest of its own slab included.")


def overhead(sizes):
    print_owners(sizes)
    print("\n## Overhead: objects in full slabs\n")
    print_objects(text_of(f"overhead-{sizes[1]}.txt"))


if __name__ == "__main__":
    {"memory": memory, "cpus": cpus, "overhead": overhead}[sys.argv[1]](sys.argv[2:])
