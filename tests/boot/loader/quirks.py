"""Plants quirks.asm into an image: the firmware of the machine that boots it will lie."""

import os
import re
import struct

from harness import HERE, ROOT, SECTOR, Image, Machine, assemble, read, write

SOURCE = os.path.join(os.path.dirname(HERE), "quirks.asm")
# What firmware reads and writes in sector 0: the BPB and the partition table.
KEPT = (slice(0x03, 0x3E), slice(0x1B8, 0x1FE))


def map_file(entries):
    """The injector's file of a memory map of (base, length, type[, attributes]) entries; its path."""
    return write("map.bin", b"".join(struct.pack("<QQII", *entry[:3], *(entry[3:] or (1,)))
                                     for entry in entries))


def plant(image, *quirks, map=None):
    """Put the quirks, words NAME or NAME=VALUE of quirks.asm, into the Image; its path."""
    words = ["-D" + word for word in quirks]
    if map is not None:
        words.append("-DMAP=\"%s\"" % map_file(map))
    assemble(SOURCE, "quirks.bin", *words)
    code = bytearray(read("quirks.bin"))
    own = bytes(image.data[:SECTOR])
    for part in KEPT:
        code[part] = own[part]
    rest = code[SECTOR:] + own
    assert not any(image.data[-len(rest):]), "the image has no room for the quirks"
    image.data[:SECTOR] = code[:SECTOR]
    image.data[-len(rest):] = rest
    return image.save().path


def quirky(*quirks, map=None, **options):
    """An Image with these options and quirks; its path."""
    return plant(Image(**options), *quirks, map=map)


def careless(text):
    assert "careless read" not in text, text


def real(*quirks, map=None):
    """The kernel itself, without programs, that stops at the monitor's prompt; the image's path."""
    return quirky(*quirks, map=map, kernel=os.path.join(ROOT, "build", "kernel.elf"),
                  config="cmdline=monitor\nmodules=none\n")


def prompts(*arguments, command=None, machine=Machine):
    """Boot the kernel to its prompt, and type a command there if one is given; all text."""
    running = machine("-m", "32", *arguments)
    running.expect("octavo> ", seconds=30)
    if command:
        running.type(command + "\r")
        running.expect("octavo> (?s:.*)octavo> ", seconds=10)
    text = running.kill()
    careless(text)
    return text


def regions(text, kind="usable"):
    """What the kernel made of the map: ranges of one kind, neighbours joined."""
    found = []
    pattern = r"memmap: \[0x(\w+), 0x(\w+)\) \d+ KiB %s(?:, [a-z ]+)?\n" % kind
    for start, end in re.findall(pattern, text.replace("\r", "")):
        start, end = int(start, 16), int(end, 16)
        if found and found[-1][1] == start:
            start = found.pop()[0]
        found.append((start, end))
    return found
