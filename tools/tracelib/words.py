"""Events in words: a line each."""
from tracelib import format as f


def order_bytes(order):
    return kib((4096 << order) if order < 30 else 0)


def kib(size):
    if size >= 1 << 20 and size % (1 << 20) == 0:
        return f"{size >> 20} MiB"
    return f"{size >> 10} KiB" if size >= 1024 and size % 1024 == 0 else f"{size} bytes"


def frames(count):
    return "1 frame" if count == 1 else f"{count} frames"


class Words:
    """Says events; remembers what earlier ones told: names of caches and of processes."""

    def __init__(self, symbols):
        self.symbols = symbols
        self.caches = {f.HEAP_FRAMES: "whole frames", f.HEAP_VMALLOC: "vmalloc"}
        self.programs = {}  # by process
        self.running = {}   # by CPU
        self.names = {}     # of programs with a file of symbols

    def learn(self, event):
        kind = event[f.TYPE]
        if kind == f.CACHE:
            name = self.symbols.string_at(event[f.ADDRESS])
            self.caches[event[f.DETAIL]] = name or f"cache {event[f.DETAIL]}"
        elif kind == f.SWITCH:
            self.running[event[f.CPU]] = event[f.SIZE]
        elif kind == f.EXEC:
            name = event[f.ADDRESS].to_bytes(8, "little").split(b"\0")[0]
            self.programs[event[f.SIZE]] = name.decode("ascii", "replace")
        elif kind == f.FORK and event[f.DETAIL] in self.programs:
            self.programs[event[f.SIZE]] = self.programs[event[f.DETAIL]]

    def cache(self, number):
        return self.caches.get(number, f"cache {number}")

    def task(self, number):
        name = self.programs.get(number)
        return f"{number} ({name})" if name else str(number)

    def zone(self, number):
        return ("DMA", "Normal", "HighMem")[number] if number < 3 else f"zone {number}"

    def owner(self, number):
        return f.OWNERS[number] if number < len(f.OWNERS) else f"owner {number}"

    def say(self, event):
        """What happened, without time and call site."""
        self.learn(event)
        time, address, site, size, detail, kind, cpu = event
        frame = address >> 12
        if kind == f.ALLOC:
            return f"alloc {size} bytes at {address:#x} ({self.cache(detail)})"
        if kind == f.FREE:
            return f"free {address:#x} ({self.cache(detail)})"
        if kind == f.PAGE_ALLOC:
            return f"page alloc frame {frame:#x}, {frames(size)} of {self.zone(detail)}"
        if kind == f.PAGE_FREE:
            return f"page free frame {frame:#x}, {frames(size)} of {self.zone(detail)}"
        if kind == f.PAGE_OWNER:
            return f"page owner frame {frame:#x}, {frames(size)}: {self.owner(detail)}"
        if kind == f.SPLIT:
            return (f"split the {order_bytes(size)} at frame {frame:#x} for "
                    f"{order_bytes(detail)} (order {size} -> {detail})")
        if kind == f.MERGE:
            return (f"merge the {order_bytes(size)} at frame {frame:#x} into "
                    f"{order_bytes(detail)} (order {size} -> {detail})")
        if kind in (f.SLAB_GROW, f.SLAB_SHRINK):
            verb = "grows by" if kind == f.SLAB_GROW else "gives back"
            return f"slab {self.cache(detail)} {verb} {frames(size)} at frame {frame:#x}"
        if kind == f.FAULT:
            access = ("read", "write", "fetch", "?")[size & 3]
            what = f.FAULTS[detail] if detail < len(f.FAULTS) else f"kind {detail}"
            return f"fault {access} of {address:#010x} by {self.task(size >> 8)}: {what}"
        if kind in (f.MMAP, f.MUNMAP, f.MPROTECT, f.MREMAP):
            failed = f", error {detail}" if detail else ""
            return f"{f.TYPES[kind]} {address:#010x}, {kib(size)}{failed}"
        if kind == f.BRK:
            return f"brk {address:#010x} (asked for {size:#x})"
        if kind == f.RECLAIM:
            return f"reclaim {frames(size)} wanted, {detail} got"
        if kind == f.OOM:
            return f"oom: {self.task(size)} is ended"
        if kind == f.SWITCH:
            return f"switch from {self.task(detail)} to {self.task(size)}"
        if kind == f.FORK:
            return f"fork {self.task(detail)} has a child {size}"
        if kind == f.EXEC:
            return f"exec {self.task(size)}"
        if kind == f.EXIT:
            return f"exit {self.task(size)}, status {detail:#06x}"
        if kind == f.IRQ:
            return f"irq {size}"
        if kind == f.LOST:
            return f"LOST {size} events: the ring was full"
        if kind == f.CLOCK:
            return f"clock {address / 1e9:.6f} s since the start"
        if kind == f.FRAMES:
            return f"frames from {frame:#x}, {frames(size)}: {self.owner(detail)}"
        if kind == f.CACHE:
            return f"cache {detail} is {self.cache(detail)}, objects of {size} bytes"
        chosen = [name for i, name in enumerate(f.GROUPS) if size >> i & 1]
        return f"chosen: {','.join(chosen) or 'off'}"

    def place(self, event):
        """The call site; of a program with its name and function where there are symbols."""
        site = event[f.SITE]
        if not self.symbols.is_user(site):
            return self.symbols.name(site)
        process = event[f.SIZE] >> 8 if event[f.TYPE] == f.FAULT else self.running.get(event[f.CPU])
        program = self.programs.get(process)
        if program not in self.names:
            self.names[program] = self.symbols.of_program(program) if program else None
        found = self.names[program] and self.names[program].function(site)
        return (f"{program}:{found[0]}+{found[1]:#x}" if found
                else f"{program or 'program'} {site:#010x}")

    def line(self, event, clock):
        """A whole line: time, CPU, what, where from."""
        text = self.say(event)
        site = f"  by {self.place(event)}" if event[f.SITE] else ""
        return f"{clock.text(event[f.TIME])} {event[f.CPU]} {text}{site}"
