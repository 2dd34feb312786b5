#!/usr/bin/env python3
"""`octavo why`: what an address is and what touching it would do, for each kind of place; and for
accesses that can be made, what it says is what then happens.
"""
import re
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from debugger import end, image_with, like, session

OK = "ok, no fault"
KERNELS = r"read, write, jump by a program: SIGSEGV: the address is the kernel's"
ALL_KERNEL = rf"read, write, jump by the kernel: {OK}"

# (expression, what must be said, in this order), while memtour has begun
PLACES = [
    ("0", "a NULL pointer", "entry 0x00000000, not present",
     r"read, write, jump by memtour \(3\): SIGSEGV: nothing is mapped there", "EFAULT"),
    ("24", "a field 24 bytes behind a NULL pointer"),
    ("0x08000000", r"no memory of memtour \(3\)", r" MiB above .* memory", r" below .* \[stack\]",
     "SIGSEGV: nothing is mapped"),
    ("0x6b6b6b7b", r"looks like a pointer read from a freed object \(poison 0x6b6b6b6b plus 16\)"),
    ("0x64636261", r'looks like the text "abcd" where a pointer should be'),
    ("$pc", r"main \(user/memtour.c:\d+\) of memtour \(3\), in 00400000-\w+ r-x /bin/memtour",
     "read-only, user", "owner: page cache, held by [2-9]", f"read by .*: {OK}",
     "write by .*: SIGSEGV: the area is read-only", f"jump by .*: {OK}"),
    ("$esp", r"memory of memtour \(3\), in \w+-c0000000 rw- \[stack\]", "writable, user",
     "owner: program, held by 1", rf"read, write, jump by memtour \(3\): {OK}"),
    ("0xbff00000", "read by .*: the stack grows by 255 pages, then page fault, the zero page",
     "write by .*: the stack grows by 255 pages, then page fault, a new page of zeros"),
    ("$esp 2", r"memory of sh \(2\), in .* \[stack\]", r"by sh \(2\)"),
    ("0x00400000 1", r"memory of init \(1\), in 00400000-\w+ r-x /init"),
    ("task_current()", "byte 0 of the live object 0x.* of task, ", "who allocated it was not noted",
     "owner: slab", ALL_KERNEL, KERNELS),
    ("(unsigned) task_current()->stack + 8000",
     r"the kernel stack of memtour \(3\), 192 bytes below its top"),
    ("(unsigned) task_current()->stack - 4", r"the guard page below the kernel stack of memtour",
     r"panic: kernel stack overflow \(double fault"),
    ("&boot_stack_top", "the double fault's stack|the guard page below the double fault's stack"),
    ("&task_limit", "the kernel's variables, task_limit", "owner: kernel image", ALL_KERNEL),
    ("kmalloc", r"the kernel's code, kmalloc \(mm/kmalloc.c:\d+\)", f"read by the kernel: {OK}",
     "write by the kernel: panic: page fault, the page is read-only", f"jump by the kernel: {OK}"),
    ("&system_call_names_are_not_here", "No symbol"),
    ("0xc00b8000", "the direct map of a frame, firmware", "uncached"),
    ("0xcf000000", "behind the end of the direct map", "panic: page fault, nothing is mapped"),
    ("0xd0000000", "vmalloc memory that is free"),
    ("0xe0000008", "byte 0 of the descriptor of frame 0x1$", "owner: metadata"),
    ("0xffbff000", "the page that signal handlers return to",
     rf"read by a program: {OK}", "write by a program: SIGSEGV"),
    ("-22", "a NULL pointer minus 22, or error -22 taken for a pointer"),
]


def places():
    """Then a write that is foretold: once before it, and once behind."""
    said = session(
        ["tbreak sys_read if task_current()->process->pid == 2", "continue",
         "octavo break memtour:main", "octavo type memtour cow", "continue",
         *[f"octavo why {expression}" for expression, *_ in PLACES],
         "delete", "tbreak page_fault if task_current()->process->pid == 4 && $cr2 == 0x3ffe0000",
         "continue", "octavo why 0x3ffe0000", "octavo why 0x3ffe0000 3",
         "print vm_counters[0].cow_copy", "tbreak page_fault_return", "continue",
         "octavo why 0x3ffe0000", "print vm_counters[0].cow_copy",
         "delete", "tbreak page_fault if task_current()->process->pid == 3 && $cr2 == 0x3ffe1000",
         "continue", "octavo why 0x3ffe1000"],
        "build/octavo.img")
    for (expression, *patterns), answer in zip(PLACES, said[6:]):
        like(f"why {expression}", answer, *patterns)
    said = said[6 + len(PLACES):]
    like("before a child's write: table and page to be copied", said[3],
         r"memtour \(3\) has it at 0x3ffe0000, too",
         r"write by memtour \(4\): page fault, a page table of its own in place of the one held by "
         "2, and a copy of the page")
    like("the parent's is the same", said[4], r"memory of memtour \(3\)", "held by 2")
    like("behind it: nothing more to come", said[8], "writable, user",
         rf"read, write, jump by memtour \(4\): {OK}")
    before, behind = (int(re.search(r"= (\d+)", said[at])[1]) for at in (5, 9))
    like("and it was a copy", str(behind - before), "^1$")
    like("the child gone: nobody else holds the page", said[13],
         r"write by memtour \(3\): page fault, it may write from then on: nobody else holds the "
         "page")


def heap(folder, words, kind, *freed):
    """An object of the monitor's, live and freed."""
    said = session(
        ["tbreak monitor_run", "continue", "tbreak kmalloc", "octavo type alloc heap 100",
         "continue", "finish", "set $object = $", "octavo why $object", "octavo why $object + 102",
         "octavo why $object - 3", "tbreak kfree", "octavo type free 1", "continue", "finish",
         "octavo why $object + 3", "tbreak kmalloc", "octavo type alloc heap 20000", "continue",
         "finish", "octavo why $ + 100"], image_with(folder, "monitor " + words))
    like(f"{words}: a live object", said[8], rf"byte 0 of the live object (0x\w+) of {kind}, "
         r"100 bytes, allocation #\d+$", r"allocated by alloc\+0x\w+ \(kernel/monitor/",
         "called by", ALL_KERNEL)
    like(f"{words}: behind it", said[9], rf"3 bytes behind the live object 0x\w+ of {kind}")
    like(f"{words}: before it", said[10], r"3 bytes before the live object")
    like(f"{words}: freed", said[15], r"byte 3 of the freed object", "allocated by alloc",
         "freed by free_held", *freed)
    like(f"{words}: of whole frames", said[20],
         r"byte 100 of the live object 0x\w+ of whole frames, 20000 bytes", "allocated by alloc", "owner: heap, one of 5 frames")


places()
with tempfile.TemporaryDirectory(prefix="octavo-") as work:
    heap(work, "debug=stacks", "kmalloc-112", "no fault tells of a use of it: a read gets poison")
    heap(work, "debug=all", "kmalloc-112, guarded", "panic: page fault, nothing is mapped there")
end()
