"""memory.py - memory by its physical address, and the page tables that lead to it.

The formats are what Intel SDM volume 3 calls 32-bit paging (4.3) and PAE paging (4.4).
"""
import gdb

from kernel import DIRECT_BASE, number, read

PRESENT, WRITABLE, USER, LARGE = 0x001, 0x002, 0x004, 0x080
NO_EXECUTE = 1 << 63
FRAME = 0x000FFFFFFFFFF000
USER_END = 0xC0000000
CR4_PAE = 0x20
CR3_FLAGS = 0x1F


def read_physical(address, size):
    """What lies outside the direct map is asked of QEMU."""
    if address + size <= number("direct_map_end"):
        return read(DIRECT_BASE + address, size)
    gdb.execute("maintenance packet Qqemu.PhyMemMode:1", to_string=True)
    try:
        return read(address, size)
    finally:
        gdb.execute("maintenance packet Qqemu.PhyMemMode:0", to_string=True)


def obeys_no_execute():
    """Whether a page may forbid to be executed."""
    return number("paging_noexec") != 0


class Entry:
    """What a walk found last: a page, or where it ended."""

    def __init__(self, bits, size, span):
        self.bits, self.size, self.span = bits, size, span
        self.present = bool(bits & PRESENT)


class Tables:
    """The page tables that a value of CR3 leads to, each read once."""

    def __init__(self, root):
        self.root = root & ~CR3_FLAGS
        self.pae = bool(number("(unsigned) $cr4") & CR4_PAE)
        self.levels = ((30, 2), (21, 9), (12, 9)) if self.pae else ((22, 10), (12, 10))
        self.size = 8 if self.pae else 4
        self.known = {}

    def entry(self, table, index, bits):
        if table not in self.known:
            self.known[table] = read_physical(table, self.size << bits)
        at = index * self.size
        return int.from_bytes(self.known[table][at:at + self.size], "little")

    def walk(self, address):
        """The Entry that decides about the address. Its rights are those of all levels."""
        table, rights, executable = self.root, WRITABLE | USER, True
        for level, (shift, bits) in enumerate(self.levels):
            entry = self.entry(table, address >> shift & (1 << bits) - 1, bits)
            if level or not self.pae:  # the first level of PAE has no rights
                rights &= entry
                executable &= not entry & NO_EXECUTE
            if not entry & PRESENT or shift == 12 or entry & LARGE and shift < 30:
                break
            table = entry & FRAME
        found = Entry(entry, self.size, 1 << shift)
        found.writable, found.user = bool(rights & WRITABLE), bool(rights & USER)
        found.executable, found.table = executable, table
        found.physical = (entry & FRAME & -1 << shift) + (address & (1 << shift) - 1)
        return found

    def mapped(self, start=0, end=USER_END):
        """(address, bytes, physical address) of the pages that are there, in [start, end)."""
        while start < end:
            found = self.walk(start)
            first = start & -found.span
            if found.present:
                yield first, found.span, found.physical & -found.span
            start = first + found.span
