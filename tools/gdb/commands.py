"""commands.py - how a Python function becomes a command of gdb.

Any file beside this one can add commands: `from commands import command`, and an import of the file
in octavo.py.
"""
import gdb

from kernel import number


class Prefix(gdb.Command):
    """What the kernel keeps, read at any stop: octavo zones, buddyinfo, free, slabs, owners, frame,
walk.
And the machine: octavo connect, type, console."""

    def __init__(self):
        super().__init__("octavo", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)


def command(name, text, needs_kernel=True):
    """Makes `octavo NAME ARGUMENT` call the function below it."""

    def make(function):
        class Command(gdb.Command):
            __doc__ = text

            def invoke(self, argument, _from_tty):
                if needs_kernel and not number("mm_block_count"):
                    raise gdb.GdbError("the memory manager is not up yet (or not here any more)")
                function(argument)

        Command("octavo " + name, gdb.COMMAND_DATA)
        return function

    return make


Prefix()
