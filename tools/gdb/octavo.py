"""octavo.py - gdb's `octavo` commands.

Each is a few lines: machine.py has QEMU, kernel.py reads the kernel's structures; tables.py,
paging.py and spaces.py print them as the monitor's commands of the same names do, word for word.
"""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import kernel
import paging
import spaces
import tables
import tasks
from commands import command
from machine import machine

import here, programs, rewind, stacks, tracing, why  # noqa: commands of their own


def numbers(argument):
    """The values of words that gdb can work out; the last may hold blanks."""
    return [kernel.number(f"(unsigned) ({word})") for word in argument.split()]


# --- Tables of memory -----------------------------------------------------------------------------


@command("mmap", "The firmware's memory map and what became of it.")
def _mmap(_argument):
    tables.print_mmap()


@command("zones", "The zones of physical memory.")
def _zones(_argument):
    tables.print_zones()


@command("buddyinfo", "Free chunks by order.")
def _buddyinfo(_argument):
    tables.print_buddyinfo()


@command("freelist", "octavo freelist [ORDER]: the free chunks of one order, or of all.")
def _freelist(argument):
    tables.print_freelist(*([order] for order in numbers(argument)))


@command("slabs", "The same as slabinfo.")
@command("slabinfo", "The caches of objects.")
def _slabinfo(_argument):
    tables.print_slabinfo()


@command("slab", "octavo slab NAME: the slabs of a cache; # is an object in use.")
def _slab(argument):
    tables.print_slab(argument)


@command("owners", "Who owns how many frames.")
def _owners(_argument):
    tables.print_owners()


@command("frame", "octavo frame PFN: the whole story of one frame.")
def _frame(argument):
    tables.print_frame(kernel.number(argument))


@command("log", "The kernel's messages since the start.")
def _log(_argument):
    tables.print_log()


# --- Programs and addresses -----------------------------------------------------------------------


def per_process(name, text, show):
    """A command about the process whose number is given; the one that runs without one."""

    @command(name, f"octavo {name} [PID]: {text}")
    def _show(argument):
        space = spaces.space_of(argument.split() or ["tlb_cpus[0].active"])
        if space is None:
            print("It has no memory any more.")
        else:
            show(space)


per_process("vmas", "the areas of a process, with the kernel's flags.", spaces.print_areas)
per_process("maps", "the areas, as /proc/PID/maps shows them.", spaces.print_maps)
per_process("pt", "the page tables of a process.", paging.print_tables)


@command("walk", "octavo walk ADDRESS [PID]: the page tables' way from an address to memory, in "
         "the space that the CPU uses now or in that of a process (or `struct address_space *`).")
def _walk(argument):
    address, *space = argument.split(None, 1)
    paging.print_walk(kernel.number(f"(unsigned) ({address})"), spaces.space_of(space))


@command("owner", "octavo owner ADDRESS [PID]: who has what is there: area, frame, object.")
def _owner(argument):
    address, *space = argument.split(None, 1)
    spaces.print_owner(kernel.number(f"(unsigned) ({address})"), spaces.space_of(space))


@command("dump", "All tables of memory in one.")
def _dump(_argument):
    for name, show in (("mmap", tables.print_mmap), ("zones", tables.print_zones),
                       ("buddyinfo", tables.print_buddyinfo),
                       ("freelist", tables.print_freelist), ("owners", tables.print_owners),
                       ("slabinfo", tables.print_slabinfo)):
        print("# " + name)
        show()
    for process in tasks.processes():
        if process["space"]:
            print("# vmas %d" % process["pid"])
            spaces.print_areas(process["space"].dereference())
            print("# pt %d" % process["pid"])
            paging.print_tables(process["space"].dereference())


# --- The machine ----------------------------------------------------------------------------------


@command("connect", "octavo connect: starts QEMU on build/monitor.img, stopped at reset. The "
         "environment's OCTAVO_IMAGE, OCTAVO_MEMORY, OCTAVO_CPUS (how many) and OCTAVO_CPU (which) choose\n"
         "otherwise, OCTAVO_CMDLINE has more words for the kernel.",
         needs_kernel=False)
def _connect(_argument):
    machine.start(os.environ.get("OCTAVO_IMAGE", "build/monitor.img"),
                  os.environ.get("OCTAVO_CMDLINE", "").strip(),
                  os.environ.get("OCTAVO_MEMORY", "64M"), os.environ.get("OCTAVO_CPU", "qemu32"),
                  os.environ.get("OCTAVO_CPUS", "1"))
    print("QEMU waits at reset; `continue` starts the machine. `octavo console` shows what it has\n"
          "printed since you last asked, `octavo type LINE` types a line on COM1.")


@command("type", "octavo type LINE: types a line on COM1.", needs_kernel=False)
def _type(argument):
    machine.type(argument)


@command("console", "What the machine printed on COM1 since the last time.", needs_kernel=False)
def _console(_argument):
    print(machine.new_output(), end="")
