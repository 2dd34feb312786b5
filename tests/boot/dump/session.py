"""session.py - what tests/boot/dump.t has gdb do to a machine with programs.

It stops where nothing changes any more, asks gdb for the tables and QEMU for the dumps, and lets the
machine print the same tables: in /proc/octavo/dump, whose text has all its memory before it is
printed, and in the monitor, where everything else stands still. All that was heard goes to
FOLDER/heard.json.
"""
import json
import os

import gdb

from machine import machine

FOLDER = os.environ["DUMP_FOLDER"]
SIZE = int(os.environ["DUMP_SIZE"], 0)
KINDS = os.environ["DUMP_KINDS"].split()
SHELL_READS = "sys_read if task_current()->process->pid == 2"
# The first time is for the text's size. The place between the two makes sure that it is not the same
# time that is told twice, as a loaded machine did.
ONCE_THERE_IS_ROOM = ["dump_print", "krealloc", "dump_print"]
MONITOR_KEY = b"\x1d"
# Of these the argument says where: a slab's object is found when the machine has one.
COMMANDS = ["mmap", "zones", "buddyinfo", "freelist", "freelist 3", "owners", "slabinfo",
            "slab caches", "slab task", "frame 0", "frame 0x9f", "frame 0x100", "frame 0x400",
            "frame 0x3fff", "frame 0x50000", "walk 0", "walk 0x00400000 1", "walk 0xc0100000",
            "walk 0xc1000000 2", "walk 0xd0000000", "walk 0xe0000000", "owner 0",
            "owner 0x00400123 1", "owner 0xbffffff0 1", "owner 0xc0100010", "owner 0xe0000000 2",
            "ps", "vmas 1", "vmas 2", "maps 1", "maps 2", "pt 1", "pt 2", "dump"]
# The same questions put to /proc; of things that cat itself does not change.
FILES = {"mmap": "/proc/octavo/mmap", "slab caches": "/proc/octavo/slab/caches",
         "frame 0x100": "/proc/octavo/frame/0x100", "frame 0x9f": "/proc/octavo/frame/0x9f",
         "walk 0x00400000 1": "/proc/1/walk/0x00400000",
         "walk 0xe0000000": "/proc/self/walk/0xe0000000",
         "owner 0xc0100010": "/proc/1/owner/0xc0100010", "vmas 1": "/proc/1/areas",
         "maps 1": "/proc/1/maps", "pt 1": "/proc/1/tables"}


def run_to(place):
    """Other stops on the way, such as a signal's, do not count."""
    breakpoint = gdb.Breakpoint(place, temporary=True)
    while breakpoint.is_valid():
        gdb.execute("continue", to_string=True)


def run_to_prompt():
    """From where cat has its file open to where the shell wants the first key of a line."""
    run_to("proc_close")
    run_to(SHELL_READS)


def dumps(name):
    commands = {"raw": f'pmemsave 0 {SIZE:#x} "{FOLDER}/{name}.raw"',
                "core": f"dump-guest-memory {FOLDER}/{name}.core",
                "paged": f"dump-guest-memory -p {FOLDER}/{name}.paged"}
    for kind in KINDS:
        gdb.execute("monitor " + commands[kind], to_string=True)


def said_by_gdb(commands):
    return {command: gdb.execute("octavo " + command, to_string=True) for command in commands}


def read_files():
    """/proc/octavo/dump, once it has all its memory, and the files, one by one."""
    run_to(SHELL_READS)
    machine.type("cat /proc/octavo/dump")
    for place in ONCE_THERE_IS_ROOM:
        run_to(place)
    dumps("proc")
    heard["proc"] = said_by_gdb(["dump"])
    run_to_prompt()
    for path in FILES.values():
        machine.type("cat " + path)
        run_to_prompt()


def ask_monitor():
    COMMANDS.append("owner %#x" % (int(gdb.parse_and_eval("space_first")) + 5))
    machine.qemu.stdin.write(MONITOR_KEY)
    machine.qemu.stdin.flush()
    run_to("monitor_visit")
    for command in [*COMMANDS, "uptime"]:
        machine.type(command)
        run_to("monitor_execute")
        while gdb.parse_and_eval("text").string() != command:
            run_to("monitor_execute")
    dumps("monitor")
    heard["monitor"] = said_by_gdb(COMMANDS)


heard = {"files": FILES}
gdb.execute("set width 0")
read_files()
ask_monitor()
heard["console"] = machine.new_output()
with open(FOLDER + "/heard.json", "w") as file:
    json.dump(heard, file)
machine.qemu.kill()
