"""memory.py - what a dump of a machine holds: bytes by physical address, and perhaps registers.

    raw     the machine's memory from one physical address on: QEMU's pmemsave, Bochs' writemem of
            a piece of the direct map; FILE@ADDRESS,FILE@ADDRESS... puts such pieces together
    core    an ELF core file from QEMU's dump-guest-memory, with paging (-p) or without, or of our
            own from Bochs: pieces with their physical addresses, and the registers in a note

A file is mapped, not read: of a large one only what is asked for comes from the disk. Nothing that
a file says is believed before it is checked: what does not fit raises BadDump with words for a
person.
"""
import bisect
import mmap
import struct
from pathlib import Path

ELF_MAGIC = b"\x7fELF"
# How QEMU's files for the crash tools begin.
COMPRESSED = (b"KDUMP   ", b"makedump")
ELF_LITTLE, ELF_CORE = 1, 4
MACHINES = {3: "i386", 62: "x86-64"}
PT_LOAD, PT_NOTE = 1, 4
WRITABLE = 2
# The note that QEMU adds for each CPU: its registers (struct QEMUCPUState in QEMU's source).
QEMU_NAME, QEMU_TYPE = b"QEMU", 0
GENERAL = ("eax", "ebx", "ecx", "edx", "esi", "edi", "esp", "ebp")
SEGMENTS = ("cs", "ds", "es", "fs", "gs", "ss")
AT_IP, AT_SEGMENTS, AT_CONTROL = 8 + 16 * 8, 8 + 18 * 8, 8 + 18 * 8 + 10 * 24
STATE_SIZE = AT_CONTROL + 5 * 8


class BadDump(Exception):
    """The file is not what it should be."""


class Elf:
    """The program headers of an ELF file of either class."""

    header = {1: struct.Struct("<16xHHIIIIIHHHHHH"), 2: struct.Struct("<16xHHIQQQIHHHHHH")}
    segment = {1: struct.Struct("<IIIIIIII"), 2: struct.Struct("<IIQQQQQQ")}

    def __init__(self, data, name):
        if len(data) < 64 or data[:4] != ELF_MAGIC or data[4] not in self.header \
                or data[5] != ELF_LITTLE:
            raise BadDump(f"{name} is no ELF file of a PC")
        self.data, self.wide = data, data[4] == 2
        fields = self.header[data[4]].unpack_from(data)
        self.kind, self.machine = fields[0], fields[1]
        at, size, count = fields[4], fields[8], fields[9]
        layout = self.segment[data[4]]
        if count and (size != layout.size or at + size * count > len(data)):
            raise BadDump(f"{name}: the program headers are not all there")
        self.segments = [self.ordered(layout.unpack_from(data, at + i * size))
                         for i in range(count)]

    def ordered(self, fields):
        """(type, flags, offset, virtual and physical address, bytes in the file)"""
        if self.wide:
            kind, flags, offset, virtual, physical, size, _, _ = fields
        else:
            kind, offset, virtual, physical, size, _, flags, _ = fields
        return kind, flags, offset, virtual, physical, size

    def notes(self):
        """(name, type, content) of each note."""
        for kind, _, offset, _, _, size in self.segments:
            end = min(offset + size, len(self.data))
            while kind == PT_NOTE and offset + 12 <= end:
                name_size, size_here, note_type = struct.unpack_from("<III", self.data, offset)
                content = offset + 12 + (name_size + 3 & ~3)
                yield (self.data[offset + 12:offset + 12 + name_size].rstrip(b"\0"), note_type,
                       self.data[content:content + size_here])
                offset = content + (size_here + 3 & ~3)


def map_file(path):
    try:
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise BadDump(f"{path}: {error.strerror}") from None
    except ValueError:
        raise BadDump(f"{path} is empty") from None


def disjoint(pieces):
    """(physical address, offset, size) sorted, and no byte twice: with -p a frame is in the file
    once for each address that leads to it."""
    result, end = [], 0
    for address, offset, size in sorted(pieces):
        known = min(max(end - address, 0), size)
        if size > known:
            result.append((address + known, offset + known, size - known))
            end = address + size
    return result


def named_pieces(name):
    """(file, physical address) of FILE, or of FILE@ADDRESS,FILE@ADDRESS..."""
    if Path(name).exists() or "@" not in name:
        return [(name, 0)]
    try:
        return [(file, int(address, 0)) for file, _, address in
                (piece.rpartition("@") for piece in name.split(","))]
    except ValueError:
        raise BadDump(f"{name} is neither a file nor a list of FILE@ADDRESS") from None


class Joined:
    """Several files as if they were one behind the other."""

    def __init__(self, files):
        self.files = files
        self.starts = [sum(map(len, files[:i])) for i in range(len(files))]

    def __getitem__(self, place):
        index = bisect.bisect_right(self.starts, place.start) - 1
        start = self.starts[index]
        return self.files[index][place.start - start:place.stop - start]


class Dump:
    """Bytes by physical address. `registers` has those of the first CPU by name, or is empty;
    `remarks` says what is wrong with the file but can be lived with."""

    def __init__(self, name):
        self.name = name
        self.registers, self.remarks = {}, []
        files = [(map_file(file), file, address) for file, address in named_pieces(name)]
        if files[0][0][:8] in COMPRESSED:
            raise BadDump(f"{name} is compressed: dump without -z, -l, -s or -w")
        if files[0][0][:4] == ELF_MAGIC:
            self.data, self.pieces = files[0][0], self.read_core(files[0][0])
        else:
            self.data = Joined([data for data, _, _ in files])
            self.pieces = disjoint((address, start, len(data)) for (data, _, address), start
                                   in zip(files, self.data.starts))
        self.starts = [address for address, _, _ in self.pieces]

    def read_core(self, data):
        elf = Elf(data, self.name)
        if elf.kind != ELF_CORE or elf.machine not in MACHINES:
            raise BadDump(f"{self.name} is an ELF file, but no core of a PC")
        for name, kind, content in elf.notes():
            if name == QEMU_NAME and kind == QEMU_TYPE and len(content) >= STATE_SIZE:
                self.registers = self.registers or registers_of(content)
        loads = [(physical, offset, size) for kind, _, offset, _, physical, size in elf.segments
                 if kind == PT_LOAD and size]
        if not loads:
            raise BadDump(f"{self.name} has no memory in it")
        lost = sum(max(offset + size - max(offset, len(data)), 0) for _, offset, size in loads)
        if lost:
            self.remarks.append(f"{self.name} is cut short: {lost} bytes of memory are missing")
        return disjoint((physical, offset, min(size, max(len(data) - offset, 0)))
                        for physical, offset, size in loads)

    def read(self, address, size):
        """What the dump has of [address, address + size), from its start on: fewer bytes, or none,
        where that ends."""
        result = b""
        while size:
            index = bisect.bisect_right(self.starts, address) - 1
            if index < 0:
                break
            start, offset, length = self.pieces[index]
            count = min(size, start + length - address)
            if count <= 0:
                break
            at = offset + address - start
            result += self.data[at:at + count]
            address, size = address + count, size - count
        return result


def registers_of(state):
    """The registers of a CPU from QEMU's note."""
    registers = dict(zip(GENERAL, struct.unpack_from("<8Q", state, 8)))
    registers["eip"], registers["eflags"] = struct.unpack_from("<2Q", state, AT_IP)
    for index, name in enumerate(SEGMENTS):
        registers[name] = struct.unpack_from("<I", state, AT_SEGMENTS + 24 * index)[0]
    control = struct.unpack_from("<5Q", state, AT_CONTROL)
    for number in (0, 2, 3, 4):
        registers[f"cr{number}"] = control[number]
    return {name: value & 0xFFFFFFFF for name, value in registers.items()}


# --- The kernel's file ----------------------------------------------------------------------------

PAGE = 4096


def check_kernel(dump, path):
    """The memory must hold the code and constants of that very kernel: else nothing that its
    symbols say is true. Raises BadDump, or remarks how many pages have changed since."""
    elf = Elf(map_file(path), str(path))
    pages = same = missing = 0
    for kind, flags, offset, virtual, physical, size in elf.segments:
        # What runs before paging keeps its few variables among its code.
        if kind != PT_LOAD or flags & WRITABLE or virtual == physical:
            continue
        for at in range(0, size, PAGE):
            wanted = elf.data[offset + at:offset + min(at + PAGE, size)]
            found = dump.read(physical + at, len(wanted))
            pages += 1
            same += found == wanted
            missing += len(found) < len(wanted)
    if not pages:
        raise BadDump(f"{path} is no kernel of Octavo")
    if missing == pages:
        raise BadDump(f"{dump.name} does not have the memory where the kernel lies")
    if same * 2 < pages:
        raise BadDump(f"{dump.name} holds no kernel as in {path}: it is no dump of memory, does "
                      "not begin at address 0, or the kernel is of another build")
    if same < pages:
        dump.remarks.append(f"{pages - same} of {pages} pages of the kernel's code and constants "
                            "are missing or have changed")


def default_kernel():
    return Path(__file__).resolve().parent.parent.parent / "build/kernel.elf"
