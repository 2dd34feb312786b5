#!/usr/bin/env python3
"""The command line's editor, from COM1 and from the keyboard."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "loader"))
from harness import *
from quirks import *

CONFIG = "cmdline=console=com1 test\n"


def edit(keys, config=CONFIG):
    """Open the editor from COM1, type the keys; the command line that the kernel got."""
    machine = Machine(*floppy(Image(config=config).path))
    machine.type("\x1b")
    machine.expect("cmdline> ")
    for key in keys:
        machine.type(key)
        time.sleep(0.05)
    text = machine.expect()
    return re.search(r"cmdline=\[KERNEL\.ELF ?(.*)\]", text).group(1)


def equal(got, wanted):
    assert got == wanted, "%r, not %r" % (got, wanted)


@case("ESC from COM1 opens it, Enter boots the line as it is")
def _():
    equal(edit(["\r"]), "console=com1 test")


@case("text goes in at the cursor; Backspace and Ctrl-U")
def _():
    equal(edit([" more", "\r"]), "console=com1 test more")
    equal(edit(["\x7f\x7f\x08\x08", "bench", "\r"]), "console=com1 bench")
    equal(edit(["\x15", "new line", "\r"]), "new line")
    equal(edit(["\x15", "\r"]), "")


@case("the cursor moves by control keys and by a terminal's keys")
def _():
    equal(edit(["\x01", "a ", "\x05", " z", "\r"]), "a console=com1 test z")
    equal(edit(["\x02\x02", "X", "\x06", "Y", "\r"]), "console=com1 teXsYt")
    equal(edit(["\x01\x04\x04", "\r"]), "nsole=com1 test")
    equal(edit(["\x1b[D", "\x1b[D", "X", "\x1b[C", "Y", "\r"]), "console=com1 teXsYt")
    equal(edit(["\x1b[H", "1", "\x1bOF", "2", "\r"]), "1console=com1 test2")
    equal(edit(["\x1b[1~", "\x1b[3~", "C", "\x1b[4~", "\x1b[3~", "2", "\r"]), "Console=com1 test2")
    equal(edit(["\x1b[7~", "1", "\x1b[8~", "2", "\r"]), "1console=com1 test2")


@case("other keys of a terminal type nothing: Insert, PgUp, F1, F5; Ctrl with a cursor key moves it")
def _():
    equal(edit(["\x1b[2~", "\x1b[5~", "\x1bOP", "\x1b[15~", "\x1b[1;5D", "X", "\r"]), "console=com1 tesXt")


@case("ESC brings the first line back")
def _():
    equal(edit(["\x15", "lost", "\x1b", "\r"]), "console=com1 test")


@case("the line can grow to 511 characters and no further")
def _():
    equal(edit(["0123456789", "\r"], "cmdline=" + "x" * 505 + "\n"), "x" * 505 + "012345")


@case("a machine that looks for keys many times a microsecond gives as long for them")
def _():
    machine = Machine("-icount", "shift=0", *floppy(quirky("NO_KEYS", config=CONFIG)))
    machine.type("\x1b")
    machine.expect("cmdline> ")
    machine.settle()
    machine.type(" more\r")
    contains(machine.expect(), "cmdline=[KERNEL.ELF console=com1 test more]")


@case("another byte from COM1 does not open it")
def _():
    machine = Machine(*floppy(Image(config=CONFIG).path))
    machine.type("x\x1b")
    text = machine.expect()
    lacks(text, "cmdline> ")
    contains(text, "cmdline=[KERNEL.ELF console=com1 test]")


def keyboard(keys):
    """The same from the keyboard, opened by a key pressed before the BIOS is done."""
    machine = Machine(*floppy(Image(config=CONFIG).path))
    for _ in range(600):
        machine.monitor("sendkey spc 30")
        if select.select([machine.process.stdout], [], [], 0.1)[0]:
            machine.take()
            if "cmdline> " in machine.text:
                break
    machine.expect("cmdline> ")
    machine.settle()
    for key in ["esc"] + keys:
        machine.monitor("sendkey %s 20" % key)
        machine.settle()
    text = machine.expect()
    return re.search(r"cmdline=\[KERNEL\.ELF ?(.*)\]", text).group(1)


@case("any key of the keyboard opens it; cursor keys, Home, End, Delete, ESC")
def _():
    equal(keyboard(["home", "a", "end", "left", "delete", "b", "ret"]), "aconsole=com1 tesb")
    equal(keyboard(["ctrl-u", "x", "esc", "ret"]), "console=com1 test")


finish()
