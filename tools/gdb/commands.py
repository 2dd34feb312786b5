"""commands.py - how a Python function becomes a command of gdb.

Any file beside this one can add commands: `from commands import command`, and an import of the file
in octavo.py.
"""
import gdb

from kernel import number


class Prefix(gdb.Command):
    """What the kernel keeps, read at any stop, in the words of the monitor's commands of these names:
octavo mmap, zones, buddyinfo, freelist, owners, slabinfo, slab, frame; owner and walk for an address;
ps, vmas, maps, pt for programs; log; and dump, all tables in one.
And the machine: octavo connect, type, console."""

    def __init__(self):
        super().__init__("octavo", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)


def kernel_is_up():
    try:
        return number("mm_block_count") != 0
    except gdb.MemoryError:
        return False


def command(name, text, needs_kernel=True):
    """Makes `octavo NAME ARGUMENT` call the function below it."""

    def make(function):
        class Command(gdb.Command):
            __doc__ = text

            def invoke(self, argument, _from_tty):
                if needs_kernel and not kernel_is_up():
                    raise gdb.GdbError("the memory manager is not up yet (or not here any more)")
                function(argument)

        Command("octavo " + name, gdb.COMMAND_DATA)
        return function

    return make


Prefix()
