"""places.py - what lies at an address: which object, stack, area, variable, in words.

The regions of the kernel's part are those of docs/design.md.
"""
import gdb

import objects
import spaces
import tasks
from kernel import (DIRECT_BASE, FRAME_TABLE, PAGE_SHIFT, Descriptors, linked, number,
                    owner_name, value)
from memory import Tables
from objects import plural, symbol_words

PAGE = 1 << PAGE_SHIFT
NULL_REACH = 0x10000  # nothing is ever mapped below
FIELD_REACH = 0x1000
KERNEL_START = 0xC0000000
VMALLOC_START, VMALLOC_END = 0xD0000000, 0xDFC00000
FRAME_TABLE_END = 0xF0000000
SIGNAL_PAGE, FIXMAP = 0xFFBFF000, 0xFFC00000
KERNEL_STACK = 8192
STACK_GAP = 0x100000
POISONS = ((0x6B, "a pointer read from a freed object"),
           (0x5A, "a pointer read from memory that nobody has set"),
           (0xBB, "a pointer read from behind or before an object"),
           (0xAA, "a pointer read from a frame that is free"))
STACKS = (("boot_stack_guard", "boot_stack_top", "the kernel's first stack"),
          ("fault_stack_guard", "fault_stack_top", "the double fault's stack"))


def size_words(count):
    """A distance that a reader can take in."""
    if count < 0x2800:
        return plural(count, "byte")
    return f"{count >> 10} KiB" if count < 0xA00000 else f"{count >> 20} MiB"


def process_words(process):
    return f"{process['name'].string()} ({int(process['pid'])})"


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
    found = objects.of_direct_map(address)
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
    found = objects.guarded(address)
    if found:
        return found.words(address)
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
