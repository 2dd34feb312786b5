#!/usr/bin/env python3
"""The terminal by hand: editing of lines, end of file, signals from keys, jobs, and the monitor over
running programs."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from programs import Tap
from typing_steps import at_terminal

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
tap = Tap()
PROMPT = r"\$ $"


def check(description, steps, *wanted, options=()):
    console, status = at_terminal(steps, "--timeout", "120", *options)
    missing = [pattern for pattern in wanted if not re.search(pattern, console, re.MULTILINE)]
    tap.ok(status == 0 and not missing and "never seen" not in console, description,
           [f"status {status}", *(f"wanted {pattern!r}" for pattern in missing),
            *console.splitlines()[-30:]])


check("a line is edited before the program has it, and ^D ends its input", [
    (PROMPT, "cat\r"),
    (r"cat\r?\n", "helx\x7flo\r", 1),
    (r"^hello\r?\n", "all wrong\x15second\r"),
    (r"^second\r?\n", "\x04"),
], r"^hello$", r"^second$")

check("^C ends a program that computes, ^Z stops one, and it goes on", [
    (PROMPT, "cat /dev/zero >/dev/null\r"),
    (r"null\r?\n", "\x03", 1),
    (PROMPT, "echo status $?\r"),
    (r"^status 130(.|\n|\r)*" + PROMPT, "cat\r"),
    (r"cat\r?\n", "\x1a", 1),
    (PROMPT, "ps\r"),
    (r"COMMAND(.|\n|\r)*" + PROMPT, "fg\r"),
    (r"fg(.|\n|\r)*\n", "again\r", 1),
    (r"^again\r?\n(again)", "\x04"),
], r"^status 130$", r" T .* cat$", r"^again$")

check("Ctrl-] brings the monitor up while a program runs, and go leads back", [
    (PROMPT, "cat\r"),
    (r"cat\r?\n", "\x1d", 1),
    (r"octavo> $", "ps\r"),
    (r"octavo> $", "test\r"),
    (r"octavo> $", "maps 1\r"),
    (r"octavo> $", "go\r"),
    (r"go\r?\n\r?\n", "back\r", 1),
    (r"^back\r?\nback", "\x1d"),
    (r"octavo> $", "\x1d"),
    (r"\n", "once more\r", 1),
    (r"^once more\r?\nonce", "\x04"),
], r"PID  PPID GROUP.*\n +1 .* init\n +2 .* sh\n", r" S .* cat$", r"\[stack\]", r"^once more$")

check("a name that the shell and a folder both have is completed", [
    (PROMPT, "ech\tonce\r"),
], r"^once$")

check("the shell shows its line again when the monitor is left", [
    (PROMPT, "echo from"),
    (r"from$", "\x1d"),
    (r"octavo> $", "vmas 2\r"),
    (r"octavo> $", "go\r"),
    (r"\$ echo from$", " before\r"),
], r"^\$ echo from before$", r"^from before$")

tap.done()
