#!/usr/bin/env python3
"""The boot matrix in Bochs, DOSBox and v86."""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "loader"))
from matrix import *

LEGACY = "/usr/share/bochs/BIOS-bochs-legacy"
SEABIOS = "/usr/share/seabios/bios.bin"


def screen_at(address):
    """Words for tools/boot: the prompt, bright, is in the adapter's memory at this address."""
    prompt = "6f 0a 63 0a 74 0a 61 0a  76 0a 6f 0a 3e 0a"
    return ("--input", "clear", "--input", "xp 0x%s 16" % address,
            "--expect", "^000%s  %s" % (address, prompt))


row("Pentium", "bochs", "floppy", "--mem", "32M")
row("BIOS without PCI and ACPI, 8 MiB", "bochs", "floppy", "--bios", LEGACY, "--mem", "8M")
row("SeaBIOS", "bochs", "floppy", "--bios", SEABIOS, "--mem", "32M")
row("Core i7", "bochs", "floppy", "--cpu", "corei7_sandy_bridge_2600k", "--mem", "32M")
row("2 processors", "bochs", "floppy", "--cpu", "p4_willamette", "--smp", "2", "--mem", "32M")
row("disk", "bochs", "hd", "--mem", "32M")
row("CD, floppy emulation", "bochs", "eltorito", "--mem", "32M")
row("GRUB 2", "bochs", "grub", "--mem", "32M")
row("SYSLINUX, mboot.c32", "bochs", "mboot", "--mem", "32M")

if shutil.which("dosbox"):
    row("any processor, 16 MiB", "dosbox", "floppy", "--mem", "16M")
    row("a 386 is refused", "dosbox", "floppy", "--cpu", "386", "--machine", "vgaonly",
        "--mem", "4M", status=1, expect="^octavo loader: error: this processor is a 386")
    row("486 class, VGA, 4 MiB", "dosbox", "floppy", "--cpu", "486_slow", "--machine", "vgaonly",
        "--mem", "4M")
    row("Pentium class, CGA", "dosbox", "floppy", "--cpu", "pentium_slow", "--machine", "cga",
        *screen_at("b8000"))
    row("Hercules, 2 MiB", "dosbox", "floppy", "--machine", "hercules", "--mem", "2M",
        *screen_at("b0000"))
    row("no CR0.WP: no programs", "dosbox", "floppy", "--cmdline", "run=/bin/echo", status=1,
        expect="^cpu: it lets the kernel write to read-only pages")
    row("1 MiB is refused", "dosbox", "floppy", "--mem", "1M", status=1,
        expect="^octavo loader: error: the BIOS reports no memory above 1 MiB")
else:
    skipped("dosbox")

if shutil.which("node") and not subprocess.run(
        [os.path.join(ROOT, "tools/v86")], stdout=subprocess.DEVNULL, check=False).returncode:
    row("floppy", "v86", "floppy", "--mem", "32M")
    row("disk", "v86", "hd", "--mem", "32M")
    row("CD, floppy emulation", "v86", "eltorito", "--mem", "32M")
    row("Multiboot", "v86", "multiboot", "--mem", "64M")
    row("Multiboot, no BIOS", "v86", "multiboot", "--mem", "64M", "--bios", "none")
    row("GRUB 2", "v86", "grub", "--mem", "32M")
else:
    skipped("v86")
table()
