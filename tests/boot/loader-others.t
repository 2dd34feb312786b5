#!/usr/bin/env python3
"""Kernels that were not written with this loader in mind."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "loader"))
from harness import *

EXAMPLE = "/usr/lib/multiboot/examples/kernel"
HELLO = write("HELLO.TXT", "hello\n")


def screen(machine):
    """The text on the screen."""
    text = machine.memory(0xb8000, 4000)[::2].decode("latin-1").replace("\0", " ")
    return "\n".join(text[i:i + 80].rstrip() for i in range(0, 2000, 80))


@case("the example kernel of the Multiboot specification" +
      ("" if os.path.exists(EXAMPLE) else " # SKIP needs the package multiboot"))
def _():
    if not os.path.exists(EXAMPLE):
        return
    image = Image(config="cmdline=some words\n", files=[HELLO])
    command("mcopy", "-o", "-i", image.path, EXAMPLE, "::KERNEL.ELF")
    machine = Machine(*floppy(image.path))
    machine.expect("1 modules")
    end = time.monotonic() + 10
    text = screen(machine)
    while "Halted." not in text and time.monotonic() < end:
        time.sleep(0.1)
        text = screen(machine)
    machine.kill()
    # It asked for a screen, so it also drew a line across the text.
    contains(text, "= KERNEL.ELF some words", "= 639KB, mem_upper = 15232KB", "lags = 0x126f",
             "cmdline = HELLO.TXT", "mmap_length = 0x90", "Halted.")


@case("the kernel in docs/loader.md")
def _():
    with open(os.path.join(ROOT, "docs", "loader.md")) as file:
        source = file.read().split("```nasm\n", 1)[1].split("```", 1)[0]
    command("nasm", "-f", "elf32", "-o", path("tiny.o"), write("tiny.asm", source))
    command("ld", "-m", "elf_i386", "-n", "-Ttext=0x100000", "-e", "start", "-o", path("tiny.elf"),
            path("tiny.o"))
    image = Image(kernel=path("tiny.elf"))
    machine = Machine("-debugcon", "file:" + path("port"), *floppy(image.path))
    machine.expect("0 modules")
    end = time.monotonic() + 10
    while b"Octavo 0.1 (E820)" not in read("port") and time.monotonic() < end:
        time.sleep(0.1)
    machine.kill()
    contains(read("port").decode("latin-1"), "Octavo 0.1 (E820)")


@case("GRUB, loaded by its Multiboot header, goes back to real mode and reads our floppy")
def _():
    write("early.cfg", "serial --unit=0 --speed=115200\nterminal_output serial\n"
          "echo root=$root\nls (fd0)/\nhalt\n")
    command("grub-mkimage", "-O", "i386-pc", "-p", "/boot/grub", "-c", path("early.cfg"), "-o",
            path("core.img"), "biosdisk", "fat", "serial", "terminal", "echo", "ls", "halt")
    machine = Machine(*floppy(Image(kernel=path("core.img"), files=[HELLO]).path))
    contains(machine.expect(r"root=fd0[^$]*hello.txt"), "kernel.elf octavo.cfg hello.txt")
    machine.kill()


finish()
