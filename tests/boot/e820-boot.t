#!/usr/bin/env python3
"""Every firmware map of tests/mm/e820 whose RAM an emulated machine can have is booted: what the
kernel makes of it is what the oracle says."""

import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "loader"))
from harness import *
from quirks import *

MAPS = os.path.join(ROOT, "tests", "mm", "e820")
sys.path.insert(0, MAPS)
sys.dont_write_bytecode = True
import oracle

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
# Where QEMU's `pc` has RAM: up to its window for devices, and from 4 GiB on.
LOW_END = 0xE0000000
HIGH_END = 256 * GIB
KERNEL_NEEDS = 640 * KIB


class Large(Machine):
    """A machine whose RAM the host need not have: untouched, it costs nothing."""

    program = "qemu-system-x86_64"


def size(high):
    bytes_ = LOW_END + high
    return ["-cpu", "qemu64", "-object", "memory-backend-ram,size=%d,reserve=off,id=ram" % bytes_,
            "-machine", "pc,memory-backend=ram", "-m", "%dM" % (bytes_ // MIB)]


def fits(ram):
    return all(end <= LOW_END or (4 * GIB <= start and end <= HIGH_END) for start, end in ram)


def run_from(ram, address):
    """Bytes of RAM from the address on."""
    return max((end - address for start, end in ram if start <= address < end), default=0)


def boots_map(entries, clean, ram):
    arguments = [*size(max([end - 4 * GIB for _, end in ram if end > 4 * GIB], default=0)),
                 *floppy(real(map=entries))]
    if run_from(ram, MIB) == 0:
        contains(prompts(*arguments, machine=Large), "loader 'Octavo 0.1 (E801)'")
        return
    if run_from(ram, MIB) < KERNEL_NEEDS:
        refuses("KERNEL.ELF does not fit into this machine", *arguments[2:], machine=Large)
        return
    text = prompts(*arguments, command="owners", machine=Large)
    assert regions(text) == ram, "%s\nbut the oracle says\n%s\n%s" % (regions(text), ram, text)
    total, = re.findall(r"\nsum +(\d+) ", text)
    wanted = oracle.frames(clean, oracle.TOP)
    assert int(total) == wanted, "%s frames, not %d\n%s" % (total, wanted, text)


for path in sorted(glob.glob(os.path.join(MAPS, "*.e820"))):
    name = os.path.basename(path)[:-5]
    entries = oracle.read_map(path)
    clean = oracle.sanitise(entries)
    ram = [(start, end) for start, end, kind in clean if kind == 1]
    skip = "" if fits(ram) else " # SKIP more RAM, or elsewhere, than the emulated machine can have"

    @case(name + skip)
    def _():
        if not skip:
            boots_map(entries, clean, ram)


@case("RAM in as many pieces as the loader keeps")
def _():
    pieces = [(0, 0x9FC00, 1), (MIB, 15 * MIB, 1)]
    pieces += [((24 + 8 * i) * MIB, (i % 5 + 1) * 4 * KIB, 1) for i in range(254)]
    clean = oracle.sanitise(pieces)
    boots_map(pieces, clean, [(start, end) for start, end, kind in clean if kind == 1])


finish()
