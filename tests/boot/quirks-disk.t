#!/usr/bin/env python3
"""The kernel's own image on drives whose firmware fails or lies: each case boots to the prompt, or
stops with a message that says what is wrong."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "loader"))
from harness import *
from quirks import *


def machine(medium, *quirks):
    return medium(real(*quirks))


def stick(image):
    """A USB stick larger than the image: no geometry that the firmware makes up is right."""
    os.truncate(image, 64 << 20)
    return usb(image)


BOOTS = (
    ("another drive's number, floppy", floppy, ["WRONG_DL=80h"], "drive 0x0 method B"),
    ("another drive's number, disk", disk, ["WRONG_DL=0"], "drive 0x80 method E"),
    ("no drive's number, floppy", floppy, ["WRONG_DL=37h"], "drive 0x0 method B"),
    ("no drive's number, disk", disk, ["WRONG_DL=0FFh"], "drive 0x80 method E"),
    ("a disk without block numbers", disk, ["NO_EDD"], "drive 0x80 method G"),
    ("... and a BIOS that takes DS for its own", disk, ["WRITES_DS"], "drive 0x80 method G"),
    ("block numbers announced, but without functions", disk, ["EDD_EMPTY"], "drive 0x80 method G"),
    ("a block that cannot be read by number", disk, ["EDD_FAILS_AT=100"],
     "going on with method B\n"),
    ("... on a stick, where one geometry reads other sectors without an error", stick,
     ["EDD_FAILS_AT=100"], "going on with method G\n"),
    ("packets of one block only", disk, ["EDD_MOST=1"], "drive 0x80 method E"),
    ("memory behind the packet overwritten", disk, ["EDD_SCRIBBLES"], "drive 0x80 method E"),
    ("nothing but block numbers", disk, ["CHS_FAILS"], "drive 0x80 method E"),
    ("a geometry of no sectors", disk, ["NO_EDD", "GEOMETRY=0"], "drive 0x80 method B"),
    ("a wrong geometry", disk, ["NO_EDD", "GEOMETRY=24h"], "drive 0x80 method B"),
    ("media changed at first", floppy, ["FAIL_FIRST=4"], "drive 0x0 method B"),
    ("time-out at first", disk, ["FAIL_FIRST=4", "FAIL_STATUS=80h"], "drive 0x80 method E"),
    ("one read of three fails, floppy", floppy, ["FAIL_EVERY=3", "FAIL_STATUS=10h"],
     "drive 0x0 method B"),
    ("one read of three fails, disk", disk, ["FAIL_EVERY=3"], "drive 0x80 method E"),
    ("every read corrected", floppy, ["ECC"], "drive 0x0 method B"),
    ("single sectors only", floppy, ["ONE_SECTOR"], "drive 0x0 method B"),
    ("single sectors only, by cylinder and head", disk, ["NO_EDD", "ONE_SECTOR"],
     "drive 0x80 method G"),
    ("reads must stay within a track, floppy", floppy, ["TRACK_STRICT"], "drive 0x0 method B"),
    ("reads must stay within a track, disk", disk, ["TRACK_STRICT", "NO_EDD"],
     "drive 0x80 method G"),
    ("a floppy table for nine sectors", floppy, ["DPT_NINE"], "drive 0x0 method B"),
    ("registers and flags trashed, floppy", floppy, ["DIRTY"], "drive 0x0 method B"),
    ("registers and flags trashed, disk", disk, ["DIRTY"], "drive 0x80 method E"),
    ("registers and flags trashed, disk without block numbers", disk, ["DIRTY", "NO_EDD"],
     "drive 0x80 method G"),
    ("zeros for a sector of the first FAT", floppy, ["ZERO_AT=27"],
     " is whole in the other FAT only, using that"),
    ("zeros for a sector of the second FAT", floppy, ["ZERO_AT=36"],
     "the two FATs differ, using the first"),
)

STOPS = (
    ("zeros for a sector of stage 2", floppy, ["ZERO_AT=10"], "B00 E01 G00 .*Disk error"),
    ("zeros for the root directory", floppy, ["ZERO_AT=44"], "error: KERNEL.ELF is not on the"),
    ("no way of reading works", floppy, ["CHS_FAILS"], "B20 E01 G20 .*Disk error"),
    ("every read fails", disk, ["FAIL_FIRST=255", "FAIL_STATUS=0Ch"], "E0C G0C B0C .*Disk error"),
)

for name, medium, quirks, line in BOOTS:
    @case(name)
    def _():
        contains(prompts(*machine(medium, *quirks)), line)

for name, medium, quirks, line in STOPS:
    @case(name + ": no boot")
    def _():
        # Stage 1 has the screen only; without one the firmware's text goes to COM1.
        screen = ["-machine", "graphics=off"] if "Disk error" in line else []
        stopped = Machine(*screen, *machine(medium, *quirks))
        stopped.expect(line)
        stopped.kill()

@case("a floppy is read once, in whole tracks")
def _():
    image = Image(kernel=kernel("stays.elf", "-DSTAYS", "-DPAD=350000"), config="modules=none\n")
    files = sum(len(image.chain(name)) for name in ("KERNEL  ELF", "OCTAVO  CFG"))
    machine = Machine(*floppy(plant(image, "COUNT")))
    machine.expect("\ndone\n")
    reads, sectors = struct.unpack("<HH", machine.memory(0x4f0, 4))
    machine.kill()
    # Stage 1 takes stage 2, 25 sectors, one by one; FATs and root directory have 32.
    reads, sectors = reads - 25, sectors - 25
    assert files + 32 <= sectors <= files + 36, (files, sectors)
    # FATs, root directory and files each begin and end within a track.
    assert reads <= sectors / 18 + 6, (reads, sectors)


finish()
