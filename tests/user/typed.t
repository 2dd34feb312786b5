#!/usr/bin/env python3
"""What a program reads of what is typed, on Octavo and on this machine's Linux: lines, bytes, signals,
jobs."""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from programs import Tap, make
from typing_steps import at_terminal

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
tap = Tap()
PROGRAM = "build/storms/typed"

# What the program asks for, and what is typed then.
ANSWERS = [
    ("edited", "axx\x7f\x7fbc\r"), ("ended", "xy\x04"), ("end", "\x04"), ("two", "one\rtwo\r"),
    ("part", "part "), ("rest", "rest\r"), ("flushed", "gone\r"),
    ("one", "a"), ("two more", "bc"), ("some", "some"), ("escape", "\x1b[A"),
    ("interrupt", "abc\x03"), ("quit", "\x1c"), ("suspend", "\x1a"), ("line", "d\r"),
    ("no signals", "\x03\x1c\x1a"), ("stop", "\x13"), (None, "\x11"),
]


# Signals that are to find the program in its read, which begins after it has asked.
SIGNALS = ("interrupt", "quit", "suspend")


def step(name, text):
    """A step of at_terminal. Signals, and what nobody asks for, come half a second later."""
    asked = rf"^type {name}\r?\n" if name else r""
    return (asked, text, 0.5) if name in SIGNALS or not name else (asked, text)


def on_linux():
    """What the program prints on a terminal of this machine; its exit status."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(PROGRAM, [PROGRAM])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 25, 80, 0, 0))
    text, answers, deadline = "", [step(*answer) for answer in ANSWERS], time.monotonic() + 30
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                text += os.read(terminal, 4096).decode(errors="replace").replace("\r", "")
            except OSError:
                break
        if answers and re.search(answers[0][0], text, re.MULTILINE):
            time.sleep(sum(answers[0][2:]))
            os.write(terminal, answers.pop(0)[1].encode())
    else:
        os.kill(pid, 9)
    return text, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def check(system, text, status):
    wrong = re.findall(r"^not ok .*(?:\n# +got .*)?", text, re.MULTILINE)
    whole = re.search(r"^# typed: (\d+) passed, 0 failed", text, re.MULTILINE)
    tap.ok(status == 0 and whole and not wrong, f"{system}: all that is typed is read as it should be",
           wrong or text.splitlines()[-20:])
    lines = [line for line in re.split(r"[\r\n]+", text) if re.fullmatch(r"[uvw]{9,}", line)]
    torn = [line for line in lines if len(line) != 999 or len(set(line)) != 1]
    tap.ok(len(lines) == 90 and not torn, f"{system}: a line is whole, whoever else writes",
           [f"{len(lines)} lines", *torn[:3]])


trouble = make(PROGRAM)
if trouble:
    tap.ok(False, "the program is built", trouble.splitlines())
    tap.done()
try:
    linux = on_linux()
except OSError:
    linux = None
if linux and linux[1] != 127:
    check("Linux", *linux)
else:
    tap.skip("Linux: all of it", "this machine does not run i386 programs")
steps = [step(*answer) for answer in ANSWERS]
check("Octavo", *at_terminal(steps, "--media", "multiboot", "--image", "build/kernel.elf",
                             "--smp", "2", "--timeout", "60", "--add", PROGRAM, "--cmdline", 'run="/typed"'))
tap.done()
