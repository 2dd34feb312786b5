"""core.py - writes an ELF core file as QEMU's dump-guest-memory does: memory by physical address, and
the registers in QEMU's note. What reads it: memory.py.
"""
import struct

from .memory import (AT_CONTROL, AT_IP, AT_SEGMENTS, ELF_CORE, ELF_LITTLE, ELF_MAGIC, GENERAL,
                     PT_LOAD, PT_NOTE, QEMU_NAME, QEMU_TYPE, SEGMENTS, STATE_SIZE, Elf)

WIDE, I386 = 2, 3
HEADER, SEGMENT = Elf.header[WIDE], Elf.segment[WIDE]
VERSION = 1
IDENT_SIZE = 16


def state_of(registers):
    """QEMU's note of a CPU; what is not known is zero."""
    state = bytearray(STATE_SIZE)
    struct.pack_into("<II", state, 0, VERSION, STATE_SIZE)
    struct.pack_into("<8Q", state, 8, *(registers.get(name, 0) for name in GENERAL))
    struct.pack_into("<2Q", state, AT_IP, registers["eip"], registers["eflags"])
    for index, name in enumerate(SEGMENTS):
        struct.pack_into("<I", state, AT_SEGMENTS + 24 * index, registers.get(name, 0))
    for number in (0, 2, 3, 4):
        struct.pack_into("<Q", state, AT_CONTROL + 8 * number, registers[f"cr{number}"])
    return bytes(state)


def note(registers):
    state = state_of(registers)
    name = QEMU_NAME + b"\0"
    return struct.pack("<III", len(name), len(state), QEMU_TYPE) + name.ljust(8, b"\0") + state


def write(path, pieces, registers):
    """`pieces`: (physical address, bytes) of each piece of memory, all of them in memory here."""
    notes = note(registers)
    count = len(pieces) + 1
    at = HEADER.size + SEGMENT.size * count
    segments = [(PT_NOTE, 0, at, 0, 0, len(notes), len(notes), 0)]
    at += len(notes)
    for address, data in pieces:
        segments.append((PT_LOAD, 0, at, 0, address, len(data), len(data), 0))
        at += len(data)
    ident = ELF_MAGIC + bytes((WIDE, ELF_LITTLE, 1))
    with open(path, "wb") as file:
        file.write(ident.ljust(IDENT_SIZE, b"\0"))
        file.write(HEADER.pack(ELF_CORE, I386, 1, 0, HEADER.size, 0, 0, HEADER.size, SEGMENT.size,
                               count, 0, 0, 0)[IDENT_SIZE:])
        file.writelines(SEGMENT.pack(*segment) for segment in segments)
        file.write(notes)
        file.writelines(data for _, data in pieces)
