"""notes.py - what the aids of debug= noted of frames and objects, in the kernel's words.

The names of code are those that the kernel kept at its start (kernel/cpu/symbols.c), so that a call is named
here as the kernel names it.
"""
import bisect
import struct

import objects
from kernel import number, read, value
from objects import FILLED, plural, stack_of

PAIR = struct.Struct("<II")  # struct symbol, struct note


class Symbols:
    """The kernel's table of names, read once a stop."""

    def __init__(self):
        table, names, count = (number(f"(unsigned) 'kernel/cpu/symbols.c'::{name}")
                               for name in ("symbols", "names", "count"))
        pairs = list(PAIR.iter_unpack(read(table, PAIR.size * count))) if count else []
        self.addresses = [address for address, _ in pairs]
        self.names = [name for _, name in pairs]
        self.text = names

    def name(self, address):
        """NAME+0x12, or the bare number where no name is known."""
        inside = number("(unsigned) kernel_start") <= address < number("(unsigned) kernel_end")
        index = bisect.bisect_right(self.addresses, address) - 1
        if not inside or index < 0:
            return "0x%08x" % address
        text = value(f"(const char *) {self.text + self.names[index]:#x}").string()
        return "%s+%#x" % (text, address - self.addresses[index])


def print_stack(did, stack, caller=0):
    calls, symbols = stack_of(stack, caller), Symbols()
    for level, call in enumerate(calls):
        print("  %12s %s" % ("called by" if level else did, symbols.name(int(call) - 1)))


def print_frame_notes(frame):
    """Who allocated and who freed a frame, with debug=pages."""
    notes = number("(unsigned) 'mm/debug/pages.c'::notes")
    if notes:
        allocated, freed = PAIR.unpack(read(notes + PAIR.size * frame, PAIR.size))
        print_stack("allocated by", allocated)
        print_stack("freed by", freed & ~FILLED)


def place_in(found, address):
    """Where an address lies, seen from an object."""
    if address < found.start:
        return plural(found.start - address, "byte") + " before"
    if address < found.start + found.size or found.live != "live":
        return "byte %u of" % (address - found.start)
    return plural(address - found.start - found.size + 1, "byte") + " behind"


def print_object_notes(address):
    """The object with a record that an address is part of or beside, with debug=heap."""
    found = objects.at(address) if number("mm_debug") else None
    if found is None or found.record is None:
        return
    record = found.record
    print("  %#x is %s the %s object 0x%08x of %s, %u bytes, allocation #%u"
          % (address, place_in(found, address), found.live, found.start, found.what, found.size,
             record["number"]))
    print_stack("allocated by", int(record["allocated"]), int(record["allocated_by"]))
    if found.live != "live":
        print_stack("freed by", int(record["freed"]), int(record["freed_by"]))
