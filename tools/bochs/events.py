"""events.py - the kernel's trace, as it comes out of COM2: each event in a line of words."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tracelib import format as trace
from tracelib.symbols import Elf, Symbols
from tracelib.words import Words

# What the trace says of itself: no events of the kernel.
UNTOLD = (trace.CLOCK, trace.FRAMES, trace.CACHE)


class Events:
    def __init__(self):
        self.decoder = trace.Decoder()
        self.elf = Elf(Path("build/kernel.elf"))
        self.words = self.clock = None

    def lines(self, data):
        """The events that are whole with these bytes, a line each."""
        return [line for event in self.decoder.feed(data) for line in self.told(event)]

    def told(self, event):
        if event is None or self.words is None:
            self.words = Words(Symbols(self.decoder.header, self.elf, []))
            self.clock = trace.Clock([event] if event else [])
        if event is None:
            return
        self.words.learn(event)
        if event[trace.TYPE] not in UNTOLD:
            yield "| " + self.words.line(event, self.clock)
