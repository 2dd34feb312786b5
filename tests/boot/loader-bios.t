#!/usr/bin/env python3
"""Firmware with faults: what a kernel is told then, and what the user. See quirks-*.t too."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "loader"))
from harness import *
from quirks import quirky

HELLO = write("HELLO.TXT", "hello\n")
MIB = 1 << 20
MAP = (
    (16 * MIB, 0xF0000000, 1, 1),           # overlaps what follows
    (MIB, 15 * MIB, 1, 1),
    (0, 0x9F000, 1, 1),
    (32 * MIB, 1 << 32, 99, 1),
    (80 * MIB, 0, 2, 1),
    (0xC0000000, 4096, 0, 1),
    (2 * MIB, 4096, 2, 0),                  # disabled
)


def memory(text):
    """The map's RAM below 4 GiB as (start, length)."""
    found = re.findall(r"map size=20 base=(\w+) length=(\w+) type=1\n", text)
    return [(int(base, 16), int(length, 16)) for base, length in found]


@case("stage 2 with a wrong sum is not run: a code for each way of reading, then a key")
def _():
    image = Image()
    image.data[5000] ^= 1
    machine = Machine("-machine", "graphics=off", *floppy(image.save().path))
    contains(machine.expect("Disk error"), "B00 E01 G00 E01 G01 B01 Disk error")
    machine.kill()
    machine = Machine("-machine", "graphics=off", *disk(image.path))
    contains(machine.expect("Disk error"), "E00 G00 B00 B20 E01 G20 Disk error")
    machine.kill()


@case("a wrong drive number, of the other class or of no drive")
def _():
    contains(boots(*floppy(quirky("WRONG_DL=80h"))), "drive 0x0 method B", "device=00FFFFFF")
    contains(boots(*disk(quirky("WRONG_DL=0"))), "drive 0x80 method E", "device=80FFFFFF")
    contains(boots(*disk(quirky("WRONG_DL=37h"))), "drive 0x80 method E")


@case("a block that cannot be read by number is read by geometry")
def _():
    image = quirky("EDD_FAILS_AT=60")
    text = boots(*disk(image))
    contains(text, "octavo loader: going on with method B\n", "drive 0x80 method B",
             "data sum=254960 ")


@case("a geometry that reads the wrong sectors without an error is found out")
def _():
    image = quirky("EDD_FAILS_AT=60")
    os.truncate(image, 64 << 20)
    contains(boots(*usb(image)), "octavo loader: going on with method G\n", "data sum=254960 ")


@case("a BPB that the firmware wrote into")
def _():
    image = Image(files=[HELLO])
    image.data[0x0B:0x1B] = bytes(16)
    text = boots(*floppy(image.save().path))
    contains(text, "no EDD, BPB changed at 0xC 0xD 0xE 0x10 0x11 0x13 0x14 0x15 0x16 0x18 0x1A, A20 was on", "HELLO.TXT")


@case("the kernel finds the drive's motor off, and the BIOS's own table of the drive")
def _():
    machine = Machine(*floppy(Image(kernel=kernel("stays.elf", "-DSTAYS")).path))
    machine.expect("\ndone\n")
    # Port 3F2h of this controller can be read: neither motor on, no reset, DMA.
    answers = machine.monitor("i /xb 0x3f2", "xp /1xb 0x43f", "xp /1xw 0x78")
    machine.kill()
    port, running, table = re.findall(r"(?:= |: )0x(\w+)", answers)
    assert int(port, 16) == 0x0C, answers
    assert int(running, 16) & 0x0F == 0, answers
    assert int(table[:4], 16) == 0xF000, answers


@case("too little conventional memory is refused")
def _():
    refuses("only 255 KiB of conventional memory, 256 KiB are needed.",
            *floppy(quirky("LOW_KIB=255")))
    contains(boots(*floppy(quirky("LOW_KIB=256"))), "low memory 256 KiB", "lower=256")


@case("an E820 list in any order, with overlaps, odd types and a disabled entry")
def _():
    text = boots(*floppy(quirky("MAP_SIZE=24", "MAP_END=1", map=MAP)))
    contains(text, "map E820 with 6 entries", "lower=636 upper=31744 ",
             "base=0000000002000000 length=0000000100000000 type=99",
             "base=0000000005000000 length=0000000000000000 type=2",
             "base=00000000C0000000 length=0000000000001000 type=0")
    lacks(text, "base=0000000000200000")


@case("an E820 list whose first page is reserved: low memory is what follows")
def _():
    reserved = [(0, 4096, 2), (4096, 0x9E000, 1), (MIB, 15 * MIB, 1)]
    for entries in reserved, reserved[1:]:
        contains(boots(*floppy(quirky(map=entries))), "low memory 636 KiB", "lower=636 upper=15360 ")


@case("an E820 list that never ends: 256 entries are kept, the rest is reported")
def _():
    text = boots(*floppy(quirky("MAP_END=3", map=[MAP[2], MAP[1]])))
    contains(text, "octavo loader: the memory map is too long, 768 entries dropped\n",
             "map E820 with 256 entries")
    assert text.count("map size=20") == 256, text


@case("an E820 list without RAM at 1 MiB is not believed")
def _():
    contains(boots(*floppy(quirky(map=[MAP[2], MAP[1], (MIB - 4096, 8192, 2)]))),
             "loader=[Octavo 0.1 (E801)]")


@case("an E820 list that loses its signature is not believed")
def _():
    contains(boots(*floppy(quirky("MAP_LOST=2", map=MAP))), "loader=[Octavo 0.1 (E801)]")


@case("E801")
def _():
    text = boots("-m", "64", *floppy(quirky("NO_E820")))
    contains(text, "loader=[Octavo 0.1 (E801)]")
    assert memory(text) == [(0, 638 << 10), (MIB, 63 * MIB - (128 << 10))], memory(text)


@case("E801 with a hole below 16 MiB, in either pair of registers")
def _():
    for pairs in (("3800h", "20h", "0", "0"), ("1", "1", "3800h", "20h")):
        names = ("E801_AX", "E801_BX", "E801_CX", "E801_DX")
        text = boots("-m", "64", *floppy(quirky(
            "NO_E820", "NO_E881", *["%s=%s" % pair for pair in zip(names, pairs)])))
        contains(text, "loader=[Octavo 0.1 (E801)]", "upper=14336 ")
        assert memory(text) == [(0, 638 << 10), (MIB, 14 * MIB), (16 * MIB, 2 * MIB)], memory(text)


@case("E801 without a hole joins the two parts; an absurd answer is not believed")
def _():
    text = boots("-m", "64", *floppy(quirky(
        "NO_E820", "NO_E881", "E801_AX=3C00h", "E801_BX=100h", "E801_CX=0", "E801_DX=0")))
    assert memory(text) == [(0, 638 << 10), (MIB, 31 * MIB)], memory(text)
    text = boots("-m", "64", *floppy(quirky(
        "NO_E820", "NO_E881", "E801_AX=3D00h", "E801_BX=100h", "E801_CX=0", "E801_DX=0")))
    contains(text, "loader=[Octavo 0.1 (88)]")


@case("88h, also with its carry wrong")
def _():
    text = boots("-m", "32", *floppy(quirky("NO_E820", "NO_E881", "NO_E801")))
    contains(text, "loader=[Octavo 0.1 (88)]")
    assert memory(text)[1][0] == MIB and memory(text)[1][1] > 30 * MIB, memory(text)
    text = boots(*floppy(quirky("NO_E820", "NO_E881", "NO_E801", "M88=1C00h")))
    contains(text, "loader=[Octavo 0.1 (88)]", "upper=7168 ")


@case("CMOS when the BIOS knows nothing")
def _():
    text = boots("-m", "32", *floppy(quirky("NO_E820", "NO_E881", "NO_E801", "NO_88")))
    contains(text, "loader=[Octavo 0.1 (CMOS)]", "upper=31744 ")
    assert memory(text) == [(0, 638 << 10), (MIB, 31 * MIB)], memory(text)


@case("A20 is opened by port 92h when all else fails")
def _():
    mutant("port92.bin", "a20.inc", "call    a20_keyboard", "nop")
    contains(boots(*floppy(quirky("A20_OFF", "NO_2401", loader="port92.bin"))), "A20 port 92h")


@case("A20 that cannot be opened")
def _():
    mutant("shut.bin", "a20.inc", "call    a20_wait", "stc")
    refuses("cannot open gate A20 (BIOS, keyboard controller and port 92h all fail).",
            *floppy(quirky("A20_OFF", "NO_2401", loader="shut.bin")))


@case("a processor below a 486 is refused by stage 2, below a 386 by stage 1")
def _():
    loader = mutant("old.bin", "cpu.inc", "1 << 18", "1 << 15")
    refuses("this processor is a 386, and Octavo needs a 486 or later.",
            *floppy(Image(loader=loader).path))
    bootsect = mutant("older.bin", "bootsect.asm", "cmp     ah, 70h", "cmp     ah, 0F0h")
    machine = Machine("-machine", "graphics=off", *floppy(Image(bootsect=bootsect).path))
    machine.expect("Needs a 486")
    machine.kill()


@case("a clock that ticks while the processor is tested: SeaBIOS comes back without AC")
def _():
    wait = "mov     edx, 200000000\n.wait:  dec     edx\n        jnz     .wait\n"
    loader = mutant("slow.bin", "cpu.inc", "popfd\n        pushfd", "popfd\n" + wait + "pushfd")
    contains(boots(*floppy(Image(loader=loader).path)), "drive 0x0")


finish()
