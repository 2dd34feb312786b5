#!/usr/bin/env python3
"""Kernel files: what the loader refuses, and the rarer kinds that it must load."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "loader"))
from harness import *
from quirks import *

PLAIN = read("kernel.elf")
command("objcopy", "--strip-all", path("kernel.elf"), path("bare.elf"))
BARE = read("bare.elf")
PHDR, = struct.unpack_from("<I", BARE, 28)
OFFSET, VADDR, PADDR, FILESZ, MEMSZ = (PHDR + i for i in (4, 8, 12, 16, 20))


def patched(*changes, elf=BARE):
    """The ELF file with (offset, format, value) changes."""
    data = bytearray(elf)
    for at, form, value in changes:
        struct.pack_into("<" + form, data, at, value)
    return bytes(data)


def image(elf, **quirks):
    """An image with exactly this file as its kernel."""
    made = Image()
    command("mcopy", "-o", "-i", made.path, write("raw.elf", elf), "::KERNEL.ELF")
    made.load()
    return plant(made, **quirks) if quirks else made.path


def rejects(message, elf):
    refuses("KERNEL.ELF " + message, *floppy(image(elf)))


def accepts(elf, *arguments):
    return boots(*floppy(image(elf)), *arguments)


def second_segment(paddr, memsz):
    """The ELF file with a second PT_LOAD without bytes in the file; the table moves to the end."""
    table = BARE[PHDR:PHDR + 32] + struct.pack("<8I", 1, 0, paddr, paddr, 0, memsz, 7, 4)
    return patched((28, "I", len(BARE)), (44, "H", 2)) + table


@case("no kernel on the floppy")
def _():
    empty = Image()
    command("mdel", "-i", empty.path, "::KERNEL.ELF")
    refuses("KERNEL.ELF is not on the floppy. Copy it there, or correct kernel= in OCTAVO.CFG.",
            *floppy(empty.path))
    named = Image(config="kernel=other.elf\n")
    refuses("other.elf is not on the floppy.", *floppy(named.path))


@case("after an error a key starts again")
def _():
    empty = Image(config="kernel=none\n")
    machine = Machine(*floppy(empty.path))
    machine.expect("Press a key to start again")
    machine.type("x")
    machine.expect("(?s)Press a key to start again.*Press a key to start again")
    machine.kill()


@case("an empty kernel file")
def _():
    rejects("has no Multiboot header in its first 8 KiB.", b"")


@case("a kernel without a Multiboot header, or with one too late")
def _():
    message = "has no Multiboot header in its first 8 KiB. Is it a Multiboot 1 kernel?"
    rejects(message, open(kernel("none.elf", "-DNO_HEADER"), "rb").read())
    rejects(message, bytes(8192 - 8) + struct.pack("<3I", 0x1BADB002, 0, -0x1BADB002 & 0xFFFFFFFF))


@case("a Multiboot header with a wrong checksum")
def _():
    at = BARE.index(struct.pack("<I", 0x1BADB002))
    rejects("has no Multiboot header in its first 8 KiB.", patched((at + 8, "I", 0)))


@case("Multiboot flags that we must not ignore, and those that we may")
def _():
    rejects("asks for features that this loader does not have (Multiboot flags 0xB).",
            open(kernel("flag.elf", "-DFLAGS=0Bh"), "rb").read())
    accepts(open(kernel("high.elf", "-DFLAGS=80020003h"), "rb").read())


@case("a kernel that asks for a screen is told of the text screen")
def _():
    text = accepts(open(kernel("video.elf", "-DFLAGS=7"), "rb").read())
    contains(text, "flags=0000126F", "screen at=000B8000 pitch=160 width=80 type=2\n")


NOT_ELF = "is not an ELF program for the i386. Build it with gcc -m32, link it static."
for name, change in (("bad magic", (0, "I", 0x464C457E)), ("64 bits", (4, "B", 2)),
                     ("big endian", (5, "B", 2)), ("a shared object", (16, "H", 3)),
                     ("another machine", (18, "H", 62)), ("no program headers", (44, "H", 0)),
                     ("program headers too short", (42, "H", 16))):
    @case("ELF: " + name)
    def _():
        rejects(NOT_ELF, patched(change))


@case("ELF: program headers outside the file")
def _():
    message = "is cut short or damaged: its program headers are not in the file. Copy it again."
    rejects(message, patched((28, "I", len(BARE) - 8)))
    rejects(message, patched((28, "I", 0xFFFFFFF0)))


@case("ELF: cut short")
def _():
    end = struct.unpack_from("<I", BARE, OFFSET)[0] + struct.unpack_from("<I", BARE, FILESZ)[0]
    rejects("is cut short: a segment ends at byte %d, the file at 3000. Copy it again." % end,
            BARE[:3000])
    rejects("is cut short: a segment ends at byte", patched((OFFSET, "I", 0xFFFFFF00)))


@case("ELF: more bytes in the file than in memory")
def _():
    rejects("has a segment with more in the file than in memory.", patched((MEMSZ, "I", 100)))


@case("a kernel too big for the machine")
def _():
    message = "does not fit into this machine: no RAM from 0x100000 to 0x%X."
    rejects(message % 0x2100000, patched((MEMSZ, "I", 32 << 20)))
    rejects(message % 0xFE1000, patched((MEMSZ, "I", 0xEE1000)))
    rejects("does not fit into this machine: no RAM from 0x100000 to",
            patched((MEMSZ, "I", 0xFFFFFFFF)))


@case("a kernel that fits to the byte")
def _():
    accepts(patched((MEMSZ, "I", 0xEE0000)))


@case("a kernel on top of the loader, of video memory, of the EBDA")
def _():
    rejects("wants to lie at 0x10000, where the loader is. Link it at 1 MiB or above.",
            second_segment(0x10000, 0x1000))
    rejects("does not fit into this machine: no RAM from 0xA0000 to 0xA1000.",
            second_segment(0xA0000, 0x1000))
    rejects("does not fit into this machine: no RAM from 0x9F000 to 0xA0000.",
            second_segment(0x9F000, 0x1000))


@case("a kernel in low memory that the map, or INT 12h, does not have")
def _():
    for ram, start, end in ((0x90000, 0x90000, 0x91000), (16 << 20, 0x9F000, 0xA1000)):
        lies = [(0, ram, 1), (1 << 20, 15 << 20, 1)]
        refuses("KERNEL.ELF does not fit into this machine: no RAM from 0x%X to 0x%X." % (start, end),
                *floppy(image(second_segment(start, end - start), map=lies)))


@case("segments that overlap")
def _():
    rejects("has two segments that overlap at 0x101000.", second_segment(0x101000, 0x1000))
    rejects("has two segments that overlap at 0x100000.", second_segment(0x100000, 1))
    end = 0x100000 + struct.unpack_from("<I", BARE, MEMSZ)[0]
    rejects("has two segments that overlap at 0x%X." % (end - 1), second_segment(end - 1, 1))


@case("segments that touch")
def _():
    above = struct.pack("<8I", 1, 0, 0x200000, 0x200000, 0, 0x1000, 7, 4)
    table = above + patched((MEMSZ, "I", 0x100000))[PHDR:PHDR + 32]
    accepts(patched((28, "I", len(BARE)), (44, "H", 2)) + table)


@case("a second segment elsewhere, high or in low memory")
def _():
    accepts(second_segment(0x400000, 0x1000))
    accepts(second_segment(0x40000, 0x1000))
    accepts(second_segment(0x100000 + struct.unpack_from("<I", BARE, MEMSZ)[0], 0x1000))


@case("a segment with bytes in low memory, where file and module are held")
def _():
    command("objcopy", "--strip-all", kernel("stays.elf", "-DSTAYS"), path("stays.bare"))
    elf, low = read("stays.bare"), bytes(i * 41 >> 3 & 0xFF for i in range(200000))
    at = (len(elf) + 64 + 300000) // 16 * 16
    table = elf[PHDR:PHDR + 32] + struct.pack("<8I", 1, at, 0x48003, 0x48003, len(low), len(low),
                                              7, 1)
    elf = patched((28, "I", len(elf)), (44, "H", 2), elf=elf) + table
    elf = elf.ljust(at, b"?") + low
    made = Image(files=[kernel("MODULE.ELF", "-DPAD=100000")])
    command("mcopy", "-o", "-i", made.path, write("raw.elf", elf), "::KERNEL.ELF")
    machine = Machine(*floppy(made.path))
    machine.expect("\ndone\n")
    loaded = machine.memory(0x48003, len(low))
    contains(machine.kill(), "string=[MODULE.ELF]")
    assert loaded == low


@case("an entry outside the kernel")
def _():
    rejects("starts at 0x50, which is in none of its segments.", patched((24, "I", 0x50)))


@case("an entry given as virtual address")
def _():
    accepts(patched((24, "I", struct.unpack_from("<I", BARE, 24)[0] + 0xC0000000),
                    (VADDR, "I", 0xC0100000)))


@case("a file loaded by the addresses in its Multiboot header")
def _():
    command("nasm", "-f", "bin", "-DRAW", "-o", path("raw.bin"), os.path.join(HERE, "kernel.asm"))
    raw = read("raw.bin")
    text = accepts(raw)
    contains(text, "flags=0000024F", "bss sum=0")
    at = raw.index(struct.pack("<I", 0x1BADB002))
    for field, value in ((12, 0xFFFFF), (12, 0x110000), (20, 0xFFFFF), (24, 0xFFFFF)):
        data = patched((at + field, "I", value), elf=raw)
        refuses("KERNEL.ELF has a ", *floppy(image(data)))


@case("damaged section headers cost the symbols only")
def _():
    report = "KERNEL.ELF has section headers that cannot be used, going on without symbols"
    at, = struct.unpack_from("<I", PLAIN, 32)
    for change in ((32, "I", len(PLAIN) - 16), (46, "H", 8), (48, "H", 400), (50, "H", 99),
                   (at + 4 * 40 + 16, "I", 0xFFFFFF00), (at + 5 * 40 + 20, "I", 0x7FFFFFFF)):
        text = accepts(patched(change, elf=PLAIN))
        contains(text, report, "flags=0000024F")
    many = patched((32, "I", len(PLAIN)), (48, "H", 300), elf=PLAIN) + bytes(300 * 40)
    contains(accepts(many), report)


finish()
