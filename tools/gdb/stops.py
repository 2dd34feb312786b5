"""stops.py - what is brought up to date at each stop, before gdb says where it is.

gdb's own event for a stop comes after it has printed the place; a hook of the command `stop` comes
before, when the symbols that the place needs can still be had.
"""
import gdb

actions = []


def at_stop(function):
    """Has the function called at each stop, in the order of their registration. What is not there
    yet, such as a kernel, is no error."""
    actions.append(function)
    return function


def run():
    for action in actions:
        try:
            action()
        except (gdb.error, gdb.MemoryError):
            pass


gdb.execute("define hook-stop\npython import stops; stops.run()\nend")
