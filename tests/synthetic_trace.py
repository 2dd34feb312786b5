"""synthetic_trace.py - traces made up for tests: a machine in which pages and objects come and go.

As a program: synthetic_trace.py EVENTS FILE
"""
import random
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from tracelib import format as f  # noqa: E402

DIRECT = 0xC0000000
CODE = 0xC0101000
KERNEL_FRAMES = 256
OWNERS = tuple(f.OWNERS.index(name) for name in ("slab", "heap", "page table", "program",
                                                 "program", "page cache"))


class Machine:
    """Makes events; keeps what is true of them for the tests to compare."""

    def __init__(self, frames=16384, seed=1):
        self.random = random.Random(seed)
        self.frames = frames
        self.time = 1000
        self.records = bytearray()
        self.count = 0
        self.free = list(range(KERNEL_FRAMES, frames))
        self.random.shuffle(self.free)
        self.used, self.objects = [], {}
        self.sites = [CODE + 37 * i for i in range(200)]
        self.add(f.FRAMES, 0, KERNEL_FRAMES, f.OWNERS.index("kernel image"))
        self.add(f.FRAMES, KERNEL_FRAMES << 12, frames - KERNEL_FRAMES, 0)

    def add(self, kind, address, size=0, detail=0, site=0):
        self.records += f.EVENT.pack(self.time, address, site, size, detail, kind, 0)
        self.count += 1

    def page(self):
        site, frame = self.random.choice(self.sites), self.free.pop()
        self.used.append(frame)
        self.add(f.PAGE_ALLOC, frame << 12, 1, 1, site)
        self.add(f.PAGE_OWNER, frame << 12, 1, self.random.choice(OWNERS), site)

    def page_free(self):
        frame = self.used.pop(self.random.randrange(len(self.used)))
        self.free.append(frame)
        self.add(f.PAGE_FREE, frame << 12, 1, 1, self.random.choice(self.sites))

    def object(self):
        frame = self.random.choice(self.used)
        address = DIRECT + (frame << 12) + 16 * self.random.randrange(256)
        if address in self.objects:
            return
        self.objects[address] = self.random.randrange(16, 512)
        self.add(f.ALLOC, address, self.objects[address], 5, self.random.choice(self.sites))

    def object_free(self):
        address = next(iter(self.objects))
        del self.objects[address]
        self.add(f.FREE, address, 0, 5, self.random.choice(self.sites))

    def step(self):
        self.time += self.random.randrange(500, 4000)
        if self.count % 64 == 0:
            self.add(f.CLOCK, 40_000_000 + self.time // 3)
        choice = self.random.random()
        if choice < 0.27 and self.free:
            self.page()
        elif choice < 0.5 and self.used:
            self.page_free()
        elif choice < 0.76 and self.used:
            self.object()
        elif self.objects:
            self.object_free()

    def run(self, events):
        while self.count < events:
            self.step()
        return self

    def file(self):
        header = f.HEADER.pack(f.MAGIC, f.VERSION, f.HEADER.size, f.EVENT.size, 4, 3, 0, 0, DIRECT,
                               0, 0, self.frames)
        return header + bytes(self.records)


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(Machine().run(int(sys.argv[1])).file())
