"""places.py - what lies at an address: which object, stack, area, variable, in words.

The regions of the kernel's part are those of docs/design.md. What the debug heap noted about an
object stands in its record (mm/debug): whether it lives, who allocated it, who freed it.
"""
import re

import gdb

import spaces
import tasks
from kernel import (DIRECT_BASE, FRAME_TABLE, PAGE_SHIFT, WORD_BITS, Descriptors, linked, number,
                    owner_name, value)
from memory import Tables

PAGE = 1 << PAGE_SHIFT
NULL_REACH = 0x10000  # nothing is ever mapped below
FIELD_REACH = 0x1000
KERNEL_START = 0xC0000000
VMALLOC_START, VMALLOC_END = 0xD0000000, 0xDFC00000
FRAME_TABLE_END = 0xF0000000
SIGNAL_PAGE, FIXMAP = 0xFFBFF000, 0xFFC00000
KERNEL_STACK = 8192
STACK_GAP = 0x100000
RECORD = 32  # DEBUG_RECORD_BYTES
STATES = {0x4C56: "live", 0x4652: "freed", 0x4B50: "freed"}
POISONS = ((0x6B, "a pointer read from a freed object"),
           (0x5A, "a pointer read from memory that nobody has set"),
           (0xBB, "a pointer read from behind or before an object"))
STACKS = (("boot_stack_guard", "boot_stack_top", "the kernel's first stack"),
          ("fault_stack_guard", "fault_stack_top", "the double fault's stack"))


def plural(count, noun):
    return f"{count} {noun}" + ("" if count == 1 else "s")


def size_words(count):
    """A distance that a reader can take in."""
    if count < 0x2800:
        return plural(count, "byte")
    return f"{count >> 10} KiB" if count < 0xA00000 else f"{count >> 20} MiB"


def process_words(process):
    return f"{process['name'].string()} ({int(process['pid'])})"


def symbol_words(address):
    """NAME+OFFSET of the symbol at an address, with the source line of code; "" for none."""
    found = re.match(r"(.+?)(?: \+ (\d+))? in section",
                     gdb.execute(f"info symbol {address}", to_string=True))
    if not found:
        return ""
    line = gdb.find_pc_line(address)
    source = f" ({line.symtab.filename}:{line.line})" if line.symtab else ""
    return found[1] + (f"+{int(found[2]):#x}" if found[2] else "") + source


def caller_words(address):
    """The same of a call's return address."""
    return symbol_words(int(address) - 1)


# --- A number that is no address ------------------------------------------------------------------


def pointer_words(address):
    """What a number looks like that is no address; None when nothing comes to mind."""
    if address == 0:
        return "a NULL pointer"
    if address < NULL_REACH:
        return f"a field {address} bytes behind a NULL pointer"
    if address >= 0x100000000 - FIELD_REACH:
        minus = 0x100000000 - address
        return f"a NULL pointer minus {minus}, or error -{minus} taken for a pointer"
    for byte, meaning in POISONS:
        offset = address - byte * 0x01010101
        if 0 <= offset < FIELD_REACH:
            return f"{meaning} (poison 0x{byte:02x}{byte:02x}{byte:02x}{byte:02x} plus {offset})"
    text = address.to_bytes(4, "little")
    if all(32 <= byte <= 126 for byte in text):
        return f"the text \"{text.decode()}\" where a pointer should be"
    return None


# --- Programs -------------------------------------------------------------------------------------


def area_at(space, address):
    """(area, None) that the address lies in, or (None, the first one above it or None)."""
    for area in linked(space["areas"]["first"], "next"):
        if address < int(area["end"]):
            return (area, None) if address >= int(area["start"]) else (None, area)
    return None, None


def area_words(area):
    return f"{int(area['start']):08x}-{int(area['end']):08x} {spaces.rights(area)} " \
        f"{spaces.area_name(area) or 'memory'}"


def neighbours(address, process):
    """Lines about the areas nearest to an address that lies in none."""
    space = process["space"]
    area, above = area_at(space, address)
    below = above["previous"] if above else space["areas"]["last"]
    if below and not area:
        yield f"{size_words(address - int(below['end']) + 1)} above {area_words(below)}"
    if above:
        yield f"{size_words(int(above['start']) - address)} below {area_words(above)}"


def user_words(address, process):
    if address < NULL_REACH or not process:
        return pointer_words(address) or "an address of programs"
    area, _ = area_at(process["space"], address)
    if not area:
        looks = pointer_words(address)
        return f"no memory of {process_words(process)}" + (f"; looks like {looks}" if looks else "")
    runs = process["pid"] == tasks.running()["process"]["pid"]  # and so has its symbols loaded
    return f"{runs and symbol_words(address) or 'memory'} of {process_words(process)}, " \
        f"in {area_words(area)}"


# --- Objects of the heap --------------------------------------------------------------------------


class Object:
    """What somebody was given, and what is known of it: `place` and `end` of all that belongs to
    it, `start` of what is the caller's, `record` of the debug heap or None."""

    def __init__(self, what, place, end, left, size, live):
        self.what, self.place, self.end = what, place, end
        self.start, self.size, self.live = place + left, size, live
        self.record = None

    def read_record(self):
        block = gdb.block_for_pc(number("(unsigned) &debug_alloc"))
        kind = gdb.lookup_type("struct record", block).pointer()
        record = gdb.Value(self.end - RECORD).cast(kind).dereference()
        if int(record["state"]) not in STATES:
            return
        self.record, self.size = record, int(record["size"])
        self.live = STATES[int(record["state"])] if int(record["number"]) else "never used"

    def words(self, address):
        if address < self.start:
            where = f"{plural(self.start - address, 'byte')} before"
        elif address >= self.start + self.size and self.live == "live":
            where = f"{plural(address - self.start - self.size, 'byte')} behind the end of"
        else:
            where = f"byte {address - self.start} of"
        number_of_it = f", allocation #{int(self.record['number'])}" if self.record else ""
        return f"{where} the {self.live} object 0x{self.start:08x} of {self.what}, " \
            f"{plural(self.size, 'byte')}{number_of_it}"

    def story(self):
        if self.record:
            yield from who(self.record, "allocated")
        else:
            yield "who allocated it was not noted (boot with debug=stacks)"
        if self.record and self.live != "live":
            yield from who(self.record, "freed")
        if self.live != "live":
            yield "no fault tells of a use of it; " + \
                ("a read gets poison, a write is found when it is handed out again"
                 if self.record else "the next who allocates it shares it (boot with debug=heap)")


def who(record, what):
    """Lines that name the call, and its callers when stacks are kept."""
    for number_of_call, address in enumerate(stack_of(int(record[what]), record[what + "_by"])):
        yield f"{what + ' by' if not number_of_call else 'called by':>14} {caller_words(address)}"


def stack_of(stack, caller):
    """The return addresses of a stack in the depot (mm/debug/stacks.c), or the caller alone."""
    depot = value("'mm/debug/stacks.c'::depot")
    if not stack or not depot["words"] or stack >= int(depot["used"]):
        return [int(caller)] if caller else []
    words = depot["words"]
    depth = int(words[stack + 2])
    return [int(words[stack + 3 + i]) for i in range(depth)]


def object_of_slab(slab, address):
    cache = slab["cache"]
    stride = int(cache["stride"])
    index = (address - int(slab["base"])) // stride
    word, bit = divmod(index, WORD_BITS)
    free = (int(slab["free"][word]) | int(slab["remote"][word])) >> bit & 1
    place = int(slab["base"]) + index * stride
    found = Object(cache["name"].string(), place, place + stride, int(cache["left"]),
                   int(cache["size"]), "free" if free else "live")
    if cache["debug"]:
        found.read_record()
    return found


def object_at(address):
    """The Object around an address of the direct map, or None."""
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
        return object_of_slab(slab, address) if address >= int(slab["base"]) else None
    if owner != descriptors.owner["FRAME_HEAP"]:
        return None
    place, size = DIRECT_BASE + (head << PAGE_SHIFT), count << PAGE_SHIFT
    found = Object("whole frames", place, place + size, 0, size, "live")
    if number("mm_debug") & number("DEBUG_HEAP"):
        found.read_record()
    return found


def story(address):
    """What is known of the object's past, line by line."""
    found = object_at(address)
    return found.story() if found else ()


# --- The kernel's regions -------------------------------------------------------------------------


def is_programs_frame(frame):
    descriptors = Descriptors()
    return descriptors.known(frame) and \
        descriptors[frame][0] in (descriptors.owner["FRAME_USER"], descriptors.owner["FRAME_CACHE"])


def stacks():
    """(lowest byte above the guard page, end, whose)"""
    for guard, top, name in STACKS:
        yield number(f"(unsigned) &{guard}") + PAGE, number(f"(unsigned) &{top}"), name
    for process in tasks.processes():
        for task in tasks.threads(process):
            start = int(task["stack"])
            name = process["name"].string()
            yield start, start + KERNEL_STACK, f"the kernel stack of {name} ({int(task['tid'])})"


def stack_words(address):
    for start, end, name in stacks():
        if start <= address < end:
            return f"{name}, {end - address} bytes below its top"
        if start - PAGE <= address < start:
            return f"the guard page below {name}"
    return None


def is_stack_guard(address):
    return "guard page below" in (stack_words(address) or "")


def image_words(address):
    symbol = symbol_words(address)
    if address < number("(unsigned) &text_end"):
        return f"the kernel's code, {symbol}"
    kind = "constants" if address < number("(unsigned) &data_start") else "variables"
    return f"the kernel's {kind}" + (f", {symbol}" if symbol else "")


def direct_words(address):
    if number("(unsigned) &kernel_start") <= address < number("(unsigned) &kernel_end"):
        return image_words(address)
    if address >= DIRECT_BASE + number("direct_map_end"):
        return "behind the end of the direct map"
    found = object_at(address)
    if found:
        return found.words(address)
    descriptors = Descriptors()
    frame = address - DIRECT_BASE >> PAGE_SHIFT
    if not descriptors.known(frame):
        return "the direct map of a frame that is not managed"
    owner = descriptors[descriptors.head_of(frame)][0]
    return f"the direct map of a frame, {owner_name(owner)}"


def vmalloc_note(page):
    """Pages of the area that begins behind this page: its entry, not present, has the number."""
    entry = Tables(number("(unsigned) $cr3")).walk(page)
    return 0 if entry.present or entry.span != PAGE else entry.bits >> 1


def vmalloc_words(address):
    page = address & -PAGE
    at = VMALLOC_START
    while at < page:
        pages = vmalloc_note(at)
        end = at + PAGE + (pages << PAGE_SHIFT)
        if pages and page < end:
            return f"byte {address - at - PAGE} of the vmalloc area {at + PAGE:08x}-{end:08x}"
        at = end
    pages = vmalloc_note(page)
    if pages:
        return "the guard page before the vmalloc area " \
            f"{page + PAGE:08x}-{page + PAGE + (pages << PAGE_SHIFT):08x}"
    return "vmalloc memory that is free"


def frame_table_words(address):
    size = gdb.lookup_type("struct frame").sizeof
    frame, offset = divmod(address - FRAME_TABLE, size)
    return f"byte {offset} of the descriptor of frame {frame:#x}"


REGIONS = ((KERNEL_START, VMALLOC_START, direct_words),
           (VMALLOC_START, VMALLOC_END, vmalloc_words),
           (VMALLOC_END, FRAME_TABLE, lambda _: "the place of the kernel's tests"),
           (FRAME_TABLE, FRAME_TABLE_END, frame_table_words),
           (SIGNAL_PAGE, FIXMAP, lambda _: "the page that signal handlers return to"),
           (FIXMAP, 0x100000000 - FIELD_REACH,
            lambda address: f"slot {(address - FIXMAP) >> PAGE_SHIFT} of the fixmap"))


def words(address, process):
    """The first line: what the address is."""
    if address < KERNEL_START:
        return user_words(address, process)
    stack = stack_words(address)
    if stack:
        return stack
    for start, end, describe in REGIONS:
        if start <= address < end:
            return describe(address)
    return pointer_words(address) or "an address where the kernel has nothing"
