"""stub.py - a dead machine for gdb: answers gdb's remote protocol from a dump.

It is to gdb what QEMU is, so that the same commands work on a living machine and on a dump. Memory
is read by virtual address, by way of the dump's own page tables, or by physical address after
Qqemu.PhyMemMode:1. Registers come from the dump. One of memory alone has none: then addresses of
the direct map are taken as they are linked, until gdb, which knows the kernel's variables, has set
cr3 and cr4.
"""
import socket
import struct

CORE = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "eflags", "cs", "ss", "ds",
        "es", "fs", "gs")
FLOATING = tuple(f"st{i}" for i in range(8))
FLOATING_CONTROL = ("fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg", "fooff", "fop")
CONTROL = ("cr0", "cr2", "cr3", "cr4")
NAMES = CORE + FLOATING + FLOATING_CONTROL + CONTROL

DIRECT_BASE, DIRECT_END = 0xC0000000, 0xD0000000
TWO_LEVELS, PAE_LEVELS = ((22, 10), (12, 10)), ((30, 2), (21, 9), (12, 9))
PAGE = 4096
PRESENT, LARGE = 0x01, 0x80
FRAME = 0x000FFFFFFFFFF000
PAGING, PAE = 1 << 31, 0x20
ERROR = "E14"


def digits_of(name):
    return 20 if name in FLOATING else 8


def description():
    """What gdb calls a target description: the registers in the order of NAMES."""
    def register(name):
        kind = {"esp": "data_ptr", "ebp": "data_ptr", "eip": "code_ptr"}.get(name, "int32")
        if name in FLOATING:
            kind = "i387_ext"
        return f'<reg name="{name}" bitsize="{digits_of(name) * 4}" type="{kind}"/>'

    core = "".join(map(register, CORE + FLOATING + FLOATING_CONTROL))
    return ('<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd">'
            f'<target><architecture>i386</architecture><feature name="org.gnu.gdb.i386.core">{core}'
            f'</feature><feature name="octavo.control">{"".join(map(register, CONTROL))}</feature>'
            '</target>')


def direct(address):
    return address - DIRECT_BASE if DIRECT_BASE <= address < DIRECT_END else None


class Machine:
    """Memory and registers of the dump, as the CPU would see them."""

    def __init__(self, dump):
        self.dump = dump
        # Without these gdb neither begins nor lets a task's own be put there.
        self.registers = dict.fromkeys(CORE[:9], 0) | dump.registers
        self.directed = not dump.registers
        self.pages = {}

    def set_register(self, name, value):
        self.registers[name] = value
        self.pages.clear()
        if name == "cr3":
            self.directed = False
            self.registers["cr0"] = PAGING | 1

    def walk(self, address):
        """The physical address of a page; None when nothing is mapped there. Where the dump lacks a
        table, what the direct map is linked for."""
        table = self.registers["cr3"] & ~0x1F
        wide = self.registers["cr4"] & PAE
        levels, size = (PAE_LEVELS, 8) if wide else (TWO_LEVELS, 4)
        for shift, bits in levels:
            index = address >> shift & (1 << bits) - 1
            raw = self.dump.read(table + index * size, size)
            if len(raw) < size:
                return direct(address)
            entry = int.from_bytes(raw, "little")
            if not entry & PRESENT:
                return None
            table = entry & FRAME
            if shift in (21, 22) and entry & LARGE:
                return (table & -1 << shift) + (address & (1 << shift) - PAGE)
        return table

    def physical(self, page):
        if self.directed:
            return direct(page)
        if not self.registers["cr0"] & PAGING:
            return page
        if page not in self.pages:
            self.pages[page] = self.walk(page)
        return self.pages[page]

    def read(self, address, size):
        result = b""
        while size and address < 1 << 32:
            offset = address % PAGE
            count = min(size, PAGE - offset)
            page = self.physical(address - offset)
            got = self.dump.read(page + offset, count) if page is not None else b""
            result += got
            if len(got) < count:
                break
            address, size = address + count, size - count
        return result


class Stub:
    """One conversation with gdb over a connected socket."""

    def __init__(self, dump, connection):
        self.machine = Machine(dump)
        self.connection = connection
        self.input = connection.makefile("rb")
        self.acknowledges = True
        self.by_physical = False

    def serve(self):
        try:
            while (packet := self.next_packet()) is not None:
                if packet in ("k", "D"):
                    self.send("OK")
                    return
                self.send(self.answer(packet))
        except (ConnectionError, ValueError):
            pass  # gdb has gone

    def next_packet(self):
        """The text of the next packet; None at the end."""
        while (byte := self.input.read(1)) != b"$":
            if not byte:
                return None
        text = b""
        while (byte := self.input.read(1)) != b"#":
            if not byte:
                return None
            text += byte
        self.input.read(2)  # the sum: the connection loses nothing
        if self.acknowledges:
            self.connection.sendall(b"+")
        return text.decode("latin-1")

    def send(self, text):
        raw = text.encode("latin-1")
        self.connection.sendall(b"$%s#%02x" % (raw, sum(raw) & 0xFF))

    def answer(self, packet):
        word = packet.partition(":")[0]
        if word == "qSupported":
            return "PacketSize=4000;qXfer:features:read+;QStartNoAckMode+"
        if packet == "QStartNoAckMode":
            self.acknowledges = False
            return "OK"
        if word == "Qqemu.PhyMemMode":
            self.by_physical = packet.endswith("1")
            return "OK"
        if packet.startswith("qXfer:features:read:target.xml:"):
            return self.piece_of(description(), packet.rpartition(":")[2])
        if packet == "qAttached":
            return "1"
        if packet == "?":
            return "S05"
        if packet.startswith("H"):
            return "OK"
        return self.answer_access(packet)

    @staticmethod
    def piece_of(text, place):
        offset, length = (int(number, 16) for number in place.split(","))
        piece = text[offset:offset + length]
        return ("m" if offset + length < len(text) else "l") + piece

    def answer_access(self, packet):
        if packet == "g":
            return "".join(map(self.register, NAMES))
        if packet.startswith("p"):
            number = int(packet[1:], 16)
            return self.register(NAMES[number]) if number < len(NAMES) else ERROR
        if packet.startswith("P"):
            number, _, raw = packet[1:].partition("=")
            value, = struct.unpack("<I", bytes.fromhex(raw[:8]))
            self.machine.set_register(NAMES[int(number, 16)], value)
            return "OK"
        if packet.startswith("m"):
            address, size = (int(number, 16) for number in packet[1:].split(","))
            return self.memory(address, size).hex() or ERROR
        return ""

    def memory(self, address, size):
        if self.by_physical:
            data = self.machine.dump.read(address, size)
            return data if len(data) == size else b""
        return self.machine.read(address, size)

    def register(self, name):
        """In hexadecimal; x where the dump does not say."""
        if name not in self.machine.registers:
            return "x" * digits_of(name)
        return struct.pack("<I", self.machine.registers[name]).hex()


def listen(path):
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    server.listen(1)
    return server
