#!/usr/bin/env python3
"""OCTAVO.CFG: every key, every end of line, and everything wrong with it."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "loader"))
from harness import *

HELLO = write("HELLO.TXT", "hello\n")
OTHER = write("Other-file.bin", "other")
BIG = write("BIG.BIN", bytes(700000))


def boot(config, files=(HELLO, OTHER), **options):
    return boots(*floppy(Image(config=config, files=files, **options).path))


@case("cmdline= reaches the kernel word for word, behind the kernel's name")
def _():
    text = boot('cmdline=console=vga,com1  run="/bin/sh -c x" mem=8M=1 \n')
    contains(text, 'cmdline=[KERNEL.ELF console=vga,com1  run="/bin/sh -c x" mem=8M=1]\n')


@case("any line ends, blanks, comments, case of keys")
def _():
    text = boot(b"\xef\xbb\xbf# comment\r\n; comment\r\n\r\n  CmdLine = a b \r\rMODULE=hello.txt\n"
                b"\tmodule =\tother-FILE.bin /x y\x1akernel=NO\n")
    contains(text, "cmdline=[KERNEL.ELF a b]", "modules=2\n", "string=[hello.txt]",
             "string=[other-FILE.bin /x y]")
    lacks(text, "OCTAVO.CFG")


@case("kernel= names another kernel, and the other one is no module then")
def _():
    image = Image(config="kernel=second.krn\nmodules=all\n", files=[HELLO])
    command("mren", "-i", image.path, "::KERNEL.ELF", "::SECOND.KRN")
    command("mcopy", "-i", image.path, HELLO, "::KERNEL.ELF")
    text = boots(*floppy(image.path))
    contains(text, "cmdline=[second.krn]", "modules=2\n", "string=[KERNEL.ELF]")


@case("modules=none")
def _():
    contains(boot("modules=none\n"), "modules=0\n")


@case("modules=all beside module= lines: the lines' files first, none twice")
def _():
    text = boot("module=other-FILE.bin /bin/other\nmodules=all\n")
    contains(text, "modules=2\n", "string=[other-FILE.bin /bin/other]", "string=[HELLO.TXT]")
    text = boot("modules=all\nmodule=HELLO.TXT x\n")
    contains(text, "modules=2\n", "string=[HELLO.TXT x]", "string=[Other-file.bin]")


@case("modules=all keeps a megabyte free from lines too, lines alone do not")
def _():
    image = Image(config="module=BIG.BIN\n", files=[BIG])
    contains(boots(*floppy(image.path), "-m", "2"), "modules=1\n")
    image = Image(config="module=BIG.BIN\nmodules=all\n", files=[BIG])
    contains(boots(*floppy(image.path), "-m", "2"), "BIG.BIN finds no room, left out\n",
             "modules=0\n")


@case("a missing module is reported, and the others load")
def _():
    text = boot("module=NONE.BIN x\nmodule=HELLO.TXT\n")
    contains(text, "octavo loader: module NONE.BIN is not on the floppy, left out\n", "modules=1\n",
             "string=[HELLO.TXT]")


@case("serial=off silences COM1, serial=SPEED sets it")
def _():
    text = Machine(*floppy(Image(config="serial=off\n").path)).expect()
    lacks(text.split("test kernel")[0], "octavo loader")
    contains(boot("serial=9600\n"), "octavo loader: loading")


@case("unknown keys, bad values and lines without a key are reported with their number")
def _():
    text = boot("colour=red\nserial=fast\nmodules=some\nkernel=\n\nhello\n")
    contains(text, 'OCTAVO.CFG line 1: unknown key "colour", ignored\n',
             'OCTAVO.CFG line 2: bad value "fast", ignored\n',
             'OCTAVO.CFG line 3: bad value "some", ignored\n',
             'OCTAVO.CFG line 4: bad value "", ignored\n',
             "OCTAVO.CFG line 6: no KEY=VALUE, ignored\n", "modules=2\n")


@case("no OCTAVO.CFG: the defaults boot")
def _():
    image = Image(files=[HELLO])
    command("mdel", "-i", image.path, "::OCTAVO.CFG")
    text = boots(*floppy(image.path))
    contains(text, "no OCTAVO.CFG, using defaults", "cmdline=[KERNEL.ELF]\n", "modules=1\n")


@case("OCTAVO.CFG full of garbage: a few reports, then the defaults")
def _():
    text = boot(bytes((i * i * 7 + i * 13 + 5) & 0xFF for i in range(4000)).replace(b"\x1a", b"\n"))
    contains(text, "octavo loader: OCTAVO.CFG line ", "cmdline=[KERNEL.ELF]\n")
    assert text.count("OCTAVO.CFG line ") <= 8, text


@case("OCTAVO.CFG whose chain is broken: the defaults")
def _():
    image = Image(config="cmdline=never\n")
    image.put(image.first("OCTAVO  CFG"), 0)
    text = boots(*floppy(image.save().path))
    contains(text, "octavo loader: OCTAVO.CFG has a chain that leaves the disk, using defaults",
             "cmdline=[KERNEL.ELF]\n")


@case("a command line or a file too long is cut, and said so")
def _():
    text = boot("cmdline=" + "x" * 600 + "\n")
    contains(text, "OCTAVO.CFG line 1: command line too long, cut at 511 characters",
             "cmdline=[KERNEL.ELF " + "x" * 511 + "]")
    contains(boot("#" * 5000 + "\n"), "OCTAVO.CFG is too long, only 4096 bytes are read")


@case("more than 64 module lines")
def _():
    text = boot("module=HELLO.TXT\n" * 65)
    contains(text, "OCTAVO.CFG line 65: more than 64 modules, ignored", "modules=64\n")


finish()
