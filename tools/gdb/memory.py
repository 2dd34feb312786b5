"""memory.py - memory by its physical address, and the page tables that lead to it.

The formats are what Intel SDM volume 3 calls 32-bit paging (4.3) and PAE paging (4.4).
"""
import gdb

from kernel import DIRECT_BASE, number, read

PRESENT, WRITABLE, USER, LARGE = 0x001, 0x002, 0x004, 0x080
NO_EXECUTE = 1 << 63
FRAME = 0x000FFFFFFFFFF000
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


class Entry:
    """What a walk found last: a page, or where it ended."""

    def __init__(self, level, bits, writable, user, executable):
        self.level, self.bits = level, bits
        self.writable, self.user, self.executable = writable, user, executable

    @property
    def present(self):
        return bool(self.bits & PRESENT)


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
        """The Entry that decides about the address; its rights are those of all levels."""
        table, writable, user, executable = self.root, True, True, True
        for level, (shift, bits) in enumerate(self.levels):
            entry = self.entry(table, address >> shift & (1 << bits) - 1, bits)
            if not self.pae or level:  # PAE's first level has no rights
                writable &= bool(entry & WRITABLE)
                user &= bool(entry & USER)
                executable &= not entry & NO_EXECUTE
            large = entry & LARGE and shift in (21, 22)
            if not entry & PRESENT or large or shift == 12:
                break
            table = entry & FRAME
        found = Entry(level, entry, writable, user, executable)
        found.physical = (entry & FRAME & -1 << shift) + (address & (1 << shift) - 1)
        found.span = 1 << shift
        return found

    def count_present(self, start, end):
        count = 0
        while start < end:
            found = self.walk(start)
            after = min(end, (start & -found.span) + found.span)
            count += (after - start >> 12) if found.present else 0
            start = after
        return count
