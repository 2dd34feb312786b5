"""paging.py - page tables, the kernel's and programs', read as the CPU reads them: by physical
addresses. What they are in bits: Intel SDM volume 3, 4.3 (32-bit paging) and 4.4 (PAE paging).
"""
import gdb

from kernel import DIRECT_BASE, PAGE_SHIFT, Descriptors, number, read_physical, value

PRESENT, WRITE, ACCESSED, DIRTY, LARGE = 0x001, 0x002, 0x020, 0x040, 0x080
NO_EXECUTE = 1 << 63
# include/space.h, mm/paging.h
SHARED = 0x200
USER_END = 0xC0000000
# What an entry says, in the order of the monitor's words: bit, set, clear.
WORDS = ((WRITE, "writable", "read-only"), (0x004, "user", "kernel"), (0x008, "write-through", ""),
         (0x010, "uncached", ""), (ACCESSED, "accessed", ""), (DIRTY, "dirty", ""),
         (LARGE, "large", ""), (0x100, "global", ""), (NO_EXECUTE, "no-execute", ""))
FRAME = 0x000FFFFFFFFFF000
CR3_FLAGS = 0x1F
CR4_PAE = 0x20


def is_pae():
    return bool(number("(unsigned) $cr4") & CR4_PAE)


def levels():
    """(name, lowest bit of the index, bits of it) of each level, and the bytes of an entry."""
    if is_pae():
        return (("pointer", 30, 2), ("directory", 21, 9), ("table", 12, 9)), 8
    return (("directory", 22, 10), ("table", 12, 10)), 4


def top_of(space):
    """What CR3 holds while the space is in use; None: what it holds now."""
    return int(space["directory_at"]) if space is not None else number("(unsigned) $cr3") & ~CR3_FLAGS


def steps(address, table):
    """(level, index, entry, shift) of each entry on the way from a table, as CR3 has it."""
    names, size = levels()
    for name, shift, bits in names:
        index = address >> shift & (1 << bits) - 1
        entry = int.from_bytes(read_physical(table + index * size, size), "little")
        yield name, index, entry, shift
        if not entry & PRESENT or (name == "directory" and entry & LARGE):
            return
        table = entry & FRAME


def physical(address, table):
    """Where an address leads; None when nothing is mapped there."""
    *_, (_, _, entry, shift) = steps(address, table)
    if not entry & PRESENT:
        return None
    return (entry & FRAME & -1 << shift) + (address & (1 << shift) - 1)


def print_walk(address, table):
    """From `table`, as CR3 has it, to the byte at `address`."""
    print("  walk of 0x%08x" % address)
    digits = levels()[1] * 2
    for name, index, entry, _ in steps(address, table):
        text = "  %s[%d] = 0x%0*x" % (name, index, digits, entry)
        if not entry & PRESENT:
            print(text + " not present")
            return
        words = [there if entry & bit else absent for bit, there, absent in WORDS]
        if name != "pointer":
            text = " ".join([text, "-> 0x%08x" % (entry & FRAME), *filter(None, words)])
        print(text)
    print("  physical 0x%08x" % physical(address, table))


# --- The tables of a program ----------------------------------------------------------------------


def entries_of(table, size):
    raw = read_physical(table, 1 << PAGE_SHIFT)
    return [int.from_bytes(raw[at:at + size], "little") for at in range(0, len(raw), size)]


def directory_entries(space):
    """(first address, entry) of the directory's entries for the program's part."""
    size = levels()[1]
    reach = (1 << PAGE_SHIFT) // size << PAGE_SHIFT
    base = 0
    for directory in range(space["directories"].type.range()[1] + 1 if is_pae() else 1):
        for entry in entries_of(int(space["directories"][directory]) - DIRECT_BASE, size):
            if base < USER_END:
                yield base, entry
            base += reach


class Run:
    """Entries in a row whose frames follow each other and whose flags are the same."""

    def __init__(self, address, frame, flags):
        self.start, self.end = address, address + (1 << PAGE_SHIFT)
        self.frame, self.flags = frame, flags

    def takes(self, address, frame, flags, zero):
        pages = 0 if frame == zero else address - self.start >> PAGE_SHIFT
        if address != self.end or flags != self.flags or frame != self.frame + pages:
            return False
        self.end += 1 << PAGE_SHIFT
        return True

    def print(self, zero):
        execute = "" if not number("paging_noexec") else "-" if self.flags & NO_EXECUTE else "x"
        kind = " zero-page" if self.frame == zero else " shared" if self.flags & SHARED else ""
        print("  %08x-%08x -> %08x %s%s%s%s%s%s"
              % (self.start, self.end, self.frame << PAGE_SHIFT, "r" if self.flags & PRESENT else "-",
                 "w" if self.flags & WRITE else "-", execute,
                 " accessed" if self.flags & ACCESSED else "", " dirty" if self.flags & DIRTY else "",
                 kind))


def runs_of(base, table, size, zero):
    run = None
    for index, entry in enumerate(entries_of(table, size)):
        if not entry:
            continue
        address = base + (index << PAGE_SHIFT)
        frame, flags = (entry & FRAME) >> PAGE_SHIFT, entry & ~FRAME
        if run is not None and run.takes(address, frame, flags, zero):
            continue
        if run is not None:
            yield run
        run = Run(address, frame, flags)
    if run is not None:
        yield run


def print_tables(space):
    descriptors, size = Descriptors(), levels()[1]
    zero = number("vm_zero_page.n")
    for base, entry in directory_entries(space):
        table = entry & FRAME
        if not table:
            continue
        _, _, live, holders = descriptors[table >> PAGE_SHIFT]
        print("%08x table at %08x, %u entries, led to by %u, %s"
              % (base, table, live, holders, "own" if entry & WRITE else "read-only"))
        for run in runs_of(base, table, size, zero):
            run.print(zero)


def resident_pages(space):
    """Pages that a space's tables lead to, the zero page not counted."""
    size, zero = levels()[1], number("vm_zero_page.n")
    return sum((entry & FRAME) >> PAGE_SHIFT != zero
               for _, directory in directory_entries(space) if directory & FRAME
               for entry in entries_of(directory & FRAME, size) if entry)


def set_registers_from_kernel():
    """For a dump of memory alone, which has no registers: what the kernel's variables say that CR3
    and CR4 hold."""
    pae = number("ktables.pae")
    if number("(unsigned) space_active"):
        top = number("space_active->directory_at")
    else:
        top = number("&ktables.pointers") - DIRECT_BASE if pae else number("ktables.directory")
    gdb.execute(f"set $cr4 = {CR4_PAE if pae else 0}")
    gdb.execute(f"set $cr3 = {top:#x}")
    gdb.execute("maintenance flush register-cache", to_string=True)
