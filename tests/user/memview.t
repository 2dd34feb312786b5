#!/usr/bin/env python3
"""memview: each page and key, on the terminal and on the VGA screen, from the shell and from the
monitor; and what a refresh costs in instructions."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../boot/loader"))
from programs import Tap
from quirks import real
from vga import Machine

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
tap = Tap()
MOST = 5_000_000  # instructions
LEFT, RIGHT, UP, DOWN = "\x1b[D", "\x1b[C", "\x1b[A", "\x1b[B"


def shows(machine, description, *patterns):
    """Each of the patterns comes up, all at one time."""
    for pattern in patterns:
        machine.wait_for(pattern)
    text = machine.terminal.text()
    missing = [pattern for pattern in patterns if not re.search(pattern, text, re.MULTILINE)]
    tap.ok(not missing, description, [f"wanted {missing}", *text.splitlines()])
    return text


def press(machine, keys, description, *patterns):
    machine.type(keys)
    return shows(machine, description, *patterns)


def look_at_map(machine):
    press(machine, "memview\r", "the map of 64 MiB",
          r"^ Octavo memview: 64M, a cell is 64K +free [\d.]+M \d+% +unusable for 64K: \d+%$",
          r"^ +0K L.*K{5,}.* DMA$", r"^ +60M .*D+$", r" Normal$",
          r"K kernel image +\d+K", r"^. free +[\d.]+M")
    text, colours = machine.vga()
    row = text.splitlines()[1]
    tap.ok(colours[1][row.index("KKK")] == 0x4F and colours[2][20] == 0x08,
           "on VGA the kernel is white on red, and free memory grey", [row, colours[1].hex()])
    tap.ok(colours[1][7] == 0x70, "the cell under the cursor is reversed", [colours[1].hex()])
    press(machine, RIGHT, "the cursor moves to the right", r"^0x00010000  frames 10 to 1f:")
    machine.listen(1)
    sent = machine.listen(3)
    tap.ok(sent < 3000, f"only what has changed is sent: {sent} bytes in 3 seconds",
           [repr(machine.received[-sent:])])
    press(machine, LEFT + DOWN, "and down", r"^0x00400000  frames 400 to 40f: 16 free$")
    press(machine, UP + "\x1b[6~", "PgDn goes to the last row", r"^0x03c00000 ")
    press(machine, "\x1b[H", "Home to the first cell", r"^0x00000000 ")


def look_closer(machine):
    press(machine, "\r", "Enter: a block, a cell for each frame, free chunks by their order",
          r"^ Octavo memview: block 0 ", r"^   100 K{64}$", r"^ +0 L.*[0-9]\.+", r"frame 0: low memory$")
    press(machine, "\r", "Enter once more: the story of a frame", r"^frame 0: \[0, 0x1000\)$",
          r"^  zone DMA, block 0 \(open", r"^  owner: low memory$")
    press(machine, RIGHT, "of its neighbour", r"^frame 0x1: \[0x1000, 0x2000\)$")
    press(machine, "\x1b", "Esc leads back", r"^ Octavo memview: block 0 ")
    press(machine, "b", "and so does b", r"^ Octavo memview: 64M, ")


def look_at_lists(machine):
    text = press(machine, "l", "free chunks by order", r"^> +4 +64K +\d+ +\d+ +0 ",
                 r"^ +10 +4M +\d+ +\d+ +0 +\d+M  #+", r"unusable: the part")
    press(machine, "+", "another size for the figure", r"unusable for 128K: \d+%$", r"^> +5 +128K")
    press(machine, "-", "and back", r"unusable for 64K: \d+%$")
    return re.findall(r"^ +10 +4M +(\d+) +(\d+) +(\d+) ", text, re.MULTILINE)


def look_at_slabs(machine):
    press(machine, "s", "caches of objects, the largest first", r"Octavo memview: \d+ caches, \d+K",
          r"^ kmalloc-\d+ +\d+ +\d+ +\d+ +\d+% +\d+ +\d+K  #+")
    press(machine, DOWN + "\r", "Enter: the slabs of one", r"^cache [\w-]+: \d+ objects of \d+ bytes")
    press(machine, "\x7f", "Backspace leads back", r"Octavo memview: \d+ caches")


def look_at_programs(machine):
    press(machine, "p", "programs", r"^ +1 +0  S .* init ", r"^ +\d+ +\d+  R .* memview ")
    press(machine, DOWN + "\r", "the areas of one", r"Octavo memview: areas of 2 ",
          r"^ 00400000-\w+  r-xp .* /bin/sh$", r"^ \w+-c0000000  rw-p .* \[stack\]$")
    press(machine, "\r", "the pages of an area", r"^00400000 [Ff.]+$", r"^00400000 .*, frame \w+$")
    press(machine, "\r", "one page", r"^area 00400000 ", r"^  owner: page cache$")
    press(machine, "\x1b", "back to the pages", r"P its own")
    press(machine, "bb", "and to the programs", r"Octavo memview: processes")


def in_the_shell():
    with Machine("-m", "64", "-drive", "file=build/octavo.img,if=floppy,format=raw,snapshot=on",
                 "-boot", "a") as machine:
        machine.wait_for(r"^\$ $|^\$$")
        look_at_map(machine)
        look_closer(machine)
        lists = look_at_lists(machine)
        look_at_slabs(machine)
        look_at_programs(machine)
        press(machine, "?", "help", r"^ The map shows all memory", r"Unusable for 64K:")
        machine.listen(1)
        tap.ok(machine.vga()[0] == machine.terminal.text(),
               "the VGA screen and the terminal show the same",
               machine.vga()[0].splitlines() + machine.terminal.text().splitlines())
        press(machine, "m", "back to the map", r"^ Octavo memview: 64M")
        machine.type("q")
        machine.wait_for(r"\A\$")
        press(machine, "cat /proc/buddyinfo\r", "q leaves, and the terminal is the shell's again",
              r"^Node 0, zone +Normal ")
        chunks = [numbers.split()[-1] for numbers in
                  re.findall(r"zone +\w+ ([\d\s]+)", machine.terminal.text())]
        tap.ok(lists and chunks == list(lists[0])[:len(chunks)],
               "the chunks of 4 MiB are those of buddyinfo", [f"{lists} {chunks}", *machine.terminal.text().splitlines()])
        machine.type("stress 3 >/dev/null &\rmemview\r")
        machine.wait_for(r"^ Octavo memview: 64M")
        seen = set()
        for _ in range(40):
            machine.listen(0.25)
            if len(seen) > 2:
                break
            seen.update(re.findall(r"P program +(\d+K|[\d.]+M)", machine.terminal.text()))
        tap.ok(len(seen) > 2, "the map lives while a program runs in the background", [str(seen)])
        machine.type("\x1d")
        machine.wait_for(r"^octavo>")
        press(machine, "go\r", "after a visit to the monitor it is painted anew",
              r"^ Octavo memview: 64M", r" q quit")


def with_more_memory():
    """Figures and names that need more room than those of 64 MiB."""
    with Machine("-m", "1024", "-kernel", "build/kernel.elf", "-append", "monitor") as machine:
        machine.wait_for(r"^octavo>")
        press(machine, "memview\r", "1 GiB: amounts keep their unit and stay in their column",
              r" free \d+M \d+% ", r"^\. free +\d+M ! bad ")
    with Machine("-cpu", "pentium3", "-m", "61G", "-machine", "memory-backend=ram", "-object",
                 "memory-backend-ram,size=61G,reserve=off,id=ram", "-boot", "a", "-drive",
                 "file=build/monitor.img,if=floppy,format=raw,snapshot=on") as machine:
        machine.wait_for(r"^octavo>")
        press(machine, "memview\r", "61 GiB: whoever has no room below the map is left out",
              r"^0x00000000  frames 0 to 3fff: \d+ free, \d+ module, \d+ kernel image$",
              r"D metadata +\d+M V vmalloc")


def in_the_monitor():
    with Machine("-m", "2", "-kernel", "build/kernel.elf") as machine:
        machine.wait_for(r"^octavo>")
        press(machine, "memview\r", "2 MiB: a cell is a frame", r"^ Octavo memview: 4M, a cell is 4K |"
              r"^ Octavo memview: block 0 ", r"^ +100 |^ +1M K+")
        press(machine, "l", "2 MiB: free chunks", r"^> +4 +64K +\d+ +0 +0 ")
        press(machine, "+++", "2 MiB: the longest title", r" unusable for 512K: 100%$")
        press(machine, "s", "2 MiB: caches", r"^ kmalloc-16 ")
        press(machine, "m\r\r", "2 MiB: a frame", r"^frame 0: \[0, 0x1000\)$")
        machine.type("q")
        machine.wait_for(r"^octavo>")
        press(machine, "check\r", "2 MiB: all memory is there again",
              r"^Every frame has exactly one owner")


def instructions(size):
    """Of a refresh, and the most that one took, with 520 MiB in use."""
    console = subprocess.run(
        ["tools/boot", "--emu", "qemu64", "--cpu", "qemu64", "--media", "multiboot", "--mem", size,
         "--timeout", "200", "--cmdline", 'run="/memview -t 520"', "--add", "build/user/memview",
         "--", "-icount", "shift=0,sleep=off", "-rtc", "base=2024-01-01T00:00:00,clock=vm",
         "-machine", "memory-backend=ram",
         "-object", f"memory-backend-ram,size={size},reserve=off,id=ram"],
        stdout=subprocess.PIPE, check=False).stdout.decode(errors="replace")
    found = re.search(r"memview: \d+ frames, a refresh (\d+) ticks, at most (\d+)", console)
    return (int(found[1]), int(found[2])) if found else console[-400:]


def on_a_mono_screen():
    """Letters tell owners apart where there are no colours."""
    with Machine("-m", "32", "-boot", "a", "-drive",
                 f"file={real('MONO')},if=floppy,format=raw,snapshot=on") as machine:
        machine.wait_for(r"^octavo>")
        press(machine, "memview\r", "the map beside a monochrome screen", r"^ +0K L.*K{4,}.* DMA$")
        text, attributes = machine.vga(0xB0000)
        tap.ok(text == machine.terminal.text(), "which shows the same letters at B0000h",
               text.splitlines() + machine.terminal.text().splitlines())
        used = set(b"".join(attributes))
        tap.ok(used <= {0x00, 0x07, 0x0F, 0x70} and len(used) >= 3,
               "normal, bright or reversed", [bytes(sorted(used)).hex()])
        row = text.splitlines()[1]
        kernel = attributes[1][row.index("KKK")]
        free = attributes[1][row.index("..")]
        tap.ok(kernel == 0x70 and free == 0x07, "the kernel stands out, free memory does not",
               [row, attributes[1].hex()])
        press(machine, "q", "and leaves it", r"^octavo>")
        for _ in range(40):
            machine.type("alloc heap 8000\r")
            machine.listen(0.1)
        press(machine, "memview\rs\r", "more slabs than there is room for: where the rest is told",
              r"^cache kmalloc-8192: 40 ", r"^\.\.\. and more: /proc/octavo/slab/kmalloc-8192, ")


in_the_shell()
with_more_memory()
in_the_monitor()
on_a_mono_screen()
for size in "4G", "64G":
    cost = instructions(size)
    tap.ok(isinstance(cost, tuple) and cost[1] <= MOST,
           f"a refresh of {size} costs at most {MOST} instructions: {cost}")
tap.done()
