"""Physical memory over time: who owned each frame, and how whole what is free was."""
from array import array

from tracelib import format as f

UNKNOWN = 255
FREE = 0
# Frames in a chunk: of the largest slab and kernel stacks, and of the largest the buddy knows.
CHUNKS = (8, 1024)


class FreeMap:
    """Counts free frames, and those of them in chunks of 2^k frames, aligned, that are free as a
    whole: what an allocation of that size could take."""

    def __init__(self, frames):
        self.free = 0
        self.shifts = [size.bit_length() - 1 for size in CHUNKS]
        self.inside = [array("H", [0]) * ((frames >> shift) + 1) for shift in self.shifts]
        self.whole = [0] * len(CHUNKS)

    def change(self, first, count, step):
        """`count` frames become free (step 1) or not (step -1)."""
        self.free += count * step
        end = first + count
        for k, shift in enumerate(self.shifts):
            size = 1 << shift
            head, tail = min(end, first + size - 1 & -size), max(first, end & -size)
            if head < tail:  # chunks that change as a whole
                chunks = tail - head >> shift
                self.inside[k][head >> shift:tail >> shift] = array(
                    "H", [size if step > 0 else 0]) * chunks
                self.whole[k] += chunks * step
                self.change_part(k, tail, end - tail, step)
            elif head < end:
                self.change_part(k, head, end - head, step)
            self.change_part(k, first, head - first, step)

    def change_part(self, k, first, count, step):
        """Frames of one chunk."""
        if count == 0:
            return
        inside, chunk = self.inside[k], first >> self.shifts[k]
        full = 1 << self.shifts[k]
        before = inside[chunk]
        inside[chunk] = before + count * step
        self.whole[k] += (before + count * step == full) - (before == full)

    def spoilt(self, k):
        """The share of free memory that is in pieces smaller than the chunk."""
        return 1 - (self.whole[k] << self.shifts[k]) / self.free if self.free else 0.0


class Replay:
    """Goes over the events of frames. `curve` has (event number, free frames, spoilt shares)."""

    def __init__(self, trace, points=240):
        header = trace.header
        self.first = header.first_frame
        self.count = header.end_frame - header.first_frame
        self.events = trace.events
        self.start = bytearray([UNKNOWN]) * self.count
        self.known = self.learn_start()
        self.owner = bytearray(self.start)
        self.map = FreeMap(self.count)
        self.curve = []
        if self.known:
            self.run(max(1, len(self.events) // points))

    def clip(self, event):
        """The part of an event's frames that the machine has: what else a damaged file says."""
        first = (event[f.ADDRESS] >> 12) - self.first
        end = min(first + event[f.SIZE], self.count)
        first = max(first, 0)
        return first, max(end - first, 0)

    def learn_start(self):
        """Who owned what before the first event: as told, or as what came next shows."""
        known = False
        for event in self.events:
            kind = event[f.TYPE]
            if kind == f.FRAMES:
                self.fill_unknown(event, event[f.DETAIL])
            elif kind == f.PAGE_ALLOC:
                self.fill_unknown(event, FREE)
            elif kind in (f.PAGE_FREE, f.PAGE_OWNER):
                self.fill_unknown(event, f.OWNER_ALLOCATED)
            else:
                continue
            known = True
        return known

    def fill_unknown(self, event, owner):
        first, count = self.clip(event)
        owner = min(owner, UNKNOWN - 1)
        if self.start.count(UNKNOWN, first, first + count) == count:
            self.start[first:first + count] = bytes([owner]) * count
            return
        for frame in range(first, first + count):
            if self.start[frame] == UNKNOWN:
                self.start[frame] = owner

    def set(self, first, count, owner):
        free_before = self.owner.count(FREE, first, first + count)
        if owner == FREE and free_before == 0:
            self.map.change(first, count, 1)
        elif owner != FREE and free_before == count:
            self.map.change(first, count, -1)
        elif free_before and (owner != FREE or free_before < count):
            self.change_one_by_one(first, count, owner)
        self.owner[first:first + count] = bytes([owner]) * count

    def change_one_by_one(self, first, count, owner):
        for frame in range(first, first + count):
            if (self.owner[frame] == FREE) != (owner == FREE):
                self.map.change(frame, 1, 1 if owner == FREE else -1)

    def begin(self):
        """Free frames as they were before the first event."""
        at = self.start.find(FREE)
        while at >= 0:
            end = at
            while end < self.count and self.start[end] == FREE:
                end += 1
            self.map.change(at, end - at, 1)
            at = self.start.find(FREE, end)

    def run(self, every):
        self.begin()
        for number, event in enumerate(self.events):
            kind = event[f.TYPE]
            if kind == f.PAGE_ALLOC:
                self.set(*self.clip(event), f.OWNER_ALLOCATED)
            elif kind == f.PAGE_FREE:
                self.set(*self.clip(event), FREE)
            elif kind in (f.PAGE_OWNER, f.FRAMES):
                self.set(*self.clip(event), min(event[f.DETAIL], UNKNOWN - 1))
            if number % every == 0 or number == len(self.events) - 1:
                self.curve.append((number, self.map.free, self.map.spoilt(0), self.map.spoilt(1)))

    def print_curve(self, clock, rows=20):
        if not self.known:
            return
        step = max(1, len(self.curve) // rows)
        print("\nfree memory, and how much of it is in pieces smaller than 32 KiB and 4 MiB\n"
              f"{'event':>10} {'time':>12} {'free KiB':>10} {'< 32 KiB':>9} {'< 4 MiB':>9}")
        shown = self.curve[::step]
        if shown[-1] != self.curve[-1]:
            shown.append(self.curve[-1])
        for number, free, small, large in shown:
            print(f"{number:10} {clock.text(self.events[number][f.TIME])} {free * 4:10} "
                  f"{small * 100:7.1f} % {large * 100:7.1f} %  {'#' * round(large * 20)}")
