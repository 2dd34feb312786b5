"""tracing.py - `octavo trace FILE`: the events that wait in the kernel's rings, as tools/trace reads
them. Nothing is taken out: the kernel goes on as if nobody had looked. On a dump it is the last that
a dead kernel did.
"""
import struct

import gdb

from commands import command
from kernel import array_length, number, read, value

EVENT = struct.Struct("<QQQIHBB")
LOST = 0xF0


def ring_events(ring, cpu):
    """The records of a ring, the oldest first; before them, how many were lost unsaid."""
    mask, first, end = int(ring["mask"]), int(ring["read"]), int(ring["written"])
    size, base = EVENT.size, int(ring["events"])
    events = [read(base + (number_ & mask) * size, size)
              for number_ in range(first, first + (end - first & 0xFFFFFFFF))]
    lost = int(ring["lost"]) - int(ring["told"])
    if events and lost:
        time = EVENT.unpack(events[0])[0]
        events.insert(0, EVENT.pack(time, 0, 0, lost, 0, LOST, cpu))
    return events


@command("trace", "octavo trace FILE: write the events that wait in the rings, for tools/trace.")
def write_trace(argument):
    (path,) = gdb.string_to_argv(argument)
    rings = value("trace_rings")
    if not number("ring_events"):
        raise gdb.GdbError("there is no trace: start the kernel with trace=...")
    events = []
    for cpu in range(array_length(rings)):
        if rings[cpu]["events"]:
            events += ring_events(rings[cpu], cpu)
    events.sort(key=lambda event: EVENT.unpack(event)[0])
    with open(path, "wb") as file:
        file.write(read(int(value("&trace_head")), 64))
        file.write(b"".join(events))
    print(f"{len(events)} events are in {path}")
