"""The file of a trace: a header, then records of 32 bytes (include/trace.h has both).

What stands before the header is skipped: a port that takes a trace may have been a console before.
So is what stands between records and is none, which is counted. A header in the middle means that
the machine was started again: the trace begins there.
"""
import struct

MAGIC = b"OctTrace"
VERSION = 1
HEADER = struct.Struct("<8sHHHHIIQQQQQ")
EVENT = struct.Struct("<QQQIHBB")
CPU_MAX = 8
FRAMES_MAX = 1 << 25  # 128 GiB, the most that the kernel has descriptors for

ALLOC, FREE = 0x00, 0x01
PAGE_ALLOC, PAGE_FREE, PAGE_OWNER = 0x10, 0x11, 0x12
SPLIT, MERGE = 0x20, 0x21
SLAB_GROW, SLAB_SHRINK = 0x30, 0x31
FAULT = 0x40
MMAP, MUNMAP, BRK, MPROTECT, MREMAP = 0x50, 0x51, 0x52, 0x53, 0x54
RECLAIM, OOM = 0x60, 0x61
SWITCH, FORK, EXEC, EXIT = 0x70, 0x71, 0x72, 0x73
IRQ = 0x80
LOST, CLOCK, FRAMES, CACHE, CHOSEN = 0xF0, 0xF1, 0xF2, 0xF3, 0xF4
TYPES = {
    ALLOC: "alloc", FREE: "free", PAGE_ALLOC: "page alloc", PAGE_FREE: "page free",
    PAGE_OWNER: "page owner", SPLIT: "split", MERGE: "merge", SLAB_GROW: "slab grows",
    SLAB_SHRINK: "slab shrinks", FAULT: "fault", MMAP: "mmap", MUNMAP: "munmap", BRK: "brk",
    MPROTECT: "mprotect", MREMAP: "mremap", RECLAIM: "reclaim", OOM: "oom", SWITCH: "switch",
    FORK: "fork", EXEC: "exec", EXIT: "exit", IRQ: "irq", LOST: "lost", CLOCK: "clock",
    FRAMES: "frames", CACHE: "cache", CHOSEN: "chosen",
}
# By the bit of their group.
GROUPS = ("alloc", "page", "buddy", "slab", "fault", "map", "reclaim", "task", "irq")
FAULTS = ("nothing to do", "zeroed page", "zero page to read", "copy on write", "page of a file",
          "stack grows", "bad address", "no memory")
# enum frame_owner of include/frame.h.
OWNERS = ("free", "cpu cache", "firmware", "low memory", "left out", "bad", "kernel image",
          "module", "boot info", "metadata", "early heap", "slab", "allocated", "heap", "vmalloc",
          "page table", "kernel stack", "program", "page cache")
OWNER_ALLOCATED = OWNERS.index("allocated")
HEAP_FRAMES, HEAP_VMALLOC = 0xFFFF, 0xFFFE

# Fields of a record.
TIME, ADDRESS, SITE, SIZE, DETAIL, TYPE, CPU = range(7)


class TraceError(Exception):
    """The file is no trace, or none that this program reads."""


class Header:
    """What the kernel says about itself."""

    def __init__(self, data):
        (magic, self.version, self.header_size, self.event_size, self.word, self.groups,
         self.image, self.anchor, self.direct_base, self.direct_frame, self.first_frame,
         self.end_frame) = HEADER.unpack_from(data)
        if magic != MAGIC:
            raise TraceError("no header")
        if self.version != VERSION:
            raise TraceError(f"the trace is of version {self.version}, this program reads "
                             f"{VERSION}: take the one that came with the kernel")
        if self.header_size != HEADER.size or self.event_size != EVENT.size:
            raise TraceError(f"the header is damaged: it says {self.header_size} bytes of header "
                             f"and {self.event_size} an event, not {HEADER.size} and {EVENT.size}")
        if (self.word not in (4, 8) or self.end_frame > 1 << 40
                or not 0 <= self.end_frame - self.first_frame <= FRAMES_MAX):
            raise TraceError("the header is damaged: no machine has such frames "
                             f"({self.first_frame:#x} to {self.end_frame:#x})")


def plausible(event, last):
    """Whether 32 bytes can be an event: its kind is known, its CPU can be, its time is near."""
    return (event[TYPE] in TYPES and event[CPU] < CPU_MAX
            and (last is None or -(1 << 36) < event[TIME] - last < 1 << 44))


class Decoder:
    """Takes the bytes as they come; hands events out. For files and for what is still written."""

    def __init__(self):
        self.pending = b""
        self.header = None
        self.skipped = 0
        self.restarts = 0
        self.last = None

    def feed(self, data):
        """The events that are whole by now. A new header clears what the caller has: None."""
        self.pending += data
        if self.header is None and not self.find_header():
            return []
        events, at = [], 0
        pending, end = self.pending, len(self.pending) - EVENT.size
        unpack = EVENT.unpack_from
        while at <= end:
            event = unpack(pending, at)
            if plausible(event, self.last):
                events.append(event)
                self.last = event[TIME]
                at += EVENT.size
            elif pending.startswith(MAGIC, at):
                if len(pending) - at < HEADER.size:
                    break
                self.header = Header(pending[at:])
                self.restarts += 1
                self.last = None
                events = [None]
                at += HEADER.size
            else:
                at += 1
                self.skipped += 1
        self.pending = pending[at:]
        return events

    def find_header(self):
        at = self.pending.find(MAGIC)
        if at < 0:
            self.pending = self.pending[-len(MAGIC):]
            return False
        self.pending = self.pending[at:]
        if len(self.pending) < HEADER.size:
            return False
        self.header = Header(self.pending)
        self.pending = self.pending[HEADER.size:]
        return True


class Trace:
    """A whole file: `header`, `events` by their time, `notes` on what is not as it should be."""

    def __init__(self, data):
        decoder = Decoder()
        self.events = decoder.feed(data)
        self.header = decoder.header
        self.notes = []
        if self.header is None:
            raise TraceError(self.why_none(data, decoder))
        if decoder.restarts:
            self.events = self.events[1:]
            self.notes.append(f"the machine was started {decoder.restarts + 1} times; this is the "
                              "last one")
        if decoder.skipped:
            self.notes.append(f"{decoder.skipped} bytes between the events are none; skipped")
        if decoder.pending:
            self.notes.append(f"the last {len(decoder.pending)} bytes are half an event; ignored")
        if any(event[CPU] for event in self.events):
            self.events.sort(key=lambda event: event[TIME])
        self.lost = sum(event[SIZE] for event in self.events if event[TYPE] == LOST)
        if self.lost:
            self.notes.append(f"{self.lost} events were lost for want of room: sums and leaks are "
                              "of the rest")
        self.clock = Clock(self.events)

    @staticmethod
    def why_none(data, decoder):
        if not data:
            return "the file is empty"
        if decoder.pending.startswith(MAGIC):
            return (f"the file ends within the header: {len(decoder.pending)} of {HEADER.size} "
                    "bytes are there")
        return ("no trace: the word OctTrace is nowhere in it. Was the kernel started with "
                "trace=... and trace_to=...?")


class Clock:
    """From stamps to seconds, by the kernel's own clock where it told it."""

    def __init__(self, events):
        told = [(event[TIME], event[ADDRESS]) for event in events if event[TYPE] == CLOCK]
        self.first = events[0][TIME] if events else 0
        # The timer is not set up yet in the first hundredths of a second.
        steady = [pair for pair in told if pair[1] > 30_000_000]
        self.rate = None
        if len(steady) > 1 and steady[-1][1] > steady[0][1] and steady[-1][0] > steady[0][0]:
            self.rate = (steady[-1][0] - steady[0][0]) / (steady[-1][1] - steady[0][1]) * 1e9

    def seconds(self, stamp):
        """Since the first event; None when nobody knows how fast the stamps count."""
        return (stamp - self.first) / self.rate if self.rate else None

    def text(self, stamp):
        seconds = self.seconds(stamp)
        return f"{seconds:12.6f}" if seconds is not None else f"{stamp - self.first:12}"
