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
# Bytes that one packet of the remote protocol brings.
PIECE = 1024
TWO_LEVELS = (("directory", 22, 10), ("table", 12, 10))
PAE_LEVELS = (("pointer", 30, 2), ("directory", 21, 9), ("table", 12, 9))


def read_physical(address, size):
    """Past the page tables: QEMU and tools/inspect do that when asked to. Of others there is the
    direct map."""
    remote = gdb.selected_inferior().connection
    if not hasattr(remote, "send_packet") or remote.send_packet("Qqemu.PhyMemMode:1") != b"OK":
        return read(DIRECT_BASE + address, size)
    try:
        return b"".join(read_piece(remote, at, min(PIECE, address + size - at))
                        for at in range(address, address + size, PIECE))
    finally:
        remote.send_packet("Qqemu.PhyMemMode:0")


def read_piece(remote, address, size):
    """In a packet of our own: gdb's addresses have 32 bits here."""
    answer = remote.send_packet(f"m{address:x},{size:x}")
    if answer.startswith(b"E"):
        raise gdb.MemoryError(f"Cannot access physical memory at {address:#x}")
    return bytes.fromhex(answer.decode())


def is_pae():
    return bool(number("(unsigned) $cr4") & CR4_PAE)


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
        self.pae = is_pae()
        self.levels = PAE_LEVELS if self.pae else TWO_LEVELS
        self.size = 8 if self.pae else 4
        self.known = {}

    def entries(self, table, bits):
        """All entries of a table of 2^bits."""
        if table not in self.known:
            raw = read_physical(table, self.size << bits)
            self.known[table] = [int.from_bytes(raw[at:at + self.size], "little")
                                 for at in range(0, len(raw), self.size)]
        return self.known[table]

    def steps(self, address):
        """(level's name, table, index in it, entry, lowest bit of the index) of each entry on the
        way to an address, to the one that decides."""
        table = self.root
        for name, shift, bits in self.levels:
            index = address >> shift & (1 << bits) - 1
            entry = self.entries(table, bits)[index]
            yield name, table, index, entry, shift
            if not entry & PRESENT or (name == "directory" and entry & LARGE):
                return
            table = entry & FRAME

    def walk(self, address):
        """The Entry that decides about the address. Its rights are those of all levels."""
        rights, executable = WRITABLE | USER, True
        for name, table, _, entry, shift in self.steps(address):
            if name != "pointer":  # which has no rights
                rights &= entry
                executable &= not entry & NO_EXECUTE
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
