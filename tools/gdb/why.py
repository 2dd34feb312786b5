"""why.py - `octavo why ADDRESS`: what an address is, in words, and what touching it would do.

    what lies there     places.py: object, stack, area, symbol...
    how the CPU gets    the last entry of the page tables, the frame and its owner, and the programs
    there               that have the frame too
    what happens        of a read, a write, a jump, by a program and by the kernel: nothing special,
                        or the fault, and what the kernel makes of it (mm/faults.inc)

The kernel's own report of a fault (kernel/cpu/explain.c) has the same words for the same things.
"""
import gdb

import memory
import objects
import paging
import places
import tasks
from commands import command, expression_and_number
from kernel import PAGE_SHIFT, Descriptors, number, owner_name, value
from objects import plural
from places import KERNEL_START, area_at, process_words

PAGE = 1 << PAGE_SHIFT
TABLE_HAS_OBJECT = 0x200  # PTE_OBJECT: mm/paging.h
ACCESSES = {"r": "read", "w": "write", "x": "jump"}
NO_AREA = "SIGSEGV: nothing is mapped there"


# --- What an access does --------------------------------------------------------------------------


class Access:
    """What a program's accesses to an address of its own part would do."""

    def __init__(self, address, process):
        self.address, self.page = address, address & -PAGE
        self.space = process["space"].dereference()
        self.area, self.above = area_at(self.space, address)
        self.grows = not self.area and self.may_grow()
        self.tables = memory.Tables(int(self.space["directory_at"]))
        self.entry = self.tables.walk(address)
        self.no_execute = memory.obeys_no_execute()

    def may_grow(self):
        """Whether the stack above would grow down to the page: stack_grow of mm/brk.c."""
        stack = self.above
        if not stack or not int(stack["flags"]) & number("AREA_GROWSDOWN"):
            return False
        below = stack["previous"]
        gap = self.page - int(below["end"]) if below else self.page
        limit = int(self.space["limits"][number("SPACE_LIMIT_STACK")])
        return int(stack["end"]) - self.page <= limit and gap >= places.STACK_GAP

    def flag(self, name):
        return bool(int((self.area or self.above)["flags"]) & number(name))

    def forbidden(self, kind):
        """Why the area does not allow it, or None."""
        if kind == "w":
            return None if self.flag("AREA_WRITE") else "the area is read-only"
        if kind == "x" and self.no_execute:
            return None if self.flag("AREA_EXEC") else "the area may not be executed"
        return None if self.flag("AREA_PROT") else "nobody may touch the area (PROT_NONE)"

    def does(self, kind):
        if not self.area and not self.grows:
            return NO_AREA
        refusal = self.forbidden(kind)
        if refusal:
            return "SIGSEGV: " + refusal
        grown = "the stack grows by %s, then " % plural(
            (int(self.above["start"]) - self.page) >> PAGE_SHIFT, "page") if self.grows else ""
        if not self.entry.bits or not self.entry.present:
            return grown + self.first_touch(kind)
        if kind == "w" and not self.entry.writable:
            return self.first_write()
        return "ok, no fault"

    def first_touch(self, kind):
        area = self.area or self.above
        if not area["object"]:
            return "page fault, a new page of zeros" if kind == "w" \
                else "page fault, the zero page, read-only"
        index = int(area["index"]) + ((self.page - int(area["start"])) >> PAGE_SHIFT)
        if index << PAGE_SHIFT >= int(area["object"]["size"]):
            return "SIGBUS: behind the end of the file"
        if kind == "w" and not self.flag("AREA_SHARED"):
            return f"page fault, a copy of page {index} of the file"
        return f"page fault, page {index} of the " \
            + ("shared memory" if self.flag("AREA_ANONYMOUS") else "file")

    def first_write(self):
        if not self.entry.bits & memory.WRITABLE and self.entry.bits & TABLE_HAS_OBJECT:
            return "page fault, the shared page becomes writable"
        frame = self.entry.physical >> PAGE_SHIFT
        if frame == int(value("vm_zero_page")["n"]):
            return "page fault, a new page of zeros in place of the zero page"
        descriptors = Descriptors()
        owner, _, _, holders = descriptors[frame]
        if self.entry.bits & memory.WRITABLE:
            return self.table_first()
        if owner == descriptors.owner["FRAME_USER"] and holders == 1:
            return "page fault, it may write from then on: nobody else holds the page"
        return f"page fault, a copy of its own: the page is held by {holders}"

    def table_first(self):
        """The page may be written, but the directory's entry for its page table says no."""
        holders = Descriptors()[self.entry.table >> PAGE_SHIFT][3]
        if holders == 1:
            return "page fault, it may write from then on: nobody else holds the page table"
        return f"page fault, a page table of its own in place of the one held by {holders}, " \
            "and a copy of the page"


def together(whose, results):
    """Lines that say what reads, writes and jumps do, in one when they all do the same."""
    if len(set(results.values())) == 1:
        return [f"read, write, jump by {whose}: {results['read']}"]
    return [f"{what} by {whose}: {result}" for what, result in results.items()]


def program_lines(address, process):
    access = Access(address, process)
    return together(process_words(process),
                    {what: access.does(kind) for kind, what in ACCESSES.items()})


def kernel_does(entry, kind):
    if not entry.present:
        return "panic: page fault, nothing is mapped there"
    if kind == "w" and not entry.writable:
        return "panic: page fault, the page is read-only"
    if kind == "x" and memory.obeys_no_execute() and not entry.executable:
        return "panic: page fault, the page is no-execute"
    return "ok, no fault"


def kernel_lines(address, entry):
    results = {what: kernel_does(entry, kind) for kind, what in ACCESSES.items()}
    if places.is_stack_guard(address):
        results = dict.fromkeys(results, "panic: kernel stack overflow (double fault if by a push)")
    refused = "SIGSEGV: the address is the kernel's"
    by_program = {what: refused if kind == "w" or not entry.user else results[what]
                  for kind, what in ACCESSES.items()}
    return together("the kernel", results) + together("a program", by_program)


# --- How the CPU gets there -----------------------------------------------------------------------


def entry_line(entry):
    if not entry.present:
        return f"page tables: entry 0x{entry.bits:0{2 * entry.size}x}, not present"
    words = [there if entry.bits & bit else absent for bit, there, absent in paging.WORDS]
    return f"page tables: entry 0x{entry.bits:0{2 * entry.size}x}, " + \
        ", ".join(filter(None, words))


def frame_line(physical):
    frame = physical >> PAGE_SHIFT
    descriptors = Descriptors()
    line = f"physical 0x{physical:08x}, frame {frame:#x}"
    if not descriptors.known(frame):
        return line + ": not managed here"
    head = descriptors.head_of(frame)
    owner, _, _, count = descriptors[head]
    line += ", owner: " + owner_name(owner)
    if descriptors.is_page(head):
        line += f", held by {count}"
    elif owner >= descriptors.owner["FRAME_ALLOCATED"] and count > 1:
        line += f", one of {count} frames from {head:#x} on"
    return line


def users_of(physical, address, one):
    """Lines about the programs that have the frame, but for the process `one` at the address."""
    frame = physical >> PAGE_SHIFT
    for process in tasks.processes():
        if not process["space"]:
            continue
        for start, span, entry in memory.Tables(int(process["space"]["directory_at"])).mapped():
            if one and process["pid"] == one["pid"] and start <= address < start + span:
                continue
            if entry >> PAGE_SHIFT <= frame < (entry + span) >> PAGE_SHIFT:
                at = start + (physical - entry)
                yield f"{process_words(process)} has it at 0x{at:08x}, too"


# --- The command ----------------------------------------------------------------------------------


def current_process():
    task = tasks.running()
    return task["process"].dereference() if task and task["process"] and task["space"] else None


def lines_of(address, process):
    user = address < KERNEL_START
    if user and not process:
        yield places.words(address, None)
        yield "no program runs at this stop: octavo why ADDRESS PID asks for one's address"
        return
    root = int(process["space"]["directory_at"]) if process else number("(unsigned) $cr3")
    entry = memory.Tables(root).walk(address)
    yield places.words(address, process)
    found = None if user else objects.at(address)
    if user:
        yield from places.neighbours(address, process)
    elif found:
        yield from found.story()
    yield entry_line(entry)
    if entry.present:
        yield frame_line(entry.physical)
        yield from () if found else objects.frame_story(entry.physical >> PAGE_SHIFT)
        if places.is_programs_frame(entry.physical >> PAGE_SHIFT):
            yield from users_of(entry.physical, address, process)
    if user:
        yield from program_lines(address, process)
        yield "by the kernel: the same in a copy for a system call, but EFAULT in place of a signal"
    else:
        yield from kernel_lines(address, entry)


@command("why", "octavo why ADDRESS [PID]: what is there, and what touching it would do.\n"
         "Which object, stack, area; its past; the page tables' entry and the frame; and what a\n"
         "read, a write and a jump do, by the program (the one that runs, or PID) and the kernel.")
def _why(argument):
    expression, pid = expression_and_number(argument)
    process = tasks.find_task(pid)["process"].dereference() if pid else current_process()
    address = number(f"(unsigned) ({expression})") & 0xFFFFFFFF
    for depth, line in enumerate(lines_of(address, process)):
        print(("  " if depth else f"0x{address:08x}: ") + line)
