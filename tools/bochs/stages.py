"""stages.py - `octavo here` before the kernel runs: what is in memory at each stage of the start.

    sector 0      what the firmware loaded: its mark, the parameters of the volume, the drive
    stage 2       the loader's mark, and the list of memory as far as the firmware has told it
    the kernel    before paging: the Multiboot information at EBX

Addresses here are physical; the layouts are those of boot/layout.inc, boot/memmap.inc and the
Multiboot specification.
"""
import struct

SECTOR0, STAGE2 = 0x7C00, 0x7E00
MAP_TYPES = {1: "usable", 2: "reserved", 3: "ACPI data", 4: "ACPI NVS", 5: "bad"}
INFO = 0x30000
INFO_MAP = INFO + 0x600
MAP_ENTRY = 24
FIRMWARE, ABOVE_1M = 0xC0000, 0x100000
PAGING = 1 << 31


def is_early(bochs):
    """True while the kernel does not run at its own addresses yet."""
    return not bochs.registers()["cr0"] & PAGING


def show(bochs, names, stop):
    if FIRMWARE <= stop.address < ABOVE_1M:
        print("the firmware runs; it has not read sector 0 yet, or works for the loader")
    elif stop.address < STAGE2:
        show_sector(bochs)
    elif stop.address < ABOVE_1M:
        show_loader(bochs, names.boot, stop)
    else:
        show_information(bochs, bochs.registers()["ebx"])


def words(bochs, form, address):
    return struct.unpack("<" + form, bochs.read(address, struct.calcsize("<" + form)))


def text_at(bochs, address):
    return bochs.read(address, 200).split(b"\0")[0].decode(errors="replace")


def show_sector(bochs):
    name, size, cluster, reserved, fats, roots, sectors, media = words(
        bochs, "8sHBHBHHB", SECTOR0 + 3)
    mark, = words(bochs, "H", STAGE2 - 2)
    print(f"sector 0 at {SECTOR0:#x}, from drive {bochs.registers()['edx'] & 0xFF:#x}")
    print(f"  ends with {mark & 0xFF:02x} {mark >> 8:02x}, the firmware's mark of a boot sector")
    print(f"  volume {name.decode().strip()}: {sectors} sectors of {size} bytes, {cluster} a "
          f"cluster, {reserved} reserved, {fats} FATs, {roots} root entries, media {media:#x}")
    print(f"  stage 2 is in reserved sectors 1 to {reserved - 1} and goes to {STAGE2:#x}")


def show_loader(bochs, names, stop):
    mark, _, sectors = words(bochs, "4sIH", STAGE2)
    drive, = words(bochs, "B", names.find("boot_drive")[0])
    print(f"stage 2 at {STAGE2:#x}: mark {mark.decode()}, {sectors} sectors, drive {drive:#x}")
    count, = words(bochs, "H", names.find("map_count")[0])
    print(f"  entries of the firmware's list of memory so far: {count}")
    show_map(bochs, INFO_MAP, count)
    if names.place(stop.address).startswith("e820_keep"):
        print("  the firmware's answer:")
        show_entry(bochs, names.find("e820_buffer")[0])


def show_entry(bochs, address):
    base, length, kind = words(bochs, "QQI", address)
    print(f"  mmap: base={base:#018x} length={length:#018x} type={kind} "
          f"({MAP_TYPES.get(kind, 'unknown')})")


def show_map(bochs, address, count):
    for index in range(count):
        show_entry(bochs, address + index * MAP_ENTRY + 4)


def show_information(bochs, address):
    print(f"Multiboot information at {address:#x}")
    cmdline, modules, first_module = words(bochs, "III", address + 16)
    map_length, map_address = words(bochs, "II", address + 44)
    name, = words(bochs, "I", address + 64)
    print(f"  loader: {text_at(bochs, name)}\n  command line: {text_at(bochs, cmdline)}")
    show_map(bochs, map_address, map_length // MAP_ENTRY)
    for at in range(first_module, first_module + 16 * modules, 16):
        start, end, string = words(bochs, "III", at)
        print(f"  module [{start:#010x}, {end:#010x}) {text_at(bochs, string)}")
