#!/usr/bin/env python3
"""The loader's good path: what a kernel gets, from each medium; the image itself."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "loader"))
from harness import *

HELLO = write("HELLO.TXT", "hello\n")
LONG = write("A-long-name.module", bytes(range(256)) * 300)
BLANK = write("long with blanks.txt", "x")
FILES = [HELLO, LONG, BLANK]


@case("a kernel gets the state and the information that Multiboot promises")
def _():
    text = boots(*floppy(Image(files=FILES).path))
    contains(text, "magic=2BADB002 eflags=00000002 cr0=00000011 ", "segments=flat",
             "flags=0000026F mbi=00030000 lower=639 upper=15232 device=00FFFFFF",
             "cmdline=[KERNEL.ELF]", "loader=[Octavo 0.1 (E820)]")
    contains(text, "octavo loader: drive 0x0 method B (2 heads, 18 sectors), no EDD, A20 was on, map E820 "
             "with 6 entries, low memory 639 KiB, 3 modules")


@case("data is loaded and bss cleared")
def _():
    text = boots(*floppy(Image(kernel=kernel("big.elf", "-DPAD=200000", "-DBSS=300000")).path))
    words = (i * 2654435761 & 0xFFFFFFFF for i in range(200000 // 4))
    contains(text, "data sum=%d bss sum=0" % sum(sum(w.to_bytes(4, "little")) for w in words))


@case("all files are modules, in order, under long names that are one word")
def _():
    text = boots(*floppy(Image(files=FILES).path))
    contains(text, "modules=3\n", "size=6 sum=%d string=[HELLO.TXT]" % sum(b"hello\n"),
             "size=76800 sum=%d string=[A-long-name.module]" % (sum(range(256)) * 300),
             "size=1 sum=120 string=[LONGWI~1.TXT]")
    starts = [int(s, 16) for s in re.findall(r"module start=(\w+)", text)]
    assert all(s % 4096 == 0 and s >= 0x100000 for s in starts) and starts == sorted(starts), starts


@case("the memory map is the firmware's")
def _():
    text = boots(*floppy(Image().path))
    contains(text, "map size=20 base=0000000000000000 length=000000000009FC00 type=1\n",
             "map size=20 base=0000000000100000 length=0000000000EE0000 type=1\n",
             "map size=20 base=00000000FFFC0000 length=0000000000040000 type=2\n")


@case("memory above 4 GiB is in the map")
def _():
    text = boots("-M", "q35", "-m", "5G", *floppy(Image().path))
    contains(text, "map size=20 base=0000000100000000 length=00000000C0000000 type=1\n")


@case("section headers and the symbols they lead to are loaded")
def _():
    image = Image()
    text = boots(*floppy(image.path))
    command("objcopy", "--strip-debug", path("kernel.elf"), path("stripped.elf"))
    elf = read("stripped.elf")
    at, = struct.unpack_from("<I", elf, 32)
    count, = struct.unpack_from("<H", elf, 48)
    found = re.findall(r"section name=\[(\S*)\] addr=(\w+) size=(\d+) sum=(\d+)", text)
    assert len(found) == count, text
    for index, (name, address, size, total) in enumerate(found):
        header = struct.unpack_from("<10I", elf, at + 40 * index)
        assert int(size) == header[5]
        if name in (".symtab", ".strtab", ".shstrtab"):
            assert int(total) == sum(elf[header[4]:header[4] + header[5]]), name
            assert int(address, 16) > 0x100000, address


for name, arguments in (("hard disk", disk), ("USB stick", usb)):
    @case("boots from a %s by EDD" % name)
    def _():
        text = boots(*arguments(Image(files=[HELLO]).path))
        contains(text, "device=80FFFFFF", "drive 0x80 method E", "string=[HELLO.TXT]")


@case("boots from a stick larger than the image")
def _():
    image = Image()
    image.data += bytes((64 << 20) - len(image.data))
    contains(boots(*usb(image.save().path)), "drive 0x80 method E")


@case("boots from a disk without a partition entry")
def _():
    assemble(os.path.join(ROOT, "boot", "bootsect.asm"), "nopt.bin", "-DPT=0")
    image = Image()
    image.data[0x1BE:0x1FE] = read("nopt.bin")[0x1BE:0x1FE]
    assert not any(image.data[0x1BE:0x1FE])
    contains(boots(*disk(image.save().path)), "drive 0x80 method E")


@case("boots on a 486 without PCI in 2 MiB, leaving out what finds no room")
def _():
    big = write("BIG.BIN", bytes(700000))
    text = boots("-M", "isapc", "-cpu", "486", "-m", "2",
                 *floppy(Image(files=[big, HELLO]).path))
    contains(text, "octavo loader: module BIG.BIN finds no room, left out", "modules=1\n",
             "string=[HELLO.TXT]")


@case("boots with neither video nor keyboard controller")
def _():
    contains(boots("-M", "pc,i8042=off", "-vga", "none", *floppy(Image().path)), "A20 was on")


@case("boots where no timer ticks")
def _():
    boots("-M", "q35,pit=off", *floppy(Image().path))


@case("boots in Bochs")
def _():
    image = Image(files=[HELLO])
    write("bochsrc", """config_interface: textconfig
display_library: rfb, options="timeout=0"
memory: guest=32, host=32
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
floppya: 1_44=%s, status=inserted, write_protected=1
boot: floppy
cpu: model=pentium, count=1, ips=50000000, reset_on_triple_fault=0
clock: sync=none, time0=0
com1: enabled=1, mode=file, dev=%s
port_e9_hack: enabled=1
speaker: enabled=0
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
log: %s
panic: action=fatal
error: action=report
""" % (image.path, path("serial"), path("bochs.log")))
    write("commands", "c\n")
    done = subprocess.run(["timeout", "-s", "KILL", "300", "bochs", "-q", "-f", path("bochsrc"),
                           "-rc", path("commands")], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    contains(done.stdout.decode("latin-1"), "octavo loader: loading KERNEL.ELF",
             "magic=2BADB002", "segments=flat", "loader=[Octavo 0.1 (E820)]",
             "string=[HELLO.TXT]", "\ndone\n")


@case("the image has its size, a sound file system, and is the same twice")
def _():
    first = bytes(Image("one.img", files=FILES).data)
    assert len(first) == 1474560
    assert first == bytes(Image("two.img", files=FILES).data)
    assert first[0] == 0xEB and first[2] == 0x90 and first[510:512] == b"\x55\xAA"
    command("fsck.fat", "-n", path("one.img"))


@case("files can be changed with mtools, and it still boots")
def _():
    image = Image(files=FILES)
    command("mdel", "-i", image.path, "::HELLO.TXT")
    command("mcopy", "-i", image.path, "-o", write("OTHER.TXT", "other"), "::")
    command("mcopy", "-i", image.path, "-o", path("kernel.elf"), "::KERNEL.ELF")
    command("mattrib", "-i", image.path, "+r", "::KERNEL.ELF")
    command("mmd", "-i", image.path, "::folder")
    command("mcopy", "-i", image.path, HELLO, "::folder")
    command("fsck.fat", "-n", image.path)
    text = boots(*floppy(image.path))
    contains(text, "string=[OTHER.TXT]", "modules=3\n")
    lacks(text, "HELLO.TXT")


finish()
