"""octavo.py - what gdb must know of Octavo.

Two subjects. The machine: a PC starts in real mode, where gdb must disassemble 16-bit code, and
goes on in protected mode; after each stop the architecture is set to fit. The kernel: the tables
of its monitor (zones, buddyinfo, slabinfo, owners, frame, walk), printed from the structures themselves,
word for word as the monitor prints them; so they can be had at any stop, even of a kernel that is
in the middle of an allocation or has crashed.
"""
import atexit
import ctypes
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time

import gdb

PAGE_SHIFT = 12
MAX_ORDER = 10
BLOCK_FRAMES = 1 << MAX_ORDER
WORD_BITS = 32
# kernel/include/platform_impl.h
FRAME_TABLE = 0xE0000000
DIRECT_BASE = 0xC0000000
# Seconds until QEMU must answer.
PATIENCE = 60


# --- The machine ----------------------------------------------------------------------------------


def end_with_gdb():
    """In QEMU before it starts: control-C at gdb is not for it, but gdb's end is."""
    os.setsid()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Machine:
    """QEMU, with a folder of its own. COM1 is its standard input, and prints to a file: that never
    makes the machine wait, whatever gdb is doing."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="octavo-")
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.console = self.folder + "/console"
        self.shown = 0
        self.real_mode = False

    def start(self, image, memory, cpu):
        link = self.folder + "/gdb"
        self.qemu = subprocess.Popen(
            ["qemu-system-i386", "-S", "-gdb", f"unix:{link},server=on,wait=off",
             "-display", "none", "-monitor", "none", "-net", "none", "-no-reboot", "-m", memory,
             "-cpu", cpu,
             "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
             "-drive", f"file={image},if=floppy,format=raw,snapshot=on", "-boot", "a",
             "-chardev", "stdio,id=com1,signal=off", "-serial", "chardev:com1"],
            stdin=subprocess.PIPE, stdout=open(self.console, "wb"), preexec_fn=end_with_gdb)
        atexit.register(self.qemu.kill)
        self.attach(link)
        self.write_description()
        gdb.events.stop.connect(self.follow_mode)
        self.follow_mode()

    def attach(self, link):
        """The socket has a name before QEMU listens on it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                gdb.execute("target remote " + link)
                return
            except gdb.error:
                if self.qemu.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def write_description(self):
        """What QEMU says of its registers, with the architecture's name exchanged."""
        text = gdb.execute("maintenance print xml-tdesc", to_string=True)
        text = re.sub(r"<architecture>.*?<", "<architecture>i8086<", text)
        self.description = self.folder + "/i8086.xml"
        with open(self.description, "w") as file:
            file.write(text)

    def follow_mode(self, _event=None):
        """Keeps gdb's idea of the instruction set in step with the CPU's mode: QEMU calls the
        machine an i386 throughout."""
        real = not int(gdb.parse_and_eval("(unsigned) $cr0")) & 1
        if real != self.real_mode:
            # The name of the kernel's own architecture stands against that of the description.
            gdb.execute("set architecture auto", to_string=True)
            command = f"set tdesc filename {self.description}" if real else "unset tdesc filename"
            gdb.execute(command, to_string=True)
            gdb.execute("set architecture " + ("i8086" if real else "i386"), to_string=True)
        self.real_mode = real

    def type(self, line):
        self.qemu.stdin.write(line.encode() + b"\r")
        self.qemu.stdin.flush()

    def new_output(self):
        with open(self.console, "rb") as file:
            file.seek(self.shown)
            fresh = file.read()
        self.shown += len(fresh)
        return fresh.decode(errors="replace").replace("\r", "")


machine = Machine()


# --- Reading the kernel ---------------------------------------------------------------------------


def value(expression):
    return gdb.parse_and_eval(expression)


def number(expression):
    return int(value(expression))


def array_length(array):
    return array.type.range()[1] + 1


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def linked(first, link):
    while first:
        yield first.dereference()
        first = first[link]


def zones():
    """(index, zone) of every zone that has memory."""
    table = value("mm_zones")
    found = ((i, table[i]) for i in range(array_length(table)))
    return [(i, zone) for i, zone in found if zone["managed"]]


def blocks_of(zone):
    return range(int(zone["first"]), int(zone["end"]))


def cpus():
    table = value("mm_cpus")
    found = (table[i] for i in range(array_length(table)))
    return [cpu.dereference() for cpu in found if cpu]


def caches():
    return linked(value("slab_caches"), "next")


def cached_frames(zone):
    stacks = [cpu["stacks"][zone] for cpu in cpus()]
    return sum(int(row[order]["count"]) << order
               for row in stacks for order in range(array_length(row)))


def level_words(order):
    return ((BLOCK_FRAMES >> order) + WORD_BITS - 1) // WORD_BITS


def level_bits(zone, block, order):
    """The bitmap of the free chunks of one order in an open block, as one number."""
    start = sum(level_words(below) for below in range(order))
    bits = zone["maps"][block]["bits"]
    return sum(int(bits[start + word]) << (WORD_BITS * word) for word in range(level_words(order)))


def free_chunks(zone, order):
    """The first frames of the zone's free chunks of one order."""
    for index in blocks_of(zone):
        block = zone["blocks"][index]
        if not int(block["levels"]) >> order & 1:
            continue
        first = int(zone["base"]) + (index << MAX_ORDER)
        if order == MAX_ORDER or not block["open"]:
            yield first
            continue
        bits = level_bits(zone, index, order)
        yield from (first + (i << order) for i in range(bits.bit_length()) if bits >> i & 1)


def free_chunk_around(zone, frame):
    """The order of the free chunk that the frame lies in; None when it is not free."""
    index, offset = divmod(frame - int(zone["base"]), BLOCK_FRAMES)
    for order in range(MAX_ORDER + 1):
        if int(zone["blocks"][index]["levels"]) >> order & 1 \
                and level_bits(zone, index, order) >> (offset >> order) & 1:
            return order
    return None


class Descriptors:
    """Frame descriptors, read a block at a time: owner, flags, live, count. Of a frame of a slab
    the last is the address of the slab's header."""

    layout = struct.Struct("<BBHI")

    def __init__(self):
        self.open = [bool(value(f"mm_blocks[{i}].open")) for i in range(number("mm_block_count"))]
        self.blocks = {}
        constants = gdb.lookup_type("enum frame_owner").fields()
        self.owner = {field.name: field.enumval for field in constants}
        if gdb.lookup_type("struct frame").sizeof != self.layout.size:
            raise gdb.GdbError("struct frame is not what octavo.py knows")

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
        return count if counts and not self.is_page(frame) else 1

    def head_of(self, frame):
        """The head of the allocation that the frame lies in; the frame itself if in none."""
        head = frame
        while head and frame - head < BLOCK_FRAMES and self[head][0] == self.owner["FRAME_NONE"] \
                and self.known(head - 1):
            head -= 1
        return head if self.extent(head) > frame - head else frame

    def count_owners(self):
        """Frames by owner."""
        counts = [0] * self.owner["FRAME_OWNERS"]
        for index, is_open in enumerate(self.open):
            if is_open:
                self.count_block(counts, index)
            else:
                free = value(f"mm_blocks[{index}].free")
                counts[self.owner["FRAME_NONE" if free else "FRAME_FIRMWARE"]] += BLOCK_FRAMES
        counts[self.owner["FRAME_ABSENT"]] += number("mm_beyond_frames")
        return counts

    def count_block(self, counts, index):
        """Adds one open block; an allocation that began in an earlier block is counted there."""
        frame, end = index << MAX_ORDER, (index + 1) << MAX_ORDER
        frame = max(frame, getattr(self, "counted", 0))
        while frame < end:
            counts[self[frame][0]] += self.extent(frame)
            frame += self.extent(frame)
        self.counted = frame


def hexadecimal(n):
    """As C's %#x prints it: zero stays bare."""
    return hex(n) if n else "0"


def owner_name(owner):
    return value("owner_names")[owner].string()


def objects_used(slab):
    free = sum(bin(int(slab["free"][word]) | int(slab["remote"][word])).count("1")
               for word in range(array_length(slab["free"])))
    return int(slab["objects"]) - free


# --- The tables: the monitor's own words ----------------------------------------------------------


def print_zones():
    print("%-8s %10s %10s %10s %10s %8s %8s"
          % ("zone", "first", "end", "managed", "free", "cached", "blocks"))
    for index, zone in zones():
        first, end = (int(zone["base"]) + (int(zone[at]) << MAX_ORDER) for at in ("first", "end"))
        print("%-8s %10s %10s %10d %10d %8d %8d"
              % (zone["name"].string(), hexadecimal(first), hex(end),
                 zone["managed"], zone["free"], cached_frames(index), len(blocks_of(zone))))


def print_buddyinfo():
    for _, zone in zones():
        counts = (sum(1 for _ in free_chunks(zone, order)) for order in range(MAX_ORDER + 1))
        print("Node 0, zone %8s %s" % (zone["name"].string(), "".join("%6d " % n for n in counts)))


def print_free(order):
    """The free lists themselves, which the monitor does not print."""
    for _, zone in zones():
        for frame in free_chunks(zone, order):
            start = frame << PAGE_SHIFT
            print("%-8s order %2d  frame %#8x  [%#x, %#x)"
                  % (zone["name"].string(), order, frame, start,
                     start + (1 << order + PAGE_SHIFT)))


def print_slabinfo():
    print("slabinfo - version: 2.1\n"
          "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
          " : tunables <limit> <batchcount> <sharedfactor>"
          " : slabdata <active_slabs> <num_slabs> <sharedavail>")
    for cache in caches():
        used = sum(objects_used(slab) for slab in linked(cache["slabs"], "next_of_cache"))
        slabs = int(cache["slab_count"])
        objects = int(cache["objects"]) - (1 if cache["header_inside"] else 0)
        print("%-17s %6d %6d %6d %4d %4d : tunables    0    0    0 : slabdata %6d %6d      0"
              % (cache["name"].string(), used, slabs * objects, cache["stride"], objects,
                 1 << int(cache["order"]), slabs, slabs))


def print_owners():
    counts = Descriptors().count_owners()
    firmware = int(value("FRAME_FIRMWARE"))
    kib = PAGE_SHIFT - 10
    total = 0
    print("%-14s %10s %12s" % ("owner", "frames", "KiB"))
    for owner, frames in enumerate(counts):
        if owner == firmware or not frames:
            continue
        total += frames
        print("%-14s %10d %12d" % (owner_name(owner), frames, frames << kib))
    ram = number("mm_ram_frames") + number("mm_beyond_frames")
    verdict = "= all RAM of the firmware's map" if total == ram else "IS NOT the RAM of the map"
    print("%-14s %10d %12d  %s" % ("sum", total, total << kib, verdict))


def print_owner_of(frame, zone, descriptors):
    owner, _, _, count = descriptors[frame]
    names = descriptors.owner
    head = descriptors.head_of(frame)
    if head != frame:
        print("  inside an allocation of %d frames from frame %#x on: %s"
              % (descriptors[head][3], head, owner_name(descriptors[head][0])))
    elif owner == names["FRAME_NONE"]:
        print("  free, in a chunk of order %d" % free_chunk_around(zone, frame))
    else:
        print("  owner: %s" % owner_name(owner))
    if descriptors.is_page(frame):
        print("  held by %d" % count)
    elif owner >= names["FRAME_ALLOCATED"]:
        print("  first of %d frames" % count)
    if owner == names["FRAME_SLAB"]:
        slab = value(f"*(struct slab *) {count:#x}")
        print("  slab of %s on CPU %d: %d of %d objects of %d bytes in use%s"
              % (slab["cache"]["name"].string(), slab["home"]["cpu"]["id"], objects_used(slab),
                 slab["objects"], slab["cache"]["stride"],
                 ", allocating from it now" if slab["current"] else ""))


def print_frame(frame):
    start = frame << PAGE_SHIFT
    print("frame %s: [%s, %#x)"
          % (hexadecimal(frame), hexadecimal(start), start + (1 << PAGE_SHIFT)))
    index = frame >> MAX_ORDER
    block = value(f"mm_blocks[{index}]") if index < number("mm_block_count") else None
    table = value("mm_zones")
    if block is None or int(block["zone"]) >= array_length(table):
        print("  beyond the memory that is managed")
        return
    zone = table[int(block["zone"])]
    print("  zone %s, block %d (%s, %d of %d frames free)"
          % (zone["name"].string(), index, "open" if block["open"] else "closed", block["free"],
             block["frames"]))
    if not block["open"]:
        print("  free, in a whole block" if block["free"] else "  not RAM")
        return
    print_owner_of(frame, zone, Descriptors())
    if start < number("direct_map_end"):
        print("  at %#x in the direct map" % (DIRECT_BASE + start))


# What a CPU's entry says, in the order of the monitor's words: bit, set, clear.
ENTRY_PRESENT, ENTRY_LARGE = 0x001, 0x080
ENTRY_WORDS = ((0x002, "writable", "read-only"), (0x004, "user", "kernel"),
               (0x008, "write-through", ""), (0x010, "uncached", ""), (0x020, "accessed", ""),
               (0x040, "dirty", ""), (ENTRY_LARGE, "large", ""), (0x100, "global", ""),
               (1 << 63, "no-execute", ""))
ENTRY_FRAME = 0x000FFFFFFFFFF000
CR3_FLAGS = 0x1F
CR4_PAE = 0x20


def walk_levels():
    """(name, lowest bit of the index, bits of it) of each level, and the bytes of an entry: what
    Intel SDM volume 3 calls 32-bit paging (4.3) and PAE paging (4.4)."""
    if number("(unsigned) $cr4") & CR4_PAE:
        return (("pointer", 30, 2), ("directory", 21, 9), ("table", 12, 9)), 8
    return (("directory", 22, 10), ("table", 12, 10)), 4


def print_walk(address, table):
    """From `table`, as CR3 has it, to the byte at `address`."""
    print("  walk of 0x%08x" % address)
    levels, size = walk_levels()
    for name, shift, bits in levels:
        index = address >> shift & (1 << bits) - 1
        raw = read(DIRECT_BASE + table + index * size, size)
        entry = int.from_bytes(raw, "little")
        text = "  %s[%d] = 0x%0*x" % (name, index, size * 2, entry)
        if not entry & ENTRY_PRESENT:
            print(text + " not present")
            return
        words = [there if entry & bit else absent for bit, there, absent in ENTRY_WORDS]
        table = entry & ENTRY_FRAME
        if name == "pointer":
            print(text)
        else:
            print(" ".join([text, "-> 0x%08x" % table, *filter(None, words)]))
        if name == "directory" and entry & ENTRY_LARGE:
            break
    print("  physical 0x%08x" % ((table & -1 << shift) + (address & (1 << shift) - 1)))


# --- Commands -------------------------------------------------------------------------------------


class Prefix(gdb.Command):
    """What the kernel keeps, read at any stop: octavo zones, buddyinfo, free, slabs, owners, frame,
walk.
And the machine: octavo connect, type, console."""

    def __init__(self):
        super().__init__("octavo", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)


def command(name, text, needs_kernel=True):
    """Makes `octavo NAME ARGUMENT` call the function below it."""

    def make(function):
        class Command(gdb.Command):
            __doc__ = text

            def invoke(self, argument, _from_tty):
                if needs_kernel and not number("mm_block_count"):
                    raise gdb.GdbError("the memory manager is not up yet (or not here any more)")
                function(argument)

        Command("octavo " + name, gdb.COMMAND_DATA)
        return function

    return make


Prefix()


@command("zones", "The zones of physical memory, as the monitor's `zones` prints them.")
def _zones(_argument):
    print_zones()


@command("buddyinfo", "Free chunks by order, as the monitor's `buddyinfo` prints them.")
def _buddyinfo(_argument):
    print_buddyinfo()


@command("free", "octavo free [ORDER]: the free chunks of one order, or of all, one line each.")
def _free(argument):
    orders = [int(argument)] if argument else range(MAX_ORDER + 1)
    for order in orders:
        print_free(order)


@command("slabs", "The caches of objects, as the monitor's `slabinfo` prints them.")
def _slabs(_argument):
    print_slabinfo()


@command("owners", "Who owns how many frames, as the monitor's `owners` prints it.")
def _owners(_argument):
    print_owners()


@command("frame", "octavo frame PFN: the whole story of one frame, as the monitor prints it.")
def _frame(argument):
    print_frame(number(argument))


@command("walk", "octavo walk ADDRESS [SPACE]: the page tables' way from an address to memory, in the "
         "space that the CPU uses now or in another, as the monitor prints it.")
def _walk(argument):
    address, *space = argument.split(None, 1)
    table = number(f"({space[0]})->directory_at" if space else "(unsigned) $cr3")
    print_walk(number(f"(unsigned) ({address})"), table & ~CR3_FLAGS)


@command("connect", "octavo connect: starts QEMU on build/monitor.img, stopped at reset. The "
         "environment's OCTAVO_IMAGE, OCTAVO_MEMORY and OCTAVO_CPU choose otherwise.", needs_kernel=False)
def _connect(_argument):
    machine.start(os.environ.get("OCTAVO_IMAGE", "build/monitor.img"),
                  os.environ.get("OCTAVO_MEMORY", "64M"), os.environ.get("OCTAVO_CPU", "qemu32"))
    print("QEMU waits at reset; `continue` starts the machine. `octavo console` shows what it has\n"
          "printed since you last asked, `octavo type LINE` types a line on COM1.")


@command("type", "octavo type LINE: types a line on COM1.", needs_kernel=False)
def _type(argument):
    machine.type(argument)


@command("console", "What the machine printed on COM1 since the last time.", needs_kernel=False)
def _console(_argument):
    print(machine.new_output(), end="")
