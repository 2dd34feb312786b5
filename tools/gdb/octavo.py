"""octavo.py - gdb's `octavo` commands.

Each is a line or two: machine.py has QEMU, kernel.py reads the kernel's structures, tables.py
prints them as the monitor does.
"""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import kernel
import tables
from commands import command
from machine import machine

import here, programs, stacks, tasks, why  # noqa: commands of their own


@command("zones", "The zones of physical memory, as the monitor's `zones` prints them.")
def _zones(_argument):
    tables.print_zones()


@command("buddyinfo", "Free chunks by order, as the monitor's `buddyinfo` prints them.")
def _buddyinfo(_argument):
    tables.print_buddyinfo()


@command("free", "octavo free [ORDER]: the free chunks of one order, or of all, one line each.")
def _free(argument):
    orders = [int(argument)] if argument else range(kernel.MAX_ORDER + 1)
    for order in orders:
        tables.print_free(order)


@command("slabs", "The caches of objects, as the monitor's `slabinfo` prints them.")
def _slabs(_argument):
    tables.print_slabinfo()


@command("owners", "Who owns how many frames, as the monitor's `owners` prints it.")
def _owners(_argument):
    tables.print_owners()


@command("frame", "octavo frame PFN: the whole story of one frame, as the monitor prints it.")
def _frame(argument):
    tables.print_frame(kernel.number(argument))


@command("walk", "octavo walk ADDRESS [SPACE]: the page tables' way from an address to memory, in "
         "the space that the CPU uses now or in another, as the monitor prints it.")
def _walk(argument):
    address, *space = argument.split(None, 1)
    table = kernel.number(f"({space[0]})->directory_at" if space else "(unsigned) $cr3")
    tables.print_walk(kernel.number(f"(unsigned) ({address})"), table & ~tables.CR3_FLAGS)


@command("connect", "octavo connect: starts QEMU on build/monitor.img, stopped at reset. The "
         "environment's OCTAVO_IMAGE, OCTAVO_MEMORY and OCTAVO_CPU choose otherwise.",
         needs_kernel=False)
def _connect(_argument):
    machine.start(os.environ.get("OCTAVO_IMAGE", "build/monitor.img"),
                  os.environ.get("OCTAVO_MEMORY", "64M"), os.environ.get("OCTAVO_CPU", "qemu32"))
    print("QEMU waits at reset; `continue` starts the machine. `octavo console` shows what it has\n"
          "printed since you last asked, `octavo type LINE` types a line on COM1.")


@command("type", "octavo type LINE: types a line on COM1.", needs_kernel=False)
def _type(argument):
    machine.type(argument)


@command("console", "What the machine printed on COM1 since the last time.", needs_kernel=False)
def _console(_argument):
    print(machine.new_output(), end="")
