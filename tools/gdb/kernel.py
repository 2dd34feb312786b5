"""kernel.py - reading the kernel's structures as gdb sees them, at any stop: even of a kernel that
is in the middle of an allocation or has crashed.

Nothing here prints. tables.py says in the monitor's words what is read here.
"""
import struct

import gdb

PAGE_SHIFT = 12
MAX_ORDER = 10
BLOCK_FRAMES = 1 << MAX_ORDER
WORD_BITS = 32
STACK_ORDERS = (0, 1, 2, 3, 4, 9)  # include/pcp.h
SLAB_MAX_OBJECTS = 256
BLOCKS_MAX = 1 << 16  # 256 GiB
# kernel/include/platform_impl.h
FRAME_TABLE = 0xE0000000
DIRECT_BASE = 0xC0000000


def value(expression):
    return gdb.parse_and_eval(expression)


def number(expression):
    return int(value(expression))


def array_length(array):
    return array.type.range()[1] + 1


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def sane(count, most, what):
    """The count, unless no kernel in its right mind has so many."""
    if not 0 <= count <= most:
        raise gdb.GdbError(f"{count} {what}: the kernel's memory is damaged")
    return count


def linked(first, link):
    """What a list's pointers lead to. Of a damaged kernel it may lead back to itself."""
    seen = set()
    while first:
        if int(first) in seen:
            raise gdb.GdbError(f"a list comes back to {int(first):#x}: it is damaged")
        seen.add(int(first))
        yield first.dereference()
        first = first[link]


def zones():
    """(index, zone) of every zone that has memory."""
    table = value("mm_zones")
    found = ((i, table[i]) for i in range(array_length(table)))
    return [(i, zone) for i, zone in found if zone["managed"]]


def blocks_of(zone):
    return range(int(zone["count"]))


def cpus():
    table = value("mm_cpus")
    found = (table[i] for i in range(array_length(table)))
    return [cpu.dereference() for cpu in found if cpu]


def caches():
    return linked(value("slab_caches"), "next")


def cached_frames(zone):
    rank = number("first_zone[0]") - zone  # the best zone's stacks come first
    stacks = [cpu["stacks"][rank] for cpu in cpus()] if rank >= 0 else []
    return sum(int(row[i]["count"]) << order for row in stacks
               for i, order in enumerate(STACK_ORDERS))


def free_pages(zone, block):
    """Which pages of an open block are free, as bits of one number."""
    words = zone["maps"][block]["pages"]
    return int.from_bytes(read(int(words.address), BLOCK_FRAMES // 8), "little")


def is_free(bits, first, order):
    """All pages of a chunk of a block are free."""
    pages = (1 << (1 << order)) - 1
    return order <= MAX_ORDER and bits >> first & pages == pages


def chunk_at(bits, page):
    """The order of the free chunk that a page of a block lies in; None when it is not free."""
    if not is_free(bits, page, 0):
        return None
    order = 0
    while is_free(bits, page & -(2 << order), order + 1):
        order += 1
    return order


class Block:
    """What a struct block says; all blocks are read at once."""

    layout = struct.Struct("<B?HHHII")

    def __init__(self, fields):
        self.zone, self.open, self.levels, self.free, self.frames, _, _ = fields

    @classmethod
    def read_all(cls, blocks, first, end):
        """Those with the numbers [first, end) of an array."""
        if gdb.lookup_type("struct block").sizeof != cls.layout.size:
            raise gdb.GdbError("struct block is not what kernel.py knows")
        size = cls.layout.size
        sane(end - first, BLOCKS_MAX, "blocks")
        data = read(int(blocks) + first * size, (end - first) * size)
        return [cls(fields) for fields in cls.layout.iter_unpack(data)]


def free_chunks(zone, order):
    """The first frames of the zone's free chunks of one order."""
    numbers = blocks_of(zone)
    blocks = Block.read_all(zone["blocks"], numbers.start, numbers.stop)
    for index, block in zip(numbers, blocks):
        if not block.levels >> order:
            continue
        first = int(zone["base"]) + (index << MAX_ORDER)
        if not block.open:
            if order == MAX_ORDER:
                yield first
            continue
        bits = free_pages(zone, index)
        yield from (first + page for page in range(0, BLOCK_FRAMES, 1 << order)
                    if chunk_at(bits, page) == order)


def free_chunk_around(zone, frame):
    """The order of the free chunk that the frame lies in; None when it is not free."""
    index, offset = divmod(frame - int(zone["base"]), BLOCK_FRAMES)
    if not zone["blocks"][index]["open"]:
        return MAX_ORDER if zone["blocks"][index]["levels"] else None
    return chunk_at(free_pages(zone, index), offset)


class Descriptors:
    """Frame descriptors, read a block at a time: owner, flags, live, count. Of a frame of a slab
    the last is the address of the slab's header."""

    layout = struct.Struct("<BBHI")

    def __init__(self):
        self.of_blocks = Block.read_all(value("mm_blocks"), 0, number("mm_block_count"))
        self.open = [block.open for block in self.of_blocks]
        self.blocks = {}
        constants = gdb.lookup_type("enum frame_owner").fields()
        self.owner = {field.name: field.enumval for field in constants}
        if gdb.lookup_type("struct frame").sizeof != self.layout.size:
            raise gdb.GdbError("struct frame is not what kernel.py knows")

    def known(self, frame):
        return 0 <= frame < len(self.open) << MAX_ORDER and self.open[frame >> MAX_ORDER]

    def __getitem__(self, frame):
        index = frame >> MAX_ORDER
        if index not in self.blocks:
            size = self.layout.size << MAX_ORDER
            data = read(FRAME_TABLE + index * size, size)
            self.blocks[index] = list(self.layout.iter_unpack(data))
        return self.blocks[index][frame & (BLOCK_FRAMES - 1)]

    def is_page(self, frame):
        """True when the descriptor's count is of holders."""
        return self[frame][0] in (self.owner["FRAME_USER"], self.owner["FRAME_CACHE"],
                                  self.owner["FRAME_PAGE_TABLE"])

    def extent(self, frame):
        """Frames that the descriptor speaks for."""
        owner, _, _, count = self[frame]
        counts = owner == self.owner["FRAME_CACHED"] or owner >= self.owner["FRAME_ALLOCATED"]
        return count if counts and count and not self.is_page(frame) else 1

    def head_of(self, frame):
        """The head of the allocation that the frame lies in; the frame itself if in none."""
        head = frame
        while head and self[head][0] == self.owner["FRAME_NONE"] and self.known(head - 1):
            head -= 1
        return head if self.extent(head) > frame - head else frame

    def count_owners(self):
        """Frames by owner."""
        counts = [0] * self.owner["FRAME_OWNERS"]
        for index, is_open in enumerate(self.open):
            if is_open:
                self.count_block(counts, index)
            else:
                owner = "FRAME_NONE" if self.of_blocks[index].free else "FRAME_FIRMWARE"
                counts[self.owner[owner]] += BLOCK_FRAMES
        counts[self.owner["FRAME_ABSENT"]] += number("mm_beyond_frames")
        return counts

    def count_block(self, counts, index):
        """Adds one open block; an allocation that began in an earlier block is counted there."""
        frame, end = index << MAX_ORDER, (index + 1) << MAX_ORDER
        frame = max(frame, getattr(self, "counted", 0))
        while frame < end:
            counts[self[frame][0]] += self.extent(frame)
            frame += max(self.extent(frame), 1)
        self.counted = frame


def owner_name(owner):
    return value("owner_names")[owner].string()


def cache_named(name):
    return next((cache for cache in caches() if cache["name"].string() == name), None)


def slab_of(address):
    """The slab that an address of the direct map lies in, or None."""
    frame = address - DIRECT_BASE >> PAGE_SHIFT
    descriptors = Descriptors()
    if not 0 <= address - DIRECT_BASE < number("direct_map_end") or not descriptors.known(frame):
        return None
    owner, _, _, header = descriptors[frame]
    if owner != descriptors.owner["FRAME_SLAB"]:
        return None
    return value(f"(struct slab *) {header:#x}")


def object_in_use(slab, index):
    """Whether an object of the slab is handed out. One that is out is marked while a CPU's magazine
    has it."""
    state = int(slab["states"][index])
    if state != number("OBJECT_OUT"):
        return state == number("OBJECT_LIVE")
    cache = slab["cache"]
    at = int(slab["base"]) + index * int(cache["stride"]) + int(cache["mark_at"])
    return int.from_bytes(read(at, 4), "little") != number("OBJECT_MARK") & 0xFFFFFFFF


def objects_in_use(slab):
    """True or False for each object of the slab."""
    objects = sane(int(slab["objects"]), SLAB_MAX_OBJECTS, "objects in a slab")
    return [object_in_use(slab, index) for index in range(objects)]


def objects_used(slab):
    return sum(objects_in_use(slab))
