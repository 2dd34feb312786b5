#!/usr/bin/env python3
"""Files wherever FAT12 may put them, and FATs that are wrong."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "loader"))
from harness import *

HELLO = write("HELLO.TXT", "hello\n")
BIG = write("BIG.BIN", bytes(i * 31 & 0xFF for i in range(50000)))
BIG_SUM = "size=50000 sum=%d string=[BIG.BIN]" % sum(i * 31 & 0xFF for i in range(50000))
KERNEL = "KERNEL  ELF"
kernel("large.elf", "-DPAD=60000")


def large(**options):
    return Image(kernel=path("large.elf"), **options)


def kernel_sum(pad=60000):
    return "data sum=%d " % sum(
        sum((i * 2654435761 & 0xFFFFFFFF).to_bytes(4, "little")) for i in range(pad // 4))


@case("a kernel in single clusters spread over the disk, from its end to its start")
def _():
    image = large(files=[BIG])
    clusters = range(2823, 2823 - 7 * len(image.chain(KERNEL)), -7)
    image.move(KERNEL, list(clusters))
    contains(boots(*floppy(image.save().path)), kernel_sum(), BIG_SUM)


@case("clusters of two sectors, one by one over a floppy of 720 KiB and one of 2.88 MiB")
def _():
    for kilobytes, last in ((720, 701), (2880, 2851)):
        for stage in ("bootsect", "loader"):
            assemble(os.path.join(ROOT, "boot", stage + ".asm"), "two." + stage,
                     "-DFORMAT=%d" % kilobytes)
        image = large(files=[BIG, HELLO], bootsect="two.bootsect", loader="two.loader")
        count = len(image.chain(KERNEL))
        image.move(KERNEL, list(range(last, last - 7 * count, -7)))
        for medium in (floppy, disk):
            contains(boots(*medium(image.save().path)), kernel_sum(), BIG_SUM, "size=6 sum=542 ")


@case("a kernel in runs that end in the middle of tracks")
def _():
    image = large()
    count = len(image.chain(KERNEL))
    clusters = [c for start in range(1000, 2600, 50) for c in range(start, start + 23)][:count]
    image.move(KERNEL, clusters)
    contains(boots(*floppy(image.save().path)), kernel_sum())


@case("the last cluster of the disk is read, on a floppy and on a disk")
def _():
    image = Image(files=[BIG])
    image.move("BIG     BIN", list(range(2726, 2824)))
    contains(boots(*floppy(image.save().path)), BIG_SUM)
    contains(boots(*disk(image.path)), BIG_SUM)


@case("directory entries in another order, deleted ones, a full directory")
def _():
    image = Image(files=[BIG])
    command("mcopy", "-i", image.path, *[write("F%d" % i, "%d" % i) for i in range(219)], "::")
    image.load()
    first, last = image.entry(KERNEL), image.root + (image.entries - 1) * 32
    image.data[last:last + 32] = image.data[first:first + 32]
    image.data[first] = 0xE5
    text = boots(*floppy(image.save().path))
    contains(text, BIG_SUM, "modules=220\n", "string=[F218]")


@case("a kernel and a module larger than low memory, which holds what is read")
def _():
    module = bytes(i * 37 >> 3 & 0xFF for i in range(500000))
    image = Image(kernel=kernel("huge.elf", "-DPAD=600000"), files=[write("HUGE.BIN", module)])
    contains(boots(*floppy(image.path)), kernel_sum(600000),
             "size=500000 sum=%d string=[HUGE.BIN]" % sum(module))


@case("an empty file is an empty module")
def _():
    text = boots(*floppy(Image(files=[write("EMPTY", ""), HELLO]).path))
    contains(text, "size=0 sum=0 string=[EMPTY]", "string=[HELLO.TXT]")


@case("a long name that belongs to another file is not believed")
def _():
    image = Image(files=[write("Some-long-name.txt", "x")])
    at = image.entry("SOME-L~1TXT")
    image.data[at:at + 11] = b"OTHER   TXT"
    contains(boots(*floppy(image.save().path)), "string=[OTHER.TXT]")


@case("the second FAT is used when the first is spoilt")
def _():
    image = large(files=[BIG])
    image.data[image.fat[0]:image.fat[0] + image.fat_size] = bytes(image.fat_size)
    text = boots(*floppy(image.save().path))
    contains(text, "octavo loader: the first FAT is bad, using the second\n", kernel_sum(), BIG_SUM)


@case("the first FAT is used when the second is spoilt")
def _():
    image = large(files=[BIG])
    image.data[image.fat[1]:image.fat[1] + image.fat_size] = bytes(image.fat_size)
    text = boots(*floppy(image.save().path))
    contains(text, "octavo loader: the second FAT is bad, using the first\n", kernel_sum(), BIG_SUM)


@case("FATs that differ: the one in which the file is whole")
def _():
    image = large()
    image.put(image.chain(KERNEL)[5], 0, fats=(0,))
    text = boots(*floppy(image.save().path))
    contains(text, "octavo loader: the two FATs differ, using the first\n",
             "octavo loader: KERNEL.ELF is whole in the other FAT only, using that\n", kernel_sum())


@case("both FATs spoilt")
def _():
    image = large()
    for fat in image.fat:
        image.data[fat:fat + image.fat_size] = bytes(image.fat_size)
    refuses("no FAT12 volume: neither FAT (sectors 26 and 35) is whole. Write the image again.",
            *floppy(image.save().path))


ADVICE = ". Repair the floppy with fsck.fat, or copy the file again."
SPOILT = (
    ("a chain that loops", "has a chain that loops", 5, lambda chain: chain[2]),
    ("a chain that loops on one cluster", "has a chain that loops", 5, lambda chain: chain[5]),
    ("a chain that leaves the disk", "has a chain that leaves the disk", 5, lambda chain: 2824),
    ("a chain that runs into a free cluster", "has a chain that leaves the disk", 5, lambda c: 0),
    ("a chain into a bad cluster", "lies on a cluster marked bad", 5, lambda chain: 0xFF7),
    ("a chain that ends early", "has a chain shorter than its size", 5, lambda chain: 0xFFF),
    ("a chain that ends late", "has a chain longer than its size", -1, lambda chain: 2000),
)
for name, message, index, value in SPOILT:
    @case("the kernel has " + name)
    def _():
        image = large()
        chain = image.chain(KERNEL)
        image.put(2000, 0xFFF)
        image.put(chain[index], value(chain))
        refuses("KERNEL.ELF " + message + ADVICE, *floppy(image.save().path))


@case("the kernel has a size that no floppy can hold")
def _():
    image = large()
    struct.pack_into("<I", image.data, image.entry(KERNEL) + 28, 0xFFFFFFFF)
    refuses("KERNEL.ELF has a size beyond the disk's" + ADVICE, *floppy(image.save().path))


@case("a module with a broken chain is left out")
def _():
    image = Image(files=[BIG, HELLO])
    chain = image.chain("BIG     BIN")
    image.put(chain[9], chain[3])
    text = boots(*floppy(image.save().path))
    contains(text, "octavo loader: module BIG.BIN has a chain that loops, left out\n",
             "modules=1\n", "string=[HELLO.TXT]")


finish()
