#!/usr/bin/env python3
"""Bad media: the message names the file and the sector, and until the kernel file has been found
sound nothing above 1 MiB has been touched."""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "loader"))
from harness import *

KERNEL = os.path.join(ROOT, "build", "kernel.elf")
MIB = 1 << 20
MARK = random.Random(1).randbytes(MIB)
write("mark", MARK)
# The second megabyte has a pattern in it when the machine starts.
MARKED = ["-device", "loader,file=%s,addr=%#x,force-raw=on" % (path("mark"), MIB)]


def real(**options):
    return Image(kernel=KERNEL, config="cmdline=monitor\nmodules=none\n", **options)


def sector_of(image, name, index):
    return image.cluster(image.chain(name)[index]) // SECTOR


def broken(sector):
    """A disk with the image, one sector of which fails whichever way it is read."""
    config = write("blkdebug", '[inject-error]\nevent = "read_aio"\nerrno = "5"\nsector = "%d"\n'
                   'once = "off"\n' % sector)
    return ["-drive", "file=blkdebug:%s:%s,if=ide,format=raw,snapshot=on" % (config,
                                                                              path("test.img")),
            "-boot", "c"]


def stops(message, *arguments, untouched=True):
    machine = Machine(*MARKED, *arguments)
    machine.expect("Press a key")
    if untouched:
        machine.monitor("stop", "pmemsave %#x %#x \"%s\"" % (MIB, MIB, path("memory")))
        assert read("memory") == MARK, "memory above 1 MiB was written"
    text = machine.kill()
    contains(text, "octavo loader: error: " + message)
    return text


@case("the check of memory finds a loader that writes there")
def _():
    text = Machine(*MARKED, *floppy(real().path))
    text.expect("octavo: started")
    text.monitor("stop", "pmemsave %#x %#x \"%s\"" % (MIB, MIB, path("memory")))
    text.kill()
    assert read("memory") != MARK


@case("an unreadable sector: the kernel's first, one of the root directory")
def _():
    image = real()
    first = sector_of(image, "KERNEL  ELF", 0)
    stops("KERNEL.ELF: sector %d of the disk cannot be read (BIOS status 0x" % first,
          *broken(first))
    stops("cannot read the root directory: sector 46. Write the image to a better disk.",
          *broken(46))


@case("an unreadable sector in the kernel's midst, in its last cluster")
def _():
    image = real()
    for index in (300, -1):
        sector = sector_of(image, "KERNEL  ELF", index)
        stops("KERNEL.ELF: sector %d of the disk cannot be read (BIOS status 0x" % sector,
              *broken(sector), untouched=False)


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
    # The file's end, with its section headers, is looked at before its bytes are loaded.
    text = stops("KERNEL.ELF: sector ", *disk(image.path))
    sector, = re.findall(r"KERNEL.ELF: sector (\d+) of the disk cannot be read", text)
    assert int(sector) >= cut, sector


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
    stops("KERNEL.ELF is cut short", *floppy(image.save().path))


finish()
