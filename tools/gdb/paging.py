"""paging.py - page tables in words: the way to an address, and all that a program has."""
import gdb

from kernel import DIRECT_BASE, PAGE_SHIFT, Descriptors, number
from memory import (CR3_FLAGS, CR4_PAE, FRAME, LARGE, NO_EXECUTE, PRESENT, USER, USER_END, WRITABLE,
                    Tables)

ACCESSED, DIRTY = 0x020, 0x040
# include/space.h, mm/paging.h
SHARED = 0x200
# What an entry says, in the order of the monitor's words: bit, set, clear.
WORDS = ((WRITABLE, "writable", "read-only"), (USER, "user", "kernel"),
         (0x008, "write-through", ""), (0x010, "uncached", ""), (ACCESSED, "accessed", ""),
         (DIRTY, "dirty", ""), (LARGE, "large", ""), (0x100, "global", ""),
         (NO_EXECUTE, "no-execute", ""))


def tables_of(space):
    """Those of a space; None: those that the CPU uses now."""
    return Tables(int(space["directory_at"]) if space is not None else number("(unsigned) $cr3"))


def print_walk(address, space):
    tables = tables_of(space)
    print("  walk of 0x%08x" % address)
    for name, _, index, entry, _ in tables.steps(address):
        text = "  %s[%d] = 0x%0*x" % (name, index, tables.size * 2, entry)
        if not entry & PRESENT:
            print(text + " not present")
            return
        words = [there if entry & bit else absent for bit, there, absent in WORDS]
        if name != "pointer":
            text = " ".join([text, "-> 0x%08x" % (entry & FRAME), *filter(None, words)])
        print(text)
    print("  physical 0x%08x" % tables.walk(address).physical)


# --- The tables of a program ----------------------------------------------------------------------


def directory_entries(tables):
    """(first address, entry) of the directory's entries for the program's part."""
    bits = tables.levels[-1][2]
    tops = [entry & FRAME for entry in tables.entries(tables.root, 2)[:3]] if tables.pae \
        else [tables.root]
    entries = (entry for top in tops for entry in tables.entries(top, bits))
    return zip(range(0, USER_END, 1 << bits + PAGE_SHIFT), entries)


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
              % (self.start, self.end, self.frame << PAGE_SHIFT,
                 "r" if self.flags & PRESENT else "-", "w" if self.flags & WRITABLE else "-",
                 execute, " accessed" if self.flags & ACCESSED else "",
                 " dirty" if self.flags & DIRTY else "", kind))


def runs_of(base, entries, zero):
    run = None
    for index, entry in enumerate(entries):
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
    descriptors, tables = Descriptors(), tables_of(space)
    zero = number("vm_zero_page.n")
    for base, entry in directory_entries(tables):
        if not entry & FRAME:
            continue
        _, _, live, holders = descriptors[(entry & FRAME) >> PAGE_SHIFT]
        print("%08x table at %08x, %u entries, led to by %u, %s"
              % (base, entry & FRAME, live, holders, "own" if entry & WRITABLE else "read-only"))
        for run in runs_of(base, tables.entries(entry & FRAME, tables.levels[-1][2]), zero):
            run.print(zero)


def resident_pages(space):
    """Pages that a space's tables lead to, the zero page not counted."""
    tables, zero = tables_of(space), number("vm_zero_page.n")
    return sum((entry & FRAME) >> PAGE_SHIFT != zero
               for _, above in directory_entries(tables) if above & FRAME
               for entry in tables.entries(above & FRAME, tables.levels[-1][2]) if entry)


def set_registers_from_kernel():
    """For a dump of memory alone, which has no registers: what the kernel's variables say that CR3
    and CR4 hold."""
    pae = number("ktables.pae")
    if number("(unsigned) tlb_cpus[0].active"):
        top = number("tlb_cpus[0].active->directory_at")
    else:
        top = number("&ktables.pointers") - DIRECT_BASE if pae else number("ktables.directory")
    gdb.execute(f"set $cr4 = {CR4_PAE if pae else 0}")
    gdb.execute(f"set $cr3 = {top:#x}")
    gdb.execute("maintenance flush register-cache", to_string=True)
