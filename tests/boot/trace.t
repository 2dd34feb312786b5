#!/usr/bin/env python3
"""Traces of whole machines: that what tools/trace reads out of one is what the kernel itself counts,
on the way by port E9, kept in memory, sent by COM2, and taken out of a dead machine's dump."""
import os
import re
import subprocess
import sys
import tempfile
from importlib.machinery import SourceFileLoader
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(ROOT / "tests"))

from tap import finish, ok, same  # noqa: E402
from tracelib import format as f  # noqa: E402
from tracelib.frames import FREE, Replay  # noqa: E402
from tracelib.sums import Sums  # noqa: E402
from tracelib.symbols import Elf, Symbols  # noqa: E402
from tracelib.words import Words  # noqa: E402

MONITOR = "\x1d"  # brings the monitor up
KERNEL = ROOT / "build/kernel.elf"


def boot(*arguments, lines=(), cmdline=""):
    """The console of a machine into which the lines were typed."""
    typed = [word for line in lines for word in ("--input", line)]
    done = subprocess.run([ROOT / "tools/boot", "--timeout", "60", "--cmdline", cmdline, *typed,
                           *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, timeout=90)
    return done.returncode, done.stdout.decode(errors="replace").replace("\r", "")


def run_tool(*arguments):
    done = subprocess.run([ROOT / "tools/trace", *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def visits(console):
    """What the monitor said at each visit."""
    return console.split("Octavo's monitor;")[1:]


def slabs(text):
    """Objects in use by the name of their cache."""
    return {name: int(used) for name, used in re.findall(r"^([\w-]+) +(\d+) +\d+ +\d+ +\d+ +\d+ :",
                                                         text, re.MULTILINE)}


def recorded(text):
    return int(re.search(r"events: +(\d+) recorded", text)[1])


def free_frames(text):
    """Of the first table of owners: free, and free on the CPU's stacks."""
    table = text[text.index("owner  "):].split("sum ")[0]
    return sum(int(frames) for frames in re.findall(r"^(?:free|cpu cache) +(\d+) ", table,
                                                    re.MULTILINE))


def counters(text):
    return {name: int(value) for name, value in re.findall(r"^(\w+) (\d+)$", text, re.MULTILINE)}


class Part:
    """The events of a trace between two places."""

    def __init__(self, trace, first, end):
        self.header, self.events = trace.header, trace.events[first:end]


# --- By port E9: everything, compared with the kernel's tables ------------------------------------


def compare_objects(trace, words, before, after, n1, n2):
    for event in trace.events:
        words.learn(event)
    more = {name: after[name] - before.get(name, 0) for name in after}
    told = dict.fromkeys(more, 0)
    for event in trace.events[n1:n2]:
        if event[f.TYPE] in (f.ALLOC, f.FREE) and words.cache(event[f.DETAIL]) in told:
            told[words.cache(event[f.DETAIL])] += 1 if event[f.TYPE] == f.ALLOC else -1
    # Headers of slabs come and go with their slabs; they are no events.
    more.pop("slab-headers", None)
    told.pop("slab-headers", None)
    same("objects allocated less those freed are those in use, cache by cache", told, more)
    ok(sum(abs(number) for number in more.values()) > 0, "and something did change", more)


def compare_frames(trace, texts, places):
    for text, end in zip(texts, places):
        replay = Replay(Part(trace, 0, end))
        same(f"after {end} events as many frames are free as the kernel says",
             replay.owner.count(FREE), free_frames(text))
        same("and the curve ends there", replay.curve[-1][1], free_frames(text))


def compare_faults(trace, before, after, n1, n2):
    kinds = {}
    for event in trace.events[n1:n2]:
        if event[f.TYPE] == f.FAULT:
            kinds[event[f.DETAIL]] = kinds.get(event[f.DETAIL], 0) + 1
    # What was typed ahead may look like a counter in one of them.
    more = {name: after[name] - before[name] for name in before.keys() & after.keys()}
    # The kernel brings some pages of a program in itself, to write to them: no CPU has faulted then.
    by_kernel = more["pgfault"] - sum(kinds.values())
    ok(0 <= by_kernel <= 20, "faults in all", (kinds, more))
    ok(0 <= more["cow_copy"] - kinds.get(3, 0) <= by_kernel, "copies on write", (kinds, more))
    ok(kinds.get(1, 0) > 0 and kinds.get(4, 0) > 0, "zeroed pages and pages of files", kinds)


def by_port(folder):
    path = folder / "port.trace"
    look = [MONITOR, "slabinfo", "owners", "vmstat", "trace", "go"]
    status, console = boot("--trace", path, cmdline="trace=alloc,page,slab,fault,map,task,buddy",
                           lines=[*look, "memtour", "echo hello | cat", "stress 1", *look])
    same("a machine that is traced ends well", status, 0)
    texts = visits(console)
    if len(texts) < 2:
        return ok(False, "the monitor was there twice", console)
    trace = f.Trace(path.read_bytes())
    symbols = Symbols(trace.header, Elf(KERNEL), trace.notes)
    same("nothing is wrong with the trace", trace.notes, [])
    n1, n2 = (recorded(text) for text in texts)
    compare_objects(trace, Words(symbols), slabs(texts[0]), slabs(texts[1]), n1, n2)
    compare_frames(trace, texts, (n1, n2))
    compare_faults(trace, counters(texts[0]), counters(texts[1]), n1, n2)
    same("at power-off too", Replay(trace).owner.count(FREE),
         free_frames(console[console.rindex("owner "):]))
    check_words(trace, symbols, path)
    ok("octavo: started" in path.read_text(errors="replace")
       and "Octavo. Type help" not in path.read_text(errors="replace"),
       "the console keeps off the port from then on")
    return check_sums(trace, symbols)


def check_words(trace, symbols, path):
    names = {symbols.name(event[f.SITE]).split("+")[0] for event in trace.events}
    for name in ("node_create", "bring_in", "page_zeroed", "space_fork"):
        ok(name in names, f"{name} is among the call sites", sorted(names))
    ok(trace.clock.rate and 0.1 < trace.clock.seconds(trace.events[-1][f.TIME]) < 60,
       "the clock runs", trace.clock.rate)
    status, text, _ = run_tool(path)
    ok(status == 0 and re.search(r"^ +\d+ +\d+ .*node_create\+0x\w+  kernel/files/node.c:\d+$",
                                 text, re.MULTILINE), "the report names function and line", text)
    status, text, _ = run_tool("--events", "--only", "fork,exec", path)
    ok(re.search(r"fork 2 \(sh\) has a child \d+\n.*exec \d+ \(memtour\)", text),
       "events in words", text)
    with open(path, "rb") as file:
        followed = subprocess.run([ROOT / "tools/trace", "--follow", "--only", "fork,exec", "-"],
                                  stdin=file, stdout=subprocess.PIPE, check=False, text=True)
    same("--follow says the same events", [line.split(None, 2)[2] for line in
                                           followed.stdout.splitlines()],
         [line.split(None, 2)[2] for line in text.splitlines()])


def check_sums(trace, symbols):
    """Sums by call site are the events themselves."""
    sums = Sums(trace)
    events = trace.events
    same("calls of all call sites", sum(site.count for site in sums.objects.values()),
         sum(event[f.TYPE] == f.ALLOC for event in events))
    same("objects that live at the end", sum(site.live for site in sums.objects.values()),
         len(sums.live))
    same("lifetimes", sum(sums.lifetimes), sum(site.freed for site in sums.objects.values()))


# --- In memory: a small ring, read in ring 3, by COM2, and after death ----------------------------


def in_memory(folder):
    path = folder / "com2.trace"
    status, console = boot(
        "--", "-serial", f"file:{path}", cmdline="trace=alloc,map trace_buffer=8K", lines=[
            "memtour seed", "cat /proc/octavo/trace", "hexdump /proc/octavo/trace.bin | cat",
            "echo alloc >/proc/octavo/trace", "echo nonsense >/proc/octavo/trace",
            "memtour", MONITOR, "trace off", "trace", "trace dump com2", "trace", "go"])
    same("a machine with a small ring ends well", status, 0)
    ok(re.search(r"groups: +alloc,map\nto: +memory\nevents: +\d+ recorded, \d+ waiting, [1-9]\d* "
                 r"lost, room for 256", console), "ring 3 sees what is chosen and lost", console)
    ok(re.search(r"4f 63 74 54 72 61 63 65", console), "ring 3 reads the events", console)
    ok("nonsense" in console and re.search(r"groups: +off", console), "groups are switched", console)
    trace = f.Trace(path.read_bytes())
    last = visits(console)[-1]
    total, waiting, lost = (int(number) for number in re.search(
        r"events: +(\d+) recorded, (\d+) waiting, (\d+) lost", last[last.index("to:"):]).groups())
    same("COM2 got all that waited", len([event for event in trace.events
                                          if event[f.TYPE] != f.LOST]), waiting)
    ok(trace.lost > 0 and trace.lost <= lost and total >= waiting + trace.lost,
       "what is lost is said", f"{trace.lost} of {lost}")
    ok(re.search(r"(\d+) recorded, 0 waiting", last), "the rings are empty then", last)
    ok(any("lost" in note for note in trace.notes), "the report says so", trace.notes)


def after_death(folder):
    """A kernel that panicked; its memory; gdb's `octavo trace`."""
    dump, path = folder / "memory.dump", folder / "dead.trace"
    qmp = folder / "qmp"
    command = ["qemu-system-i386", "-m", "32M", "-display", "none", "-no-shutdown", "-net", "none",
               "-kernel", KERNEL, "-append", "trace=alloc,page crash=double-free",
               "-qmp", f"unix:{qmp},server=on,wait=off", "-serial", f"file:{folder / 'dead'}"]
    machine = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        save_memory(qmp, folder / "dead", dump)
    finally:
        machine.kill()
        machine.wait()
    done = subprocess.run([ROOT / "tools/inspect", dump, f"trace {path}"], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    if not path.exists():
        return ok(False, "a dead machine's events come out of its dump", done.stdout)
    trace = f.Trace(path.read_bytes())
    symbols = Symbols(trace.header, Elf(KERNEL), trace.notes)
    last = [event for event in trace.events if event[f.TYPE] == f.FREE][-1]
    ok("double_free" in symbols.name(last[f.SITE]), "the last event of a dead machine is the free "
       "that it died of", symbols.name(last[f.SITE]))
    return same("its notes", trace.notes, [])


def save_memory(qmp, console, dump):
    import json
    import socket
    import time
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if console.exists() and "kind=panic" in console.read_text(errors="replace"):
            break
        time.sleep(0.1)
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(qmp))
        stream = link.makefile("rw")
        stream.readline()
        for name, arguments in (("qmp_capabilities", {}),
                                ("pmemsave", {"val": 0, "size": 32 << 20, "filename": str(dump)})):
            stream.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
            stream.flush()
            while '"return"' not in stream.readline():
                pass


# --- docs/tracing.md ------------------------------------------------------------------------------


def blocks(kind):
    """[(command, lines)] of the page's blocks of a kind."""
    page = (ROOT / "docs/tracing.md").read_text()
    commands = []
    for block in re.findall(rf"^```{kind}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                commands.append((line[2:], []))
            elif line.strip():
                commands[-1][1].append(line)
    return commands


def shape(line):
    """A line without its numbers and the width of its columns."""
    return " ".join(re.sub(r"0x[0-9a-f]+|[0-9.]+", "N", line).split())


def page_is_true(folder):
    for command, lines in blocks("console"):
        done = subprocess.run(re.sub(r"\btools/", f"{ROOT}/tools/", command), shell=True, cwd=folder,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              text=True, timeout=90)
        there = [shape(line) for line in done.stdout.splitlines()]
        missing = [line for line in lines if shape(line) not in there]
        ok(done.returncode == 0 and not missing, f"docs/tracing.md: {command}",
           "\n".join(missing) + "\n--\n" + done.stdout)
    typed = blocks("octavo")
    _, console = boot(lines=[command for command, _ in typed])
    there = [shape(line) for line in console.splitlines()]
    missing = [line for _, lines in typed for line in lines if shape(line) not in there]
    ok(not missing, "docs/tracing.md: what the shell says", "\n".join(missing) + "\n" + console)


def wrong_options():
    _, console = boot(cmdline="trace=alloc,nothing trace_to=lpt1 trace_buffer=tiny monitor",
                      lines=["trace alloc", "trace dump lpt1", "trace bogus", "trace off"])
    ok("trace: 'alloc,nothing' is no list of groups" in console, "a wrong list is reported", console)
    ok("there is no port 'lpt1'; events stay in memory" in console, "a wrong port", console)
    ok("trace_buffer=tiny is no size" in console, "a wrong size", console)
    ok("There is no port 'lpt1'." in console and "usage: trace [GROUPS|off|dump PORT]" in console,
       "the monitor says what is wrong", console)


def typed_beside(folder):
    """Bochs' serial port interrupts only where the bit OUT2 lets it, as a real one does."""
    tool = SourceFileLoader("boot", str(ROOT / "tools/boot")).load_module()
    seen = folder / "seen"
    args = tool.arguments(["--emu", "bochs", "--media", "hd", "--mem", "16M", "--e9", str(seen),
                           "--cmdline", "trace=task trace_to=com1"])

    class Typist(tool.Session):
        """Types to the shell, whose console is port E9 alone."""
        steps = [(b"poweroff to leave", b"echo $((20 + 3))\r"), (b"\n23\r\n", b"poweroff\r")]

        def read(self):
            self.console = b""
            return bool(os.read(self.machine.output, 65536))

        def answer(self):
            if self.steps and self.steps[0][0] in seen.read_bytes():
                self.machine.type(self.steps.pop(0)[1])

    tool.choose_medium(args)
    machine = tool.Bochs(args, folder, tool.medium(args, folder))
    try:
        Typist(args, machine, folder).follow()
    except ConnectionResetError:
        pass
    finally:
        tool.stop(machine.process)
    ok(b"octavo: exit status=0 kind=ok" in seen.read_bytes(),
       "what is typed on the port that has the trace is heard", seen.read_bytes().decode(errors="replace"))


def main():
    with tempfile.TemporaryDirectory(prefix="octavo-") as name:
        by_port(Path(name))
        in_memory(Path(name))
        after_death(Path(name))
        page_is_true(Path(name))
    with tempfile.TemporaryDirectory(prefix="octavo-") as name:
        typed_beside(Path(name))
    wrong_options()
    return finish()


sys.exit(main())
