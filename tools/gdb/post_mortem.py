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
    gdb.execute("mem 0xc0000000 0 ro cache")
    gdb.execute("set dcache line-size 1024")
    gdb.execute("set dcache size 16384")
    gdb.execute(f"target remote {link}", to_string=True)
    if os.environ["OCTAVO_REGISTERS"] == "none":
        paging.set_registers_from_kernel()


def run(commands):
    """Each command as it would be typed behind `octavo`. What one cannot say ends it, not the
    others. True when all went well."""
    well = True
    for command in commands:
        try:
            gdb.execute("octavo " + command)
        except gdb.error as error:
            gdb.flush()
            print(f"inspect: {command}: {error}", file=sys.stderr, flush=True)
            well = False
    return well


connect(os.environ["OCTAVO_DUMP"])
if "OCTAVO_COMMANDS" in os.environ:
    # The dump must not be killed as a process would be.
    good = run(os.environ["OCTAVO_COMMANDS"].split("\n"))
    gdb.execute("disconnect")
    gdb.execute("quit 0" if good else "quit 1")
