"""programs.py - symbols of and breakpoints in the programs of ring 3.

All programs lie at the same addresses, so that gdb can know one at a time: at each stop the symbols
are those of the program whose process runs. They come from build/user/NAME.elf, which has what the
file on the floppy lacks.

A breakpoint is an address to QEMU, in whatever space: no byte of memory is changed, so no page of a
file or of a fork's other side can be spoilt, and the page need not be there yet. But it stops every
program, so each hit is looked at here and all but the program's own are let go on.
"""
import os
from pathlib import Path

import gdb

import tasks
from commands import command
from stops import at_stop

KERNEL_START = 0xC0000000


class Programs:
    def __init__(self):
        self.folder = Path(__file__).resolve().parent.parent.parent / "build/user"
        self.files = {}     # by name: what `octavo user FILE` said
        self.loaded = None  # whose symbols gdb has
        self.file = None

    def symbols_of(self, name):
        """The file with a program's symbols, or None."""
        file = self.files.get(name, self.folder / f"{name}.elf")
        return file if file.exists() else None

    def load(self, name):
        """Makes gdb know the symbols of this program and of no other. None: of none."""
        if name == self.loaded:
            return
        if self.file:
            gdb.execute(f"remove-symbol-file {self.file}", to_string=True)
        self.loaded, self.file = name, name and self.symbols_of(name)
        if self.file:
            gdb.execute(f"add-symbol-file {self.file}", to_string=True)


programs = Programs()


def name_of(process):
    """The name of the file that it runs; None: it is no program's."""
    path = process["path"].string()
    return os.path.basename(path) if path and process["space"] else None


def running_program():
    task = tasks.running()
    return name_of(task["process"]) if task and task["process"] else None


@at_stop
def follow():
    programs.load(running_program())


class Symbols:
    """`with Symbols(NAME):` gdb knows that program, then again the one that runs."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.before = programs.loaded
        programs.load(self.name)
        if not programs.file:
            programs.load(self.before)
            raise gdb.GdbError(f"there is no {programs.symbols_of(self.name) or self.name} with "
                               "symbols; octavo user FILE names one")

    def __exit__(self, *_error):
        programs.load(self.before)


def address_of(place):
    """Where a function or FILE:LINE is in the program whose symbols are loaded."""
    objfile = gdb.lookup_objfile(str(programs.file))
    symbol = objfile.lookup_global_symbol(place) or objfile.lookup_static_symbol(place)
    if symbol and symbol.type.code == gdb.TYPE_CODE_FUNC:
        return int(symbol.value().address)
    try:
        _, found = gdb.decode_line(place)
    except gdb.error:
        found = None
    if not found or found[0].pc >= KERNEL_START:
        raise gdb.GdbError(f"{programs.loaded} has no {place}")
    return found[0].pc


class ProgramBreakpoint(gdb.Breakpoint):
    """Stops in one program; with a process number, in that process and what it forks."""

    def __init__(self, program, place, family):
        with Symbols(program):
            super().__init__(f"*{address_of(place):#x}")
        self.program, self.family = program, family

    def stop(self):
        if running_program() != self.program:
            return False
        process = tasks.running()["process"]
        return self.family is None or self.family in tasks.ancestry(process)


@command("user", "octavo user [PROGRAM|FILE]: whose symbols gdb has, or is to have.\n"
         "Those of the program that runs come by themselves at each stop. A FILE is remembered\n"
         "for the program of its name.",
         needs_kernel=False)
def _user(argument):
    file = Path(argument)
    if argument and file.exists() and not file.is_dir():
        programs.files[file.stem] = file.resolve()
        programs.load(None)
        argument = file.stem
    if argument:
        programs.load(argument)
    if not programs.loaded:
        print("no program runs at this stop")
    elif programs.file:
        print(f"{programs.loaded}: symbols of {os.path.relpath(programs.file)}")
    else:
        print(f"{programs.loaded}: there is no file with its symbols")


@command("break", "octavo break PROGRAM:PLACE [PID]: a breakpoint in a program.\n"
         "PLACE is a function or FILE:LINE. It stops in all processes of that program, or in one\n"
         "and those that it forks. The program need not run yet.", needs_kernel=False)
def _break(argument):
    place, _, family = argument.partition(" ")
    program, colon, place = place.partition(":")
    if not colon:
        raise gdb.GdbError("octavo break PROGRAM:PLACE [PID], such as octavo break sh:main")
    family = None if family.strip() in ("", "all") else int(family)
    ProgramBreakpoint(program, place, family)
