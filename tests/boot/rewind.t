#!/usr/bin/env python3
"""make rewind: a recorded run can be gone through in both directions, by instructions, breakpoints
and watchpoints, and tells who wrote a word last: in the kernel, in a program, through the direct
map. Runs end by a panic, a power-off or a reset; some are typed at.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from debugger import ROOT, answers, end, like, ok


def record(folder, *words):
    done = subprocess.run([ROOT / "tools/rewind", "record", "--folder", folder, *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def replay(folder, *commands):
    return answers(commands, f"{folder}/kernel.elf", "tools/gdb/rewind.gdb",
                   OCTAVO_RECORDING=folder)


def kernel_bug(folder):
    """Somebody wrote to a freed object; the kernel notices later."""
    status, console = record(folder, "--cmdline", "debug=stacks crash=use-after-free")
    ok("a run that ends in a panic is recorded", status == 2, console)
    address = re.search(r"write after free: \S+ (0x\w+) of", console)[1]
    said = replay(
        folder, "bt", f"octavo last-write {address}+3", f"octavo last-write {address}+3",
        f"octavo why {address}", "octavo goto end", f"watch *(int *) {address}", "reverse-continue",
        "reverse-continue", "reverse-finish", "delete", "octavo goto start", "tbreak mm_init",
        "continue", "stepi", "stepi", "reverse-stepi", "octavo goto", "octavo goto end",
        "octavo console", "continue")
    like("the replay stands at its end", said[0], r"^This is the end of the run, after \d+ instr",
         r"^#0  power_off \(kind=EXIT_PANIC|^#0  power_off \(kind=kind@entry=EXIT_PANIC")
    like("with the stack of the panic", said[1], "kpanic", "debug_alloc", "use_after_free")
    like("last-write finds the bug", said[2], r"^0x\w+ became 0x00, from 0x6b, \d+ instructions",
         r"^=> .*<use_after_free\+\d+>:\s+movb +\$0x0,0x3\(%e", r"^#0 .*use_after_free \(\)")
    like("...and before that the poison of the free", said[3], r"became 0x6b, from 0x5a",
         r"^#0 .*memset", r"poison", r"use_after_free")
    like("there and then the object is not freed yet", said[4], r"the live object|the freed object",
         r"allocated by misused_object")
    like("reverse-continue goes back to a watchpoint", said[7], r"use_after_free \(\) at kernel/")
    like("...and to the one before", said[8], r"memset \(")
    like("reverse-finish to the call", said[9], r"poison \(")
    like("goto start is the first instruction", said[11], r"^#0 +0x0000fff0", r"^after 0 of \d+ ")
    like("from there it goes on to a breakpoint", said[13], r"Temporary breakpoint \d+, mm_init")
    before = re.search(r"0x\w+", said[14])
    like("one step back after two is after one", said[16], before[0] if before else "stepi")
    like("there is a place in time", said[17], r"^after \d+ of \d+ instructions")
    like("goto end comes back", said[18], r"power_off", r"^after (\d+) of \1 instructions")
    like("the console is the recorded one, once", said[19], r"heap: write after free",
         r"^panic: called from$", r"entry_high\+0x\w+\s*\Z")
    like("behind the end there is nothing", said[20], r"^The recording ends here")


def program(folder):
    status, console = record(folder, "--run", "memtour cow")
    ok("a program's run is recorded", status == 0 and "Only pages that somebody wrote" in console,
       console)
    said = replay(
        folder, "tbreak space_fork", "reverse-continue", "bt", "octavo last-write 0x3ffe0000 4",
        "octavo last-write 0x3ffe0000 4")
    like("back from its end to its fork", said[2], r"^Temporary breakpoint \d+, space_fork")
    like("the stack leads into the program", said[3], r"<system call in ring 3>", r"cow_step",
         r"main \(argc=2")
    like("its page was written by itself", said[4], r"became 0x\w+, from 0x00000000",
         r"^#0 .*cow_step|^#0 .*memset", r"main \(argc=2")
    like("...and before that filled by the kernel", said[5], r"became 0x00000000, from",
         r"page_zeroed", r"<page fault in ring 3>", r"main \(argc=2")


def reset(folder):
    status, console = record(folder, "--cmdline", "monitor", "--input", "reboot")
    ok("a run that ends in a reset is recorded", status == 3, console)
    said = replay(folder, "bt", "reverse-stepi")
    like("the replay ends there too", said[1], r"power_reboot", r"monitor_run")
    ok("and can go back", "error" not in said[2].lower() and said[2].strip() != "", said[2])


for test in (kernel_bug, program, reset):
    with tempfile.TemporaryDirectory(prefix="octavo-") as work:
        test(work)
end()
