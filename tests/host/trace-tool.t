#!/usr/bin/env python3
"""tools/trace on traces made up for it: sums that are known, and files that are damaged, cut off or
no traces at all. Its numbers are those of include/trace.h and include/frame.h."""
import contextlib
import io
import random
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]

from synthetic_trace import DIRECT, Machine  # noqa: E402
from tap import finish, ok, same  # noqa: E402
from tracelib import format as f  # noqa: E402
from tracelib.frames import FREE, Replay  # noqa: E402
from tracelib.page import numbers, runs, signed, write_page  # noqa: E402
from tracelib.sums import Report, Sums  # noqa: E402
from tracelib.symbols import Symbols  # noqa: E402
from tracelib.words import Words  # noqa: E402

MUTANTS = 300


# --- The format is the kernel's -------------------------------------------------------------------


def check_format():
    header = (ROOT / "include/trace.h").read_text()
    kinds = {name: int(value, 16) for name, value in re.findall(
        r"^    TRACE_(\w+) = (0x[0-9A-F]{2}),", header, re.MULTILINE)}
    same("kinds of events", {name: value for name, value in vars(f).items()
                             if name in kinds and isinstance(value, int)}, kinds)
    same("each has a word", sorted(f.TYPES), sorted(kinds.values()))
    same("groups", " ".join(f"X({name})" for name in f.GROUPS),
         re.search(r"define TRACE_GROUPS\(X\)[ \\\n]+(.*)", header)[1].strip())
    faults = re.search(r"enum trace_fault \{(.*?)\n\}", header, re.DOTALL)[1]
    same("kinds of faults", len(f.FAULTS), len(re.findall(r"TRACE_FAULT_\w+", faults)))
    names = re.findall(r'^    \[FRAME_\w+\] = "([^"]*)"', (ROOT / "mm/owner.c").read_text(),
                       re.MULTILINE)
    same("owners of frames", list(f.OWNERS), names)
    same("sizes", (f.HEADER.size, f.EVENT.size), (64, 32))


# --- Sums -----------------------------------------------------------------------------------------


def check_sums():
    machine = Machine(frames=2048, seed=5).run(30000)
    trace = f.Trace(machine.file())
    sums = Sums(trace)
    replay = Replay(trace)
    same("no notes", trace.notes, [])
    same("objects that are left", sum(site.live for site in sums.objects.values()),
         len(machine.objects))
    same("their bytes", sum(site.live_size for site in sums.objects.values()),
         sum(machine.objects.values()))
    same("frees without an allocation", sums.unknown_frees, 0)
    same("frames that are free", replay.owner.count(FREE), len(machine.free))
    same("and in the curve", replay.curve[-1][1], len(machine.free))
    same("pages that are left", sum(site.live for site in sums.pages.values()), len(machine.used))
    whole = {k: sum(all(frame in free for frame in range(at, at + size))
                    for at in range(0, 2048, size)) * size
             for k, size in enumerate((8, 1024)) for free in [set(machine.free)]}
    for k in (0, 1):
        ok(abs(replay.curve[-1][2 + k] - (1 - whole[k] / len(machine.free))) < 1e-9,
           f"free memory in small pieces ({k})", (replay.curve[-1], whole))
    ok(abs(trace.clock.rate - 3e9) < 3e6, "stamps a second", trace.clock.rate)


def check_losses():
    """Frees whose allocation is gone, allocations whose free is gone, and the word about it."""
    event = f.EVENT.pack
    body = (event(5, 0, 0, 7, 0, f.LOST, 0) + event(6, DIRECT + 64, 9, 0, 5, f.FREE, 0)
            + event(7, DIRECT + 128, 9, 10, 5, f.ALLOC, 0)
            + event(8, DIRECT + 128, 9, 20, 5, f.ALLOC, 0))
    trace = f.Trace(Machine().file()[:f.HEADER.size] + body)
    sums = Sums(trace)
    same("events that were lost", trace.lost, 7)
    ok(any("7 events were lost" in note for note in trace.notes), "are told", trace.notes)
    same("a free without its allocation", sums.unknown_frees, 1)
    same("an object whose free is lost lives once", (sums.objects[9].live,
                                                     sums.objects[9].live_size), (1, 20))


def check_packing():
    values = [0, 1, 127, 128, 300, 1 << 32, (1 << 52) - 1]
    packed, at, back = numbers(values), 0, []
    while at < len(packed):
        value = shift = 0
        while True:
            byte = packed[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        back.append(value)
    same("numbers of any size", back, values)
    same("signs", [signed(value) for value in (0, -1, 1, -2, 2)], [0, 1, 2, 3, 4])
    same("runs", runs(bytearray(b"\0" * 1000 + b"\1" + b"\2" * 77)), [(0, 1000), (1, 1), (2, 77)])


# --- Files that are not what they should be -------------------------------------------------------


def everything(data, folder):
    """All that the program does with a file. TraceError is the only exception that may come."""
    trace = f.Trace(data)
    symbols = Symbols(trace.header, None, trace.notes)
    words = Words(symbols)
    with contextlib.redirect_stdout(io.StringIO()):
        for event in trace.events:
            words.line(event, trace.clock)
        Report(trace, symbols, words, Sums(trace), 5).print_all()
        Replay(trace).print_curve(trace.clock)
    write_page(folder / "page.html", "x", trace, symbols)


def outcome(data, folder):
    try:
        everything(data, folder)
        return "read"
    except f.TraceError as error:
        return f"refused: {error}"
    except Exception as error:  # whatever else it is, it is a bug
        return f"BUG {type(error).__name__}: {error}"


def mutants(data, random_):
    """Damaged copies: bytes changed, cut out, put in, cut off."""
    for number in range(MUTANTS):
        copy = bytearray(data)
        for _ in range(random_.randrange(1, 8)):
            at = random_.randrange(len(copy) if number % 3 else f.HEADER.size)
            copy[at] = random_.randrange(256)
        if number % 4 == 1:
            del copy[random_.randrange(len(copy)):]
        elif number % 4 == 2:
            at = random_.randrange(len(copy))
            del copy[at:at + random_.randrange(1, 100)]
        elif number % 4 == 3:
            at = random_.randrange(len(copy))
            copy[at:at] = random_.randbytes(random_.randrange(1, 100))
        yield bytes(copy)


def check_damage(folder):
    seed = random.randrange(1 << 30)
    data = Machine(frames=1024, seed=2).run(600).file()
    results = [outcome(copy, folder) for copy in mutants(data, random.Random(seed))]
    bugs = [result for result in results if result.startswith("BUG")]
    ok(not bugs, f"{MUTANTS} damaged files are read or refused (seed {seed})", "\n".join(bugs))
    ok(len([result for result in results if result == "read"]) > MUTANTS // 4,
       "most of a damaged file is still read")


def check_words(folder):
    data = Machine(frames=1024, seed=2).run(300).file()
    with_text = b"octavo: started\n" + data[:64 + 32 * 10] + b"panic: no\n" + data[64 + 32 * 10:]
    trace = f.Trace(with_text)
    same("console text before and between is skipped", (len(trace.events), trace.notes),
         (300, ["10 bytes between the events are none; skipped"]))
    same("half an event at the end", f.Trace(data[:-5]).notes,
         ["the last 27 bytes are half an event; ignored"])
    twice = f.Trace(data + data[:64 + 320])
    same("a machine that was started twice", (len(twice.events), twice.notes),
         (10, ["the machine was started 2 times; this is the last one"]))
    once, again = (subprocess.run([ROOT / "tools/trace", "--follow", "-"], input=seen, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
                   for seen in (data, data + data))
    ok(again.endswith(once), "followed, its time begins anew", again[:60].decode())
    for name, content, words in (
            ("empty", b"", "the file is empty"),
            ("text", b"Hello\n" * 100, "no trace: the word OctTrace is nowhere in it"),
            ("short", data[:40], "the file ends within the header: 40 of 64 bytes are there"),
            ("new", data[:8] + struct.pack("<H", 2) + data[10:], "the trace is of version 2"),
            ("size", data[:12] + struct.pack("<H", 31) + data[14:], "the header is damaged"),
            ("machine", data[:56] + struct.pack("<Q", 1 << 60) + data[64:], "no machine has such")):
        (folder / name).write_bytes(content)
        done = subprocess.run([ROOT / "tools/trace", folder / name], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False, text=True)
        ok(done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr
           and not done.stdout, f"a file that is {name}: {words}", done.stderr)
    done = subprocess.run([ROOT / "tools/trace", folder / "none"], stderr=subprocess.PIPE,
                          check=False, text=True)
    ok(done.returncode == 1 and "No such file" in done.stderr, "no file", done.stderr)
    done = subprocess.run([ROOT / "tools/trace", "--events", "--only", "nothing", folder / "text"],
                          stderr=subprocess.PIPE, check=False, text=True)
    ok(done.returncode == 1 and "no kind of event 'nothing'" in done.stderr, "no such kind",
       done.stderr)


def main():
    check_format()
    check_sums()
    check_losses()
    check_packing()
    with tempfile.TemporaryDirectory(prefix="octavo-") as name:
        check_damage(Path(name))
        check_words(Path(name))
    return finish()


sys.exit(main())
