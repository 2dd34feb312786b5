"""post_mortem.py - the `octavo` commands on a dump; tools/inspect starts gdb with it.

The dump answers as a machine that is stopped (tools/dumps/stub.py). Its memory does not change, so
gdb may keep what it has read.
"""
import os
import sys

import gdb

import paging


def connect(link):
    gdb.execute("set confirm off")
    gdb.execute("set suppress-cli-notifications on")
    gdb.execute("set mem inaccessible-by-default off")  # a program's part has no such line
    gdb.execute("mem 0xc0000000 0 ro cache")
    gdb.execute("set dcache line-size 1024")
    gdb.execute("set dcache size 16384")
    gdb.execute(f"target remote {link}", to_string=True)
    if os.environ["OCTAVO_REGISTERS"] == "none":
        paging.set_registers_from_kernel()


def complain(what, error):
    gdb.flush()
    print(f"inspect: {what}: {error}", file=sys.stderr, flush=True)


def run(command):
    """As it would be typed behind `octavo`, or behind gdb's prompt when it begins with gdb."""
    word, _, rest = command.partition(" ")
    gdb.execute(rest if word == "gdb" else "octavo " + command)


def each(commands):
    """What one cannot say ends it, not the others. True when all went well."""
    well = True
    for command in commands:
        try:
            run(command)
        except gdb.error as error:
            complain(command, error)
            well = False
    return well


def main():
    try:
        connect(os.environ["OCTAVO_DUMP"])
    except gdb.error as error:
        complain("the kernel's variables are not all in the dump", error)
    if "OCTAVO_COMMANDS" in os.environ:
        good = each(os.environ["OCTAVO_COMMANDS"].split("\n"))
        gdb.execute("disconnect", to_string=True)
        gdb.execute("quit 0" if good else "quit 1")


main()
