#!/usr/bin/env python3
"""The boot matrix in QEMU: media, machines, processors, and the kernel under loaders of others."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "loader"))
from matrix import *

NO_ENTRY = without_entry(FLOPPY, "no-entry.img")

row("floppy", "qemu", "floppy")
for kilobytes in (720, 1200, 2880):
    other = format_image(kilobytes)
    row("floppy of %d KiB" % kilobytes, "qemu", "floppy", image=other)
    row("disk with the image of %d KiB" % kilobytes, "qemu", "hd", image=other)
row("floppy in a 2.88 MB drive", "qemu", "floppy", "--",
    "-global", "floppy.drive-type=288")
row("IDE disk", "qemu", "hd")
row("IDE disk, no partition entry", "qemu", "hd", image=NO_ENTRY)
row("AHCI disk", "qemu", "ahci")
row("USB stick on EHCI", "qemu", "usb")
row("USB stick on EHCI, no partition entry", "qemu", "usb", image=NO_ENTRY)
row("USB stick on UHCI", "qemu", "uhci")
row("USB stick on xHCI", "qemu", "xhci", "--machine", "q35")
row("64 MiB stick", "qemu", "usb", "--pad", "64M")
row("64 MiB stick, no partition entry", "qemu", "usb", "--pad", "64M", image=NO_ENTRY)
row("8 GiB stick", "qemu", "usb", "--pad", "8G")
row("CD, floppy emulation", "qemu", "eltorito")
row("memdisk, floppy", "qemu", "memdisk")
row("memdisk, floppy with EDD", "qemu", "memdisk", "--memdisk", "floppy edd raw")
row("memdisk, disk without EDD", "qemu", "memdisk", "--memdisk", "harddisk c=80 h=2 s=18 noedd")

ISA = ("--machine", "isapc", "--cpu", "486", "--mem", "8M")
row("ISA machine, 486, 8 MiB", "qemu", "floppy", *ISA)
row("ISA machine, IDE disk", "qemu", "hd", *ISA)
row("ISA machine, IDE disk, no partition entry", "qemu", "hd", *ISA, image=NO_ENTRY)
row("ISA machine, CD, floppy emulation", "qemu", "eltorito", *ISA)
row("ISA machine, memdisk, floppy", "qemu", "memdisk", *ISA)
row("ISA machine, memdisk, floppy with EDD", "qemu", "memdisk", *ISA, "--memdisk",
    "floppy edd raw")
row("ISA machine, memdisk, disk without EDD", "qemu", "memdisk", *ISA, "--memdisk",
    "harddisk c=80 h=2 s=18 noedd")
row("PCI Express", "qemu", "hd", "--machine", "q35")
row("no ACPI", "qemu", "floppy", "--machine", "pc,acpi=off")
row("no keyboard controller", "qemu", "floppy", "--machine", "pc,i8042=off")
row_without_serial()
row("no VGA", "qemu", "floppy", "--", "-vga", "none")
row("Cirrus VGA", "qemu", "floppy", "--", "-vga", "cirrus")
row("2 processors", "qemu", "floppy", "--smp", "2")
row("2 MiB", "qemu", "floppy", "--mem", "2M")
for cpu in ("486", "pentium", "pentium2", "pentium3", "n270", "athlon", "qemu32"):
    row(cpu, "qemu", "floppy", "--cpu", cpu)

row("-kernel", "qemu", "multiboot")
row("GRUB 2", "qemu", "grub")
row("SYSLINUX, mboot.c32", "qemu", "mboot")
row("iPXE", "qemu", "ipxe")
table()
