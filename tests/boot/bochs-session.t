#!/usr/bin/env python3
"""make bochs: stops by name, what is at hand there, gdb behind Bochs, the machine's console.

Each session is tools/bochs/start on a terminal of its own, with commands typed at its prompts as a
person would; what it said between two prompts is what is looked at. The boot option break= is tried
without a debugger as well.
"""
import os
import pty as terminals
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests"))

import tap  # noqa: E402
from tap import like  # noqa: E402

PROMPT = r"<bochs:\d+> $"
SECONDS = 60


def check(description, good, text=""):
    tap.ok(good, description, text)


class Session:
    def __init__(self, *arguments):
        self.pid, self.terminal = terminals.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.environ.pop("DISPLAY", None)
            os.environ["TERM"] = "dumb"
            os.execv("tools/bochs/start", ["tools/bochs/start", *arguments])
        self.start = self.wait(PROMPT)

    def wait(self, pattern):
        """What is said until it ends with the pattern, or until it all ends."""
        text, deadline = "", time.monotonic() + SECONDS
        while not re.search(pattern, text) and time.monotonic() < deadline:
            if not select.select([self.terminal], [], [], 1)[0]:
                continue
            try:
                data = os.read(self.terminal, 65536)
            except OSError:
                break
            text += data.decode(errors="replace").replace("\r", "")
        return text

    def ask(self, line, pattern=PROMPT):
        os.write(self.terminal, line.encode() + b"\n")
        return self.wait(pattern)

    def go_to(self, pattern):
        """What the stop says that fits; others, whose order is the kernel's business, are passed."""
        for _ in range(30):
            text = self.ask("c")
            if re.search(pattern, text, re.MULTILINE) or not re.search(PROMPT, text):
                break
        return text

    def close(self):
        """The exit status after `q`; the terminal may be gone already."""
        try:
            os.write(self.terminal, b"q\n")
            self.wait("never")
        except OSError:
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def names():
    done = subprocess.run([ROOT / "tools/bochs/start", "--break", "kmallocs"], text=True,
                          capture_output=True, stdin=subprocess.DEVNULL)
    check("a name that nobody knows is refused", done.returncode == 1, done.stdout)
    like("...with names near it", done.stderr, r"called 'kmallocs'; near: .*\bkmalloc\b")


def start_of_the_machine():
    session = Session("--break", "sector0,e820_keep,entry,mm/slab_grow.c:slab_grow,monitor_run",
                      "--cmdline", "break=tty_init,no_such_name")
    like("sector 0 stops, and says what it is", session.start, r"0000:7c40 \(entry\+2\)",
         r"ends with 55 aa", r"2880 sectors of 512 bytes")
    like("a label of the loader stops", session.ask("c"), r"\(e820_keep\+0\)",
         r"so far: 0", r"mmap: base=0x0000000000000000 length=0x[0-9a-f]+ type=1 \(usable\)")
    like("commands for the kernel wait for it", session.ask("octavo zones"), "does not run yet")
    number = int(re.search(r"breakpoint (\d+) at \w+: e820_keep", session.start).group(1))
    session.ask(f"d {number}")
    text = session.ask("c")
    like("the kernel's entry has the Multiboot information", text, r"0008:.*\(entry\+3\)",
         r"command line: .*monitor break=", r"type=1 \(usable\)", r"module .* /bin/memtour")
    like("marks that were not asked for are passed", text, r"\A(?!(?s:.*)kernel_enter)")
    log = session.ask("c")
    like("break= says what it found", log, r"^break: stops at 0x\w+ tty_init",
         r"^break: .* 'no_such_name'")
    like("a place in a file stops, and shows the cache that grows",
         log if "in mm/slab_grow.c" in log else session.go_to("in mm/slab_grow.c:slab_grow"), r"^slab_grow \(part=",
         r"cache [a-z0-9-]+: \d+ objects of \d+ bytes, every \d+ bytes; \d+ slabs")
    like("break= stops at the function, not in its handler", session.go_to("^break: 0x"),
         r"^break: 0x\w+ tty_init\+0x0, called by", r"^  0x\w+ kernel_main\+0x",
         r"\(tty_init\+0\): ", r"^tty_init \(\)")
    session.go_to("in monitor_run")
    session.ask("octavo break buddy_split")
    for _ in range(3):
        session.ask("octavo type alloc heap 300000")
    like("a chunk is split", session.go_to("in buddy_split"),
         r"Breakpoint \d+, 0x\w+ in buddy_split", r"buddy_split \(zone=.*order=\d",
         r"^zone Normal: \d+ of \d+ frames free", r"order +0 +1 +2", r"chunks +\d",
         r"block \d+: frames")
    like("gdb walks the stack", session.ask("gdb backtrace"), r"^#0 +buddy_split",
         r"in buddy_alloc ", r"in alloc_large .* at mm/kmalloc\.c:\d+", r"in kernel_main ")
    before = session.ask("octavo buddyinfo")
    like("gdb runs the machine", session.ask("gdb finish"), r"buddy_alloc \(.* at mm/buddy.c")
    check("...and sees what has changed", before != session.ask("octavo buddyinfo"), before)
    check("it ends with 0", session.close() == 0)


def program():
    session = Session("--program", "memtour brk", "--break", "memtour:brk_step,space_brk")
    like("a function of a program stops", session.start, r"in memtour:brk_step",
         r"001b:\w+ \( *brk_step\+0\): ")
    like("disassembly has its names", session.ask("u /2"), r"\( *brk_step\+0\): ")
    like("its system call comes to the kernel, which knows it", session.ask("c"),
         r"in space_brk$", r"space_brk \(space=", r"process 1, memtour$",
         r"r-xp .* /bin/memtour$", r"\[stack\]$")
    number = re.search(r"breakpoint (\d+)", session.ask("octavo break page_fault")).group(1)
    text = session.go_to("wrote to 0x08")
    like("a page fault says what it is about", text, r"a program at 0x\w+ wrote to 0x08000000",
         r"\[heap\] +<- 0x8000000", r"directory\[32\] = 0x00000000 not present")
    session.ask(f"d {number}")
    like("octavo until, with a condition; an object that is freed",
         session.ask("octavo until kfree if memory != 0"), r"^kfree \(memory=0x",
         r"^frame 0x", r"object \d+ of the slab, from .*, in use")
    like("a system call", session.ask("octavo until sys_write"), r"^sys_write \(frame=",
         r"^system call 4 \(sys_write\) with 0x1, ", r"^thread 1 of process 1, memtour")
    session.close()


def shell():
    session = Session("--break", "sh:main")
    like("the shell's image boots when a program is to be stopped", session.start,
         r"in sh:main", r"001b:\w+ \( *main\+0\)", r"^main \(argc=1.* at user/sh\.c")
    check("...and only that program is", session.start.count("Breakpoint") == 1, session.start)
    like("its memory is at hand", session.ask("octavo maps"), r"/bin/sh$", r"\[stack\]$")
    session.close()


def console():
    session = Session()
    for _ in range(5):
        text = session.ask("c")
    like("without names it stops at the five marks", text, r"\(kernel_main\+")
    session.ask("c", r"octavo> $")
    like("while the machine runs the keys are its own", session.ask("zones", r"octavo> $"),
         r"^zone +first", r"^Normal")
    os.write(session.terminal, b"\x03")
    like("^C stops it", session.wait(PROMPT), r"^\(0\) \[")
    like("octavo screen shows its screen", session.ask("octavo screen"), r"^octavo> zones",
         r"^Normal", r"^octavo>")
    session.ask("octavo type poweroff")
    like("what is typed for it comes when it runs", session.ask("c", "machine is off"),
         r"exit status=0 kind=ok", r"The machine is off")
    check("...and its end is no error", session.close() == 0)


def trace():
    session = Session("--trace", "alloc,buddy", "--break", "tty_init")
    like("events appear while the machine runs", session.start,
         r"^\| +\d+ 0 alloc \d+ bytes at 0x\w+ \([a-z0-9-]+\)  by \w+\+0x",
         r"^\| +\d+ 0 free 0x\w+ ", r"in tty_init", r"<bochs:1> ")
    like("...those of each group", session.start, r"^\| +\d+ 0 split the \d+ KiB at frame 0x")
    session.close()


def without_debugger():
    done = subprocess.run([ROOT / "tools/boot", "--image", ROOT / "build/monitor.img", "--cmdline",
                           "monitor break=mm_release,a,b,0xc0101000,kmalloc,kfree,page_fault"],
                          capture_output=True, text=True)
    like("without a debugger break= logs the first visit, and the machine goes on", done.stdout,
         r"^break: stops at 0x\w+ mm_release", r"called 'a'", r"called 'b'", r"at 0xc0101000 0x",
         r"'page_fault' is one too many", r"^break: 0x\w+ mm_release\+0x0, called by",
         r"^  0x\w+ kernel_main", r"^break: 0x\w+ kmalloc", r"exit status=0 kind=ok")
    check("...only the first", done.stdout.count(" kmalloc+0x0, called by") == 1, done.stdout)


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for part in (names, start_of_the_machine, program, shell, console, trace,
                 without_debugger):
        part()
    return tap.finish()


sys.exit(main())
