#!/usr/bin/env python3
"""The kernel's own image on firmware that is wrong about memory, gate A20, or the keyboard."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "loader"))
from harness import *
from quirks import *

KIB, MIB = 1 << 10, 1 << 20
# In no order, overlapping, empty, of odd types; with a disabled entry where attributes are given.
MAP = (
    (16 * MIB, 1 << 40, 99),
    (MIB, 15 * MIB, 1),
    (4 * MIB, MIB, 2),
    (0, 636 * KIB, 1),
    (12 * MIB, 20 * MIB, 1),
    (80 * MIB, 0, 2),
    (0xFFFFFFFFFFFFF000, 0x2000, 2),
    (0xC0000000, 4 * KIB, 0),
    (2 * MIB, MIB, 2, 0),
)
SIMPLE = ((0, 636 * KIB, 1), (636 * KIB, 4 * KIB, 2), (MIB, 31 * MIB, 1))
NO_E820 = ["NO_E820", "NO_E881"]


def sizes(name, *values):
    return ["%s_%sX=%s" % (name, letter, value) for letter, value in zip("ABCD", values)]


RAM = [(0, 636 * KIB), (MIB, 32 * MIB)]
PLAIN = [(0, 0x9FC00), (MIB, 0x1FE0000)]
BIG = [(0, 636 * KIB), (MIB, 4 * MIB), (5 * MIB, 16 * MIB)]
SMALLER = [(0, 636 * KIB), (MIB, 2 * MIB), (3 * MIB, 4 * MIB), (5 * MIB, 16 * MIB)]


def low_then(*ranges):
    """By sizes alone, low memory is what INT 12h leaves below the injector."""
    return [(0, 638 * KIB)] + list(ranges)


BOOTS = (
    ("a list in no order, with overlaps, odd types, a wrap", ["MAP_END=0"], MAP, "E820", SMALLER),
    ("... with attributes: a disabled entry does not count", ["MAP_SIZE=24"], MAP, "E820", BIG),
    ("attributes that disable every entry are not believed", ["MAP_SIZE=24"],
     [entry[:3] + (0,) for entry in SIMPLE], "E820", RAM),
    ("24 bytes announced, 20 written", ["MAP_ECX=24"], MAP, "E820", SMALLER),
    ("a list that ends with carry", ["MAP_END=1"], SIMPLE, "E820", RAM),
    ("carry at the last entry", ["MAP_END=2"], SIMPLE + ((64 * MIB, MIB, 2),), "E820", RAM),
    ("a list that never ends", ["MAP_END=3"], SIMPLE, "E820", RAM),
    ("numbers of entries that look like addresses", ["MAP_NEXT=0D0550000h"], SIMPLE, "E820", RAM),
    ("only what changed is written", ["MAP_PARTLY"], SIMPLE, "E820", RAM),
    ("registers trashed", ["MAP_DIRTY"], SIMPLE, "E820", RAM),
    ("a signature lost midway", ["MAP_LOST=1"], SIMPLE, "E801", None),
    ("entries too short", ["MAP_ECX=16"], SIMPLE, "E801", None),
    ("a list without RAM", [], [(0, 1 << 32, 2)], "E801", None),
    ("a list of nothing", ["MAP_END=1"], [], "E801", None),
    ("E881", ["NO_E820", *sizes("E881", "3C00h", "80h", 0, 0)], None, "E881",
     low_then((MIB, 24 * MIB))),
    ("E801 in AX and BX", NO_E820 + sizes("E801", "3C00h", "80h", 0, 0), None, "E801",
     low_then((MIB, 24 * MIB))),
    ("E801 in CX and DX", NO_E820 + sizes("E801", 0, 0, "3C00h", "80h"), None, "E801",
     low_then((MIB, 24 * MIB))),
    ("E801 with a hole at 15 MiB", NO_E820 + sizes("E801", "3800h", "80h", "3800h", "80h"), None,
     "E801", low_then((MIB, 15 * MIB), (16 * MIB, 24 * MIB))),
    ("E801 below 16 MiB only", NO_E820 + sizes("E801", "1C00h", 0, "1C00h", 0), None, "E801",
     low_then((MIB, 8 * MIB))),
    ("E801 of 4 GiB is not believed", NO_E820 + sizes("E801", "3C00h", "0FF00h", 0, 0), None, "88",
     None),
    ("88h with carry set", NO_E820 + ["NO_E801", "M88=1C00h"], None, "88",
     low_then((MIB, 8 * MIB))),
    ("88h beyond 16 MiB", NO_E820 + ["NO_E801", "M88=7C00h"], None, "88",
     low_then((MIB, 32 * MIB))),
    ("nothing but the set-up memory", NO_E820 + ["NO_E801", "NO_88"], None, "CMOS",
     low_then((MIB, 32 * MIB))),
    ("INT 12h forgets what is taken", ["INT12=640"], SIMPLE, "E820", RAM),
    ("256 KiB of low memory", ["LOW_KIB=256"], SIMPLE, "E820", RAM),
    ("no key, and who asks for one waits for ever", ["NO_KEYS"], None, "E820", PLAIN),
)

for name, quirks, entries, source, expected in BOOTS:
    @case(name)
    def _():
        text = prompts(*floppy(real(*quirks, map=entries)))
        contains(text, "loader 'Octavo 0.1 (%s)'" % source)
        assert expected is None or regions(text) == expected, "%s\n%s" % (regions(text), text)


@case("nobody subtracts the EBDA from low memory")
def _():
    contains(prompts(*floppy(real("EBDA=8C00h", map=SIMPLE))), "low memory 560 KiB")


A20 = (
    ("shut", ["A20_OFF"], "A20 BIOS"),
    ("shut, and the BIOS does not know how", ["A20_OFF", "NO_2401"], "A20 keyboard controller"),
    ("shut, and the BIOS only says that it is open", ["A20_OFF", "A20_LIES"],
     "A20 keyboard controller"),
    ("shut again by each read", ["A20_SHUT"], "A20 BIOS"),
    ("shut again by each read, opened by hand", ["A20_SHUT", "NO_2401"],
     "A20 keyboard controller"),
)

for name, quirks, line in A20:
    @case("gate A20 " + name)
    def _():
        contains(prompts(*floppy(real(*quirks))), line)


@case("too little low memory, by whichever count: no boot")
def _():
    for quirk in ("LOW_KIB=255", "INT12=255"):
        refuses("only 255 KiB of conventional memory, 256 KiB are needed.",
                *floppy(real(quirk)))


@case("the first megabytes are no RAM: no boot")
def _():
    refuses("KERNEL.ELF does not fit into this machine", *floppy(
        real(map=((0, 636 * KIB, 1), (MIB, 64 * KIB, 1), (2 * MIB, 30 * MIB, 1)))))


finish()
