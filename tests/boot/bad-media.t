#!/usr/bin/env python3
"""Bad media: the message names the file and the sector, and nothing above 1 MiB is touched for a
file that has not been read from its first sector to its last."""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "loader"))
from harness import *

KERNEL = os.path.join(ROOT, "build", "kernel.elf")
MIB = 1 << 20
HUGE = 500000                           # more than there is of low memory for a file
MARK = random.Random(1).randbytes(MIB)
write("mark", MARK)
# The second megabyte has a pattern in it when the machine starts.
MARKED = ["-device", "loader,file=%s,addr=%#x,force-raw=on" % (path("mark"), MIB)]


def real(**options):
    return Image(kernel=KERNEL, config="cmdline=monitor\nmodules=none\n", **options)


def sector_of(image, name, index):
    return image.cluster(image.chain(name)[index]) // SECTOR


def stops(message, *arguments):
    machine = Machine(*MARKED, *arguments)
    machine.expect("Press a key")
    memory = machine.memory(MIB, MIB)
    contains(machine.kill(), "octavo loader: error: " + message)
    changed = [at for at in range(MIB) if memory[at] != MARK[at]]
    assert not changed, "%d bytes above 1 MiB were written, the first at %#x" % (
        len(changed), MIB + changed[0])


@case("the check of memory finds a loader that writes there")
def _():
    machine = Machine(*MARKED, *floppy(real().path))
    machine.expect("octavo: started")
    memory = machine.memory(MIB, MIB)
    machine.kill()
    assert memory != MARK


@case("an unreadable sector of the kernel: its first, one in its midst, its last")
def _():
    image = real()
    for index in (0, 300, -1):
        sector = sector_of(image, "KERNEL  ELF", index)
        stops("KERNEL.ELF: sector %d of the disk cannot be read (BIOS status 0x" % sector,
              *unreadable(image.path, sector))


@case("... of a kernel larger than low memory, which holds it while it is read")
def _():
    image = Image(kernel=kernel("huge.elf", "-DPAD=%d" % HUGE))
    for index in (700, 800, -1):
        sector = sector_of(image, "KERNEL  ELF", index)
        stops("KERNEL.ELF: sector %d of the disk cannot be read (BIOS status 0x" % sector,
              *unreadable(image.path, sector))


@case("... of a module, which is left out: its place is as it was")
def _():
    stays = kernel("stays.elf", "-DSTAYS")
    image = Image(kernel=stays, files=[write("FIRST.BIN", "first"), write("BAD.BIN", bytes(HUGE))])
    for index in (0, 300, -1):
        sector = sector_of(image, "BAD     BIN", index)
        machine = Machine(*MARKED, *unreadable(image.path, sector))
        machine.expect("\ndone\n")
        memory = machine.memory(MIB, MIB)
        text = machine.kill()
        contains(text, "octavo loader: module BAD.BIN: sector %d of the disk cannot be read, left "
                 "out\n" % sector, "modules=1\n", "string=[FIRST.BIN]")
        after = int(re.search(r"module start=(\w+) ", text)[1], 16) - MIB + 4096
        assert memory[after:] == MARK[after:], "memory behind the modules was written"


@case("a sector of the kernel that comes as zeros, without an error")
def _():
    for image in (real(), Image(kernel=kernel("huge.elf", "-DPAD=%d" % HUGE))):
        for index in (100, -2):
            stops("KERNEL.ELF is damaged: its sum is wrong. ",
                  *unreadable(image.path, sector_of(image, "KERNEL  ELF", index), "floppy"))


@case("... of a module: left out if it has a sum, else nobody knows")
def _():
    image = Image(files=[kernel("OTHER.ELF"), write("TEXT", b"x" * 2000)])
    for name, line in (("OTHER   ELF", "module OTHER.ELF is damaged: its sum is wrong, left out\n"),
                       ("TEXT       ", "size=2000 sum=%d string=[TEXT]" % (1488 * ord("x")))):
        contains(boots(*unreadable(image.path, sector_of(image, name, 1), "floppy")), line)


@case("an unreadable sector of OCTAVO.CFG, of a FAT, of the root directory")
def _():
    image = Image(config="cmdline=hello\n")
    config = sector_of(image, "OCTAVO  CFG", 0)
    contains(boots(*unreadable(image.path, config)), "octavo loader: OCTAVO.CFG: sector %d of the "
             "disk cannot be read, using defaults\n" % config)
    for fat, line in enumerate(("the first FAT is bad, using the second",
                                "the second FAT is bad, using the first")):
        contains(boots(*unreadable(image.path, image.fat[fat] // SECTOR + fat * 3)), line)
    stops("cannot read the root directory: sector 46. Write the image to a better disk.",
          *unreadable(image.path, 46))


@case("FATs that are not each other's copies, and each other's place taken")
def _():
    image = real()
    chain = image.chain("KERNEL  ELF")
    image.put(chain[10], 0, fats=(1,))
    image.put(image.first("OCTAVO  CFG"), 0, fats=(0,))
    for swap in (False, True):
        if swap:
            first, second = (slice(at, at + image.fat_size) for at in image.fat)
            image.data[first], image.data[second] = (bytes(image.data[second]),
                                                     bytes(image.data[first]))
        image.save()
        for medium in (floppy, disk):
            machine = Machine("-m", "32", *medium(image.path))
            machine.expect("octavo> ", seconds=30)
            contains(machine.kill(), "octavo loader: the two FATs differ, using the first\n",
                     " is whole in the other FAT only, using that\n")


@case("a kernel that is whole in neither FAT")
def _():
    image = real()
    chain = image.chain("KERNEL  ELF")
    image.put(chain[10], 0, fats=(0,))
    image.put(chain[20], 0xFF7, fats=(1,))
    stops("KERNEL.ELF has a chain that leaves the disk. Repair", *floppy(image.save().path))


@case("an image cut in the kernel's midst")
def _():
    image = real()
    cut = sector_of(image, "KERNEL  ELF", 300)
    os.truncate(image.path, cut * SECTOR)
    stops("KERNEL.ELF: sector %d of the disk cannot be read" % cut, *disk(image.path))
    # QEMU's floppy has zeros where the file ends.
    stops("KERNEL.ELF is damaged: its sum is wrong. ", *floppy(image.path))


@case("an image cut before the kernel, before the root directory")
def _():
    image = real()
    first = sector_of(image, "KERNEL  ELF", 0)
    os.truncate(image.path, first * SECTOR)
    stops("KERNEL.ELF: sector %d of the disk cannot be read" % first, *disk(image.path))
    os.truncate(image.path, 44 * SECTOR)
    stops("cannot read the root directory: sector 44.", *disk(image.path))


@case("a kernel file cut short")
def _():
    image = real()
    at = image.entry("KERNEL  ELF")
    chain = image.chain("KERNEL  ELF")
    struct.pack_into("<I", image.data, at + 28, 200 * SECTOR)
    image.put(chain[199], 0xFFF)
    stops("KERNEL.ELF is damaged: its sum is wrong. ", *floppy(image.save().path))


finish()
