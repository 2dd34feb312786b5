#!/usr/bin/env python3
"""build/tools/memmap against real maps, and against a reference in another language.

SEED in the environment repeats the random part of a run.
"""
import glob
import os
import random
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
MAPS = os.path.join(ROOT, "tests", "mm", "e820")
TOOL = os.path.join(ROOT, os.environ.get("BUILD", "build"), "tools", "memmap")
RANDOM_MAPS = 300

sys.dont_write_bytecode = True
sys.path.insert(0, MAPS)
import oracle  # noqa: E402

count = 0


def ok(good, name, why=""):
    global count
    count += 1
    for line in ("" if good else why).splitlines():
        print("# " + line, file=sys.stderr)
    print("%s %d - %s" % ("ok" if good else "not ok", count, name), flush=True)


def run(*arguments, text=None):
    return subprocess.run([TOOL, *arguments], input=text, capture_output=True, text=True,
                          timeout=120)


def map_text(entries):
    return "".join("%016x %016x %d\n" % entry for entry in entries)


def random_map(rng):
    """Dense or sparse, around 0, around 4 GiB or up to 2^64, in bytes or pages; 0 to 300."""
    origin = rng.choice([0, 0, oracle.FOUR_G - (1 << 16), oracle.TOP - (1 << 17)])
    span = rng.choice([1 << 8, 1 << 14, 1 << 17])
    grain = rng.choice([1, 1, 512, 4096])
    types = rng.choice([[1, 2], [1, 2, 3, 4, 5], [0, 1, 6, 7, 12, 13, 0xffffffff, 5]])
    entries = []
    for _ in range(rng.choice([0, 1, 2, 5, 20, 60, 300])):
        base = origin + rng.randrange(span) // grain * grain
        length = rng.choice([0, rng.randrange(1 + span // 4), grain, rng.randrange(1, oracle.TOP)])
        entries.append((base, length // grain * grain, rng.choice(types)))
    return entries


def check_collection():
    paths = sorted(glob.glob(os.path.join(MAPS, "*.e820")))
    ok(len(paths) >= 77, "the collection is there", "%d maps in %s" % (len(paths), MAPS))
    for path in paths:
        with open(os.path.splitext(path)[0] + ".expect") as f:
            wanted = f.read()
        got = run(path)
        ok(got.returncode == 0 and got.stdout == wanted, os.path.basename(path),
           "status %d\n%s\n%s\nwanted\n%s" % (got.returncode, got.stdout, got.stderr, wanted))
        fresh = oracle.expect_text(oracle.sanitise(oracle.read_map(path)))
        if fresh != wanted:
            ok(False, os.path.basename(path) + ": the reference agrees with its own .expect")


def check_random():
    seed = int(os.environ.get("SEED") or str(time.time_ns() % (1 << 32)), 0)
    print("# seed %d" % seed)
    rng = random.Random(seed)
    bad = None
    for _ in range(RANDOM_MAPS):
        entries = random_map(rng)
        got = run("-", text=map_text(entries))
        if got.returncode != 0 or got.stdout != oracle.expect_text(oracle.sanitise(entries)):
            bad = shrink(entries)
            break
    ok(bad is None, "%d random maps" % RANDOM_MAPS,
       "" if bad is None else "differs for\n%sgot\n%swanted\n%s" % (
           map_text(bad), run("-", text=map_text(bad)).stdout,
           oracle.expect_text(oracle.sanitise(bad))))


def differs(entries):
    return run("-", text=map_text(entries)).stdout != oracle.expect_text(oracle.sanitise(entries))


def shrink(entries):
    """The map without every entry that the difference does not need."""
    i = 0
    while i < len(entries):
        fewer = entries[:i] + entries[i + 1:]
        if differs(fewer):
            entries = fewer
        else:
            i += 1
    return entries


def check_malformed():
    for text, message in [("0 1000\n", ":1: a field is missing"),
                          ("0 1000 1\n0 1000 one\n", ":2: not a number"),
                          ("0 1000 1 1\n", ":1: more than three fields"),
                          ("10000000000000000 1000 1\n", ":1: number too large"),
                          ("0 1000 4294967296\n", ":1: number too large"),
                          ("0 -1000 1\n", ":1: not a number"),
                          ("0 10z0 1\n", ":1: not a number"),
                          ("0 1000 1\0\n", ":1: a byte of value 0"),
                          ("\x7fELF\n", ":1: not a number")]:
        got = run("-", text=text)
        ok(got.returncode == 1 and got.stdout == "" and message in got.stderr,
           "malformed: %r" % text, "status %d: %s" % (got.returncode, got.stderr))
    got = run("-", text="# a comment\n\n \t0 1000 1 # another\r\n0000000000001000 1000 1")
    ok(got.returncode == 0 and got.stdout.endswith("\n0000000000000000 0000000000002000 1\n"),
       "comments, blank lines, carriage returns, no newline at the end", got.stderr)


def check_usage():
    ok(run().returncode == 2, "no file: wrong usage")
    ok(run("a", "b", "c").returncode == 2, "too many files: wrong usage")
    got = run("/nonexistent.e820")
    ok(got.returncode == 1 and "/nonexistent.e820: No such file" in got.stderr, "a missing file",
       got.stderr)
    got = run(os.path.join(MAPS))
    ok(got.returncode == 1 and "directory" in got.stderr, "a directory", got.stderr)


def check_log():
    """-l prints what the kernel's log shows."""
    got = run("-l", "-", text="0 a0000 1\n100000 fff00000 1\nfffff000 2000 20\n")
    ok(got.stdout == """\
mmap: base=0x0000000000000000 length=0x00000000000a0000 type=1 (usable)
mmap: base=0x0000000000100000 length=0x00000000fff00000 type=1 (usable)
mmap: base=0x00000000fffff000 length=0x0000000000002000 type=20 (unknown)
memmap: [0x0000000000000000, 0x00000000000a0000) 640 KiB usable
memmap: [0x0000000000100000, 0x00000000fffff000) 4193276 KiB usable
memmap: [0x00000000fffff000, 0x0000000100001000) 8 KiB unknown 20
memmap: total 4095.6 MB (4193916 KiB) usable
memmap: total 0.0 MB (0 KiB) usable above 4 GiB
memmap: total 0.0 MB (8 KiB) unknown (type 20)
""", "the log of the kernel", got.stdout)
    got = run("-l", "-", text="0 ffffffffffffffff 1\nffffffffffffffff 1 1\n")
    ok("memmap: [0x0000000000000000, 0x10000000000000000) " in got.stdout, "2^64 has 17 digits",
       got.stdout)


check_collection()
check_random()
check_malformed()
check_usage()
check_log()
print("1..%d" % count)
