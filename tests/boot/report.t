#!/usr/bin/env python3
"""The boot report: one line on the screen, and the firmware's answers kept for the kernel."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "loader"))
from harness import *
from quirks import *

KERNEL = os.path.join(ROOT, "build", "kernel.elf")
MIB = 1 << 20
SIMPLE = ((0, 0x9F000, 1), (MIB, 15 * MIB, 1))


def told(medium, *quirks, map=None, report="report=on\n"):
    """What `boot` prints."""
    image = quirky(*quirks, map=map, kernel=KERNEL,
                   config="cmdline=monitor\nmodules=none\n" + report)
    text = prompts(*medium(image), command="boot").replace("\r", "")
    return text.split("octavo> boot\n", 1)[1]


@case("without report=on there is none, and no module")
def _():
    contains(told(floppy, report=""), "Started by 'Octavo 0.1 (E820)' with 'KERNEL.ELF monitor', "
             "flags 0x26f, 0 modules.\n", "It left no report")


@case("a floppy's, with the line that was on the screen")
def _():
    text = told(floppy)
    contains(text, "1 modules.\n", "drive 0x0, by the firmware 0x0\n",
             "INT 13h 41h: eax 0x1", "carry\n", "INT 12h 638 KiB, 40:13 638 KiB, 40:0E 0x9FC0",
             "INT 15h E801h: eax 0x3C00 ebx 0xFE ", "INT 15h 88h: eax 0x7B80 ",
             "E820 0000000000100000 0000000001EE0000 1 0x1 20\n",
             "octavo loader: drive 0x0 method B (2 heads, 18 sectors), no EDD, A20 was on, "
             "map E820 with 6 entries, low memory 638 KiB, 0 modules\n")


@case("a disk's, when another drive was named and the BPB written into")
def _():
    contains(told(disk, "WRONG_DL=3", "BPB_WRITTEN"), "drive 0x80, by the firmware 0x3\n",
             "INT 13h 41h: eax 0x3001 ebx 0xAA55 ",
             "EDD 0x30, BPB changed at 0x15 0x18 0x1A 0x1C 0x24, A20 was on")


@case("answers that were not used, and entries that do not count")
def _():
    contains(told(floppy, "MAP_SIZE=24", "M88=1234h", map=SIMPLE + ((4 * MIB, 4096, 2, 0),)),
             "INT 15h 88h: eax 0x1234 ebx 0x0 ecx 0x0 edx 0x0 carry\n",
             "E820 0000000000400000 0000000000001000 2 0x0 24\n",
             "map E820 with 2 entries")


@case("a list that never ends: 256 entries of it and the rest of the report are there")
def _():
    text = told(floppy, "MAP_END=3", map=SIMPLE)
    assert text.count("\nE820 0") == 256 and "map E820 with 256 entries" in text, text


@case("programs find it as /boot.txt")
def _():
    image = os.path.join(ROOT, "build", "octavo.img")
    machine = Machine("-m", "32", *floppy(image))
    machine.expect(r"\$ $", seconds=30)
    machine.type("cat /boot.txt\r")
    machine.expect("INT 15h E801h: eax 0x3C00")
    machine.kill()


finish()
