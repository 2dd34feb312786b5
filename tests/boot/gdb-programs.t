#!/usr/bin/env python3
"""gdb walks stacks through traps, assembly, double faults and tasks that wait, out to the program
with its own symbols; breakpoints of a program stop in that one, and across fork; processes are
listed as the monitor lists them.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from debugger import ROOT, end, image_with, like, ok, session

SHELL_READS = "tbreak sys_read if task_running->process->pid == 2"
MAIN_OF_SHELL = r"main \(argc=1, argv=0x\w+\) at user/sh.c:\d+\s*\Z"
MAIN_OF_MEMTOUR = r"main \(argc=2, argv=0x\w+\) at user/memtour.c:\d+\s*\Z"


def programs():
    said = session(
        [SHELL_READS, "continue", "bt", "octavo user",
         "octavo break memtour:main", "octavo break memtour:user/memtour/watch.c:no_such",
         "octavo bt 77", "octavo type memtour cow", "continue", "bt", "octavo bt 2",
         "octavo bt 1", "octavo user",
         "tbreak space_fork", "continue", "bt", "octavo ps",
         "tbreak trap_common if $esp < 0xe0000000", "continue", "bt", *["stepi"] * 6, "bt",
         "tbreak restore_segments", "continue", "stepi", "stepi", "bt"],
        "build/octavo.img")
    like("in a system call: the kernel's stack, the trap, the program's", said[3],
         r"^#0 +sys_read \(", r"^#1 +<system call in ring 3>", r"system_call \(\)$",
         r"read \(.*\) at user/lib/", MAIN_OF_SHELL)
    like("gdb has the symbols of the program that runs", said[4], r"^sh: symbols of .*/sh.elf$")
    like("a breakpoint in a program that does not run yet", said[5],
         r"Breakpoint 2 at 0x\w+: file user/memtour.c, line \d+")
    like("a place that is not there", said[6], r"^memtour has no user/memtour/watch.c:no_such")
    like("a process that is not there", said[7], r"^there is no process or thread 77")
    like("stops there, in that program, before gdb says where", said[9],
         r"^Breakpoint 2, main \(argc=2")
    like("the shell, asleep: from task_sleep to main", said[11], r"^sh \(2\), sleeping$",
         r"task_sleep", r"sys_wait4", r"<system call in ring 3>", r"wait4 \(", MAIN_OF_SHELL)
    like("init as well", said[12], r"^init \(1\), sleeping$", r"main \(.*user/init.c")
    like("after that the symbols are the program's again", said[13], r"^memtour: symbols")
    like("at fork: through C, trap and assembly to the program's main", said[16],
         r"^#0 +space_fork", r"sys_fork", r"<system call in ring 3>", r"fork \(\) at user/lib",
         r"cow_step", MAIN_OF_MEMTOUR)
    like("an interrupt of the kernel", said[20], r"^#0 +<(interrupt \d+|[\w ]+) in ring [03]>",
         r"cow_step|main")
    like("the processes", said[17], r"^  PID  PPID GROUP .*NAME$", r"^ +1 .* init$", r"^ +2 .* sh$",
         r"^ +3 +2 +3 +2 R   1 +\d+ +\d+ +\d+\.\d\d memtour$")
    first, later = (re.sub(r"^#0.*", "", said[at], flags=re.MULTILINE) for at in (20, 27))
    ok("each instruction of the way in knows its caller", first == later, said[20] + said[27])
    like("and of the way out", said[32], r"^#0 +<[\w ]+ in ring 3>", MAIN_OF_MEMTOUR)


def children():
    """The same address in parent and child, and in another program."""
    pid = "print task_running->process->pid"
    said = session(
        [SHELL_READS, "continue", "octavo type memtour cow", "octavo break memtour:fork",
         "continue", "info breakpoints", "delete", "octavo break memtour:system_call 4", "continue",
         pid, "bt", "octavo user", "delete", "octavo break memtour:system_call 3", "continue", pid,
         "continue", pid],
        "build/octavo.img")
    like("a function of the runtime in the program", said[5], r"^Breakpoint 2, .*fork \(\)")
    like("only there, though other programs come by that address", said[6], r"already hit 1 time$")
    like("after fork: in the child alone", said[10], r"= 4$")
    like("...with the stack that it inherited", said[11], r"cow_step", MAIN_OF_MEMTOUR)
    like("...and its symbols", said[12], r"^memtour: symbols")
    numbers = [re.search(r"= (\d+)", said[at]) for at in (16, 18)]
    ok("in a process and what it forks", all(number and number[1] in "34" for number in numbers),
       "".join(said[13:]))


def double_fault(folder):
    said = session(["tbreak power_off", "continue", "bt 12", "bt -3"],
                   image_with(folder, "crash=task-stack-overflow"))
    like("a double fault: from its own stack to the one that overflowed", said[3],
         r"^#0 +power_off", r"trap_double_fault", r"<double fault>", r"stack_overflow_at")
    like("down to its first call", said[4], r"stack_overflow")


OTHERS = """
static void leave(int status)
{
    __asm__ volatile("int $0x80" : : "a"(1), "b"(status));
}

static __attribute__((noinline)) int work(int times)
{
    return times == 0 ? 0 : 1 + work(times - 1) * 2;
}

void _start(void)
{
    leave(work(3) != 7);
}
"""


def others(folder):
    """A program that is not of this tree: its file is named."""
    source, program = Path(folder) / "hello.c", Path(folder) / "hello"
    source.write_text(OTHERS)
    subprocess.run(["gcc", "-m32", "-static", "-no-pie", "-nostdlib", "-g", "-O1", "-o", program,
                    source], check=True)
    said = session(
        ["octavo break hello:work", f"octavo user {program}", "octavo break hello:work", "continue",
         "bt 3", "octavo user", "delete", "octavo break hello:leave", "continue"],
        image_with(folder, 'run="/hello"', program))
    like("without a file it has no symbols", said[1], r"octavo user FILE names one")
    like("with one it has", said[2], r"^hello: symbols of .*/hello$")
    like("and stops there", said[4], r"^Breakpoint \d+, .*work \(times=(times@entry=)?3\) at .*hello.c:\d+")
    like("its stack", said[5], r"work \(times=\S*3\)", r"_start \(\) at .*\n\Z")


programs()
children()
with tempfile.TemporaryDirectory(prefix="octavo-") as work:
    double_fault(work)
    others(work)
end()
