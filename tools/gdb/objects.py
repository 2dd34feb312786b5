"""objects.py - what the heap and its debugging aids (mm/debug) know about an address: the object it
is part of or near, whether that lives, who allocated it and who freed it.

An object lies in a slab, in whole frames, or with debug=guard in a slot of its own:

    slab          place | red zone | object | red zone | record       the first and last three with
    whole frames  place = object ............ | red zone | record     debug=heap only
    slot          not mapped | page | page: .. object | not mapped    the record is in a table
"""
import re

import gdb

from kernel import DIRECT_BASE, PAGE_SHIFT, Descriptors, number, object_in_use, value

PAGE = 1 << PAGE_SHIFT
RECORD = 32  # DEBUG_RECORD_BYTES
STATES = {0x4C56: "live", 0x4652: "freed", 0x4B50: "freed"}
VMALLOC_END = 0xDFC00000
SLOT, OBJECT_END = 4 * PAGE, 3 * PAGE
FILLED = 0x80000000  # in the note of a frame: mm/debug/pages.c


def plural(count, noun):
    return f"{count} {noun}" + ("" if count == 1 else "s")


def symbol_words(address):
    """NAME+OFFSET of the symbol at an address, with the source line of code; "" for none."""
    found = re.match(r"(.+?)(?: \+ (\d+))? in section",
                     gdb.execute(f"info symbol {address}", to_string=True))
    if not found:
        return ""
    line = gdb.find_pc_line(address)
    source = f" ({line.symtab.filename}:{line.line})" if line.symtab else ""
    return found[1] + (f"+{int(found[2]):#x}" if found[2] else "") + source


# --- Who ------------------------------------------------------------------------------------------


def stack_of(stack, caller):
    """The return addresses of a stack in the depot (mm/debug/stacks.c), or the caller alone."""
    depot = value("'mm/debug/stacks.c'::depot")
    if not stack or not depot["words"] or stack >= int(depot["used"]):
        return [caller] if caller else []
    words = depot["words"]
    return [int(words[stack + 3 + i]) for i in range(int(words[stack + 2]))]


def who(did, stack, caller=0):
    """Lines that name the call, and its callers when stacks are kept."""
    for depth, address in enumerate(stack_of(stack, caller)):
        yield f"{'called by' if depth else did:>14} {symbol_words(address - 1)}"


# --- Objects --------------------------------------------------------------------------------------


class Object:
    """What somebody was given: `start` of what is the caller's, `size`, `live`, and what the debug
    heap noted, `record` or None."""

    def __init__(self, what, start, size, live):
        self.what, self.start, self.size, self.live = what, start, size, live
        self.record = None

    def use(self, record):
        """What stands in the record is better than what the allocator knows."""
        if int(record["state"]) in STATES:
            self.record, self.size = record, int(record["size"])
            self.live = STATES[int(record["state"])] if int(record["number"]) else "never used"
        return self

    def words(self, address):
        end = self.start + self.size
        if address < self.start:
            where = f"{plural(self.start - address, 'byte')} before"
        elif address < end or self.live != "live":
            where = f"byte {address - self.start} of"
        else:
            where = f"{plural(address - end + 1, 'byte')} behind"
        allocation = f", allocation #{int(self.record['number'])}" if self.record else ""
        return f"{where} the {self.live} object 0x{self.start:08x} of {self.what}, " \
            f"{plural(self.size, 'byte')}{allocation}"

    def story(self):
        record = self.record
        if not record:
            yield "who allocated it was not noted (boot with debug=stacks)"
        else:
            yield from who("allocated by", int(record["allocated"]), int(record["allocated_by"]))
        if self.live == "live":
            return
        if record:
            yield from who("freed by", int(record["freed"]), int(record["freed_by"]))
        yield from self.danger()

    def danger(self):
        """What becomes of a use of it after it was freed."""
        if self.start >= DIRECT_BASE + number("direct_map_end"):
            return
        yield "no fault tells of a use of it: " + \
            ("a read gets poison, a write is found when it is handed out again" if self.record
             else "whoever allocates it next shares it (boot with debug=heap)")


def record_at(address):
    """A record of the debug heap. Others have structures of that name, too: its type is that of a
    function's argument."""
    record = value("debug_print_story").type.fields()[1].type
    return gdb.Value(address).cast(record).dereference()


def of_slab(slab, address):
    cache, base = slab["cache"], int(slab["base"])
    stride = int(cache["stride"])
    index = (address - base) // stride
    place = base + index * stride
    found = Object(cache["name"].string(), place + int(cache["left"]), int(cache["size"]),
                   "live" if object_in_use(slab, index) else "free")
    if cache["debug"]:
        found.use(record_at(place + stride - RECORD))
    return found


def of_frames(head, count):
    start, size = DIRECT_BASE + (head << PAGE_SHIFT), count << PAGE_SHIFT
    found = Object("whole frames", start, size, "live")
    if number("mm_debug") & number("DEBUG_HEAP"):
        found.use(record_at(start + size - RECORD))
    return found


def of_direct_map(address):
    """The object that an address of the direct map lies in or beside, or None."""
    if not DIRECT_BASE <= address < DIRECT_BASE + number("direct_map_end"):
        return None
    descriptors = Descriptors()
    frame = address - DIRECT_BASE >> PAGE_SHIFT
    if not descriptors.known(frame):
        return None
    head = descriptors.head_of(frame)
    owner, _, _, count = descriptors[head]
    if owner == descriptors.owner["FRAME_SLAB"]:
        slab = gdb.Value(count).cast(gdb.lookup_type("struct slab").pointer()).dereference()
        return of_slab(slab, address) if address >= int(slab["base"]) else None
    return of_frames(head, count) if owner == descriptors.owner["FRAME_HEAP"] else None


def guarded(address):
    """The object with nothing behind it (mm/x86/guard.c) that an address is part of, or None."""
    guard = value("'mm/x86/guard.c'::guard")
    window = VMALLOC_END - int(guard["count"]) * SLOT
    if not window <= address < VMALLOC_END:
        return None
    index = (address - window) // SLOT
    slot = guard["slots"][index]
    if not slot["cache"]:
        return None
    end = window + index * SLOT + OBJECT_END
    start = end - int(slot["record"]["size"]) & -int(slot["cache"]["align"])
    return Object(slot["cache"]["name"].string() + ", guarded", start, 0, "live") \
        .use(slot["record"])


def at(address):
    return of_direct_map(address) or guarded(address)


# --- Frames ---------------------------------------------------------------------------------------


def frame_story(frame):
    """Who allocated a frame and who freed it: debug=pages."""
    notes = value("'mm/debug/pages.c'::notes")
    if notes:
        yield from who("allocated by", int(notes[frame]["allocated"]))
        yield from who("freed by", int(notes[frame]["freed"]) & ~FILLED)
