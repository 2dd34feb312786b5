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

SHELL_READS = "tbreak sys_read if task_current()->process->pid == 2"
# An interrupt of a program that computes: EIP and CS lie above its vector and error code.
IN_RING_3 = "tbreak trap_common if (*(unsigned *)($esp + 12) & 3) == 3"
MAIN_OF_SHELL = r"main \(argc=1, argv=0x\w+\) at user/sh.c:\d+\s*\Z"
MAIN_OF_MEMTOUR = r"main \(argc=2, argv=0x\w+\) at user/memtour.c:\d+\s*\Z"


def waiting():
    """Everybody sleeps; then the machine is stopped."""
    said = session(
        [SHELL_READS, "continue", "bt", "octavo user", "octavo type sleep 1", "tbreak sys_nanosleep",
         "continue", "tbreak task_idle", "continue", "octavo ps", "octavo bt 2", "octavo bt 1",
         "octavo bt 3", "octavo bt 77", "octavo user", "bt"],
        "build/octavo.img")
    like("in a system call: the kernel's stack, the trap, the program's", said[3],
         r"^#0 +sys_read \(", r"^#1 +<system call in ring 3>", r"system_call \(\)$",
         r"read \(.*\) at user/lib/", MAIN_OF_SHELL)
    like("gdb has the symbols of the program that runs", said[4], r"^sh: symbols of .*/sh.elf$")
    like("the processes", said[10], r"^  PID  PPID GROUP .*NAME$", r"^ +1 .* S .* init$",
         r"^ +2 +1 .* S .* sh$", r"^ +3 +2 +3 +2 S   1 +\d+ +\d+ +\d+\.\d\d sleep$")
    like("the shell, asleep: from task_sleep to main", said[11], r"^sh \(2\), sleeping$",
         r"task_sleep", r"sys_wait4", r"<system call in ring 3>", r"wait4 \(", MAIN_OF_SHELL)
    like("init as well", said[12], r"^init \(1\), sleeping$", r"main \(.*user/init.c")
    like("and the program", said[13], r"^sleep \(3\), sleeping", "sys_nanosleep", r"main \(argc=2")
    like("a process that is not there", said[14], r"^there is no process or thread 77")
    like("nobody runs: no program's symbols", said[15], "^no program runs")
    like("the machine is as it was", said[16], r"^#0 +task_idle", "kernel_main")


def programs():
    said = session(
        [SHELL_READS, "continue", "octavo break memtour:main",
         "octavo break memtour:user/memtour/watch.c:no_such", "octavo type memtour cow", "continue",
         "octavo user", "tbreak space_fork", "continue", "bt",
         "octavo type hexdump /dev/zero", IN_RING_3, "continue", "bt", *["stepi"] * 6, "bt",
         "tbreak restore_segments", "continue", "stepi", "stepi", "bt"],
        "build/octavo.img")
    like("a breakpoint in a program that does not run yet", said[3],
         r"Breakpoint 2 at 0x\w+: file user/memtour.c, line \d+")
    like("a place that is not there", said[4], r"^memtour has no user/memtour/watch.c:no_such")
    like("stops there, in that program, before gdb says where", said[6],
         r"^Breakpoint 2, main \(argc=2")
    like("with its symbols", said[7], r"^memtour: symbols")
    like("at fork: through C, trap and assembly to the program's main", said[10],
         r"^#0 +space_fork", r"sys_fork", r"<system call in ring 3>", r"fork \(\) at user/lib",
         r"cow_step", MAIN_OF_MEMTOUR)
    like("an interrupt", said[14], r"^#0 +<interrupt \d+ in ring 3>", r"main \(argc=")
    first, later = (re.sub(r"^#0.*", "", said[at], flags=re.MULTILINE) for at in (14, 21))
    ok("each instruction of the way in knows its caller", first == later, said[14] + said[21])
    like("and of the way out", said[26], r"^#0 +<[\w ]+ in ring 3>", r"main \(argc=")


def children():
    """The same address in parent and child, and in another program."""
    pid = "print task_current()->process->pid"
    said = session(
        [SHELL_READS, "continue", "octavo type memtour cow", "octavo break memtour:system_call",
         "continue", pid, "delete", "octavo break memtour:system_call 4", "continue",
         pid, "bt", "octavo user", "delete", "octavo break memtour:system_call 3", "continue", pid,
         "continue", pid],
        "build/octavo.img")
    like("a function of the runtime in the program", said[5], r"^Breakpoint 2, .*system_call \(\)")
    like("only there, though the shell comes by its address before", said[6], r"= 3$")
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


def dead(folder):
    """The same from a dump of the machine."""
    dump = folder + "/core"
    session([SHELL_READS, "continue", "octavo type memtour cow", "tbreak space_fork if "
             "task_current()->process->pid == 3", "continue", f"monitor dump-guest-memory {dump}"],
            "build/octavo.img", OCTAVO_MEMORY="16M")
    done = subprocess.run(["tools/inspect", dump, "gdb bt", "bt 1"], cwd=ROOT, text=True,
                          capture_output=True, timeout=60)
    like("in a dump: from the kernel to main, of who ran and who waits", done.stdout + done.stderr,
         r"^#0 +space_fork", r"<system call in ring 3>", r"cow_step",
         r"main \(argc=2, .*user/memtour.c", r"^init \(1\), sleeping", r"sys_wait4",
         r"main \(argc=1, .*user/init.c")


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


waiting()
programs()
children()
with tempfile.TemporaryDirectory(prefix="octavo-") as work:
    double_fault(work)
    others(work)
    dead(work)
end()
