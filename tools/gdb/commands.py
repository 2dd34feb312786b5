"""commands.py - how a Python function becomes a command of gdb.

Any file beside this one can add commands: `from commands import command`, and an import of the file
in octavo.py.
"""
import re

import gdb

from kernel import number


# What reading a kernel whose memory is damaged may end in.
DAMAGE = (ArithmeticError, LookupError, MemoryError)


class Prefix(gdb.Command):
    """What the kernel keeps, read at any stop, in the words of the monitor's commands of these
names: octavo mmap, zones, buddyinfo, freelist, owners, slabinfo, slab, frame; owner and walk for an
address; ps, vmas, maps, pt for programs; log; and dump, all tables in one.
And the machine: octavo connect, type, console."""

    def __init__(self):
        super().__init__("octavo", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)


def need_kernel():
    if not number("mm_block_count"):
        raise gdb.GdbError("the memory manager is not up yet (or not here any more)")


def expression_and_number(argument):
    """`EXPRESSION [N]` in two: with blanks in the expression, N is what no operator stands before.
    N is None when there is none."""
    found = re.fullmatch(r"(.*[\w)\]])\s+(\d+)\s*", argument)
    return (found[1], found[2]) if found else (argument, None)


def command(name, text, needs_kernel=True):
    """Makes `octavo NAME ARGUMENT` call the function below it. The text says how it is used: a word
    in capitals behind the name must be there."""
    needs_argument = re.match(rf"octavo {name} [A-Z]", text)

    def make(function):
        class Command(gdb.Command):
            __doc__ = text

            def invoke(self, argument, _from_tty):
                if needs_argument and not argument.strip():
                    raise gdb.GdbError(text)
                try:
                    if needs_kernel:
                        need_kernel()
                    function(argument)
                except gdb.error as error:
                    raise gdb.GdbError(str(error)) from None
                except UnicodeError:
                    raise gdb.GdbError("what should be a name there is none") from None
                except ValueError:  # words are missing, or too many
                    raise gdb.GdbError(text) from None
                except DAMAGE as error:
                    raise gdb.GdbError("what the kernel has there makes no sense "
                                       f"({type(error).__name__}: {error})") from None

        Command("octavo " + name, gdb.COMMAND_DATA)
        return function

    return make


Prefix()
