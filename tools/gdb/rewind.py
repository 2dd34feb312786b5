"""rewind.py - a recorded run (tools/rewind), forwards and backwards.

QEMU replays the run: the same instructions with the same input, counted from 0. To go back it goes
to a snapshot before and on from there, so snapshots are taken on the first way to the end, closer
to each other than one cares to wait; when there are many, each second one is dropped.

    0 ------s------s------s------s------s--- end        replay runs from left to right
                          '----------> now -'           a step back: from the snapshot on, one less

Going back is gdb's own: reverse-stepi, reverse-continue... Here are the way to the end, the place
in time, and the question that a reader of a corrupted word has: who wrote it last?
"""
import json
import os
import re
from pathlib import Path

import gdb

import stops
from commands import command, expression_and_number
from kernel import DIRECT_BASE, number, read
from machine import PATIENCE, machine
from memory import CR3_FLAGS, Tables, read_physical
from places import KERNEL_START

SPACING = 4 << 20  # instructions between two snapshots, at first
SNAPSHOTS_MAX = 32
INTERRUPTED = b"T02"  # how QEMU tells of the end of its own accord


def ask_qemu(words):
    return gdb.execute("monitor " + words, to_string=True)


def packet(text):
    """Says something to QEMU without gdb's knowing, who would tell of each stop on the way, and
    stop at the breakpoints of its user."""
    return gdb.selected_inferior().connection.send_packet(text)


def look_again():
    """Has gdb forget what it knew of the machine."""
    gdb.execute("maintenance flush register-cache", to_string=True)
    gdb.execute("maintenance flush dcache", to_string=True)
    stops.run()


class Recording:
    def __init__(self):
        self.folder = None
        self.end = None
        self.backwards = False
        self.snapshots = {0: "start"}

    def open(self, folder):
        self.folder = Path(folder)
        if not all((self.folder / name).exists() for name in ("recording.json", "log")):
            raise gdb.GdbError(f"{folder} has no recording: make rewind makes one")
        self.about = json.loads((self.folder / "recording.json").read_text())
        words = [word.replace("rr=MODE", "rr=replay") for word in self.about["qemu"]]
        gdb.execute(f"set remotetimeout {PATIENCE}")
        machine.launch(words)
        self.run_to_end()
        machine.freeze_output()

    @staticmethod
    def now():
        """Instructions since the start."""
        return int(re.search(r"= (\d+)", ask_qemu("info replay"))[1])

    def run_to_end(self):
        """To the end of the run, with snapshots on the way."""
        known, spacing = self.about["end"], SPACING
        switch_off = f"0,{number('(unsigned) &power_off'):x},1"
        packet("Z" + switch_off)
        while self.run_until(min(known or 1 << 62, self.now() + spacing)) and self.now() != known:
            self.snapshot()
            if len(self.snapshots) > SNAPSHOTS_MAX:
                spacing *= 2
                self.thin_out()
        packet("z" + switch_off)
        self.end = self.now()
        look_again()

    @staticmethod
    def run_until(instruction):
        """False when something else stopped it before."""
        ask_qemu(f"replay_break {instruction}")
        reached = packet("vCont;c").startswith(INTERRUPTED)
        ask_qemu("replay_delete_break")
        return reached

    def snapshot(self):
        at = self.now()
        self.snapshots[at] = f"at-{at}"
        ask_qemu("savevm " + self.snapshots[at])

    def thin_out(self):
        for at in sorted(self.snapshots)[1::2]:
            ask_qemu("delvm " + self.snapshots.pop(at))

    def go_to(self, instruction):
        if not 0 <= instruction <= self.end:
            raise gdb.GdbError(f"the run has instructions 0 to {self.end}")
        start = max(at for at in self.snapshots if at <= instruction)
        if not start <= self.now() <= instruction:
            ask_qemu("loadvm " + self.snapshots[start])
        if self.now() < instruction:
            self.run_until(instruction)
        look_again()


recording = Recording()


@stops.at_stop
def stop_at_end():
    """QEMU ends with the log: the next `continue` is to stop before that."""
    if recording.end and recording.now() < recording.end:
        ask_qemu(f"replay_break {recording.end}")


def refuse_to_go_on(backwards):
    """Asked before each command that runs the machine; one that goes back does so by the one that
    goes on."""
    was_backwards, recording.backwards = recording.backwards, backwards
    at_end = recording.end and recording.now() >= recording.end
    if at_end and not backwards and not was_backwards:
        raise gdb.GdbError("The recording ends here; reverse-continue and its like go back.")


class Going(gdb.Command):
    """Asked by hooks of gdb's commands: an error where a recorded run ends."""

    def __init__(self):
        super().__init__("octavo-going", gdb.COMMAND_OBSCURE)

    def invoke(self, argument, _from_tty):
        refuse_to_go_on(argument == "back")


Going()
for way, names in (("on", ("continue", "step", "next", "stepi", "nexti", "finish", "until")),
                   ("back", ("reverse-continue", "reverse-step", "reverse-next", "reverse-stepi",
                             "reverse-nexti", "reverse-finish"))):
    for name in names:
        gdb.execute(f"define hook-{name}\noctavo-going {way}\nend")


# --- Who wrote it last ----------------------------------------------------------------------------


class Bytes:
    """The bytes that somebody wrote, as the program or the kernel sees them now."""

    def __init__(self, address, size):
        self.address, self.size = address, size
        self.directory = self.current_directory()
        found = Tables(self.directory).walk(address)
        self.physical = found.physical if found.present else None

    @staticmethod
    def current_directory():
        return number("(unsigned) $cr3") & ~CR3_FLAGS

    def places(self):
        """Where a write to them may go. A page of a program's is filled by the kernel through the
        direct map before the program has it."""
        yield self.address
        if self.address < KERNEL_START and self.physical is not None:
            yield DIRECT_BASE + self.physical

    def content(self):
        if self.physical is None:
            return read(self.address, self.size)
        return read_physical(self.physical, self.size)

    def is_ours(self):
        """Whether the program's address means the same to the CPU now."""
        return self.address >= KERNEL_START or self.current_directory() == self.directory


def back_to_write(wanted):
    """To the instruction that last wrote there. What the bytes were behind it; None: nobody wrote
    there, and this is the start."""
    for place in wanted.places():
        packet(f"Z2,{place:x},{wanted.size:x}")
    written = None
    while recording.now() and written is None:
        packet("bc")
        look_again()
        if recording.now():
            written, ours = wanted.content(), wanted.is_ours()
            packet("bs")
            look_again()
            if not ours and wanted.content() == written:
                written = None  # another program's address
    for place in wanted.places():
        packet(f"z2,{place:x},{wanted.size:x}")
    return written


def hexadecimal(data):
    return f"0x{int.from_bytes(data, 'little'):0{2 * len(data)}x}"


def last_write(address, size):
    before, wanted = recording.now(), Bytes(address, size)
    written = back_to_write(wanted)
    if written is None:
        print(f"0x{address:08x} was not written by the CPU before, in this run.")
        return
    print(f"0x{address:08x} became {hexadecimal(written)}, from {hexadecimal(wanted.content())}, "
          f"{before - recording.now()} instructions earlier, at {recording.now()}:")
    gdb.execute("x/i $pc")
    gdb.execute("bt")


# --- Commands -------------------------------------------------------------------------------------


def need_recording():
    if not recording.end:
        raise gdb.GdbError("there is no recorded run here (make rewind)")


@command("rewind", "octavo rewind [FOLDER]: goes to the end of a recorded run (tools/rewind).",
         needs_kernel=False)
def _rewind(argument):
    recording.open(argument or os.environ.get("OCTAVO_RECORDING", "build/rewind"))
    print(f"This is the end of the run, after {recording.end} instructions.")
    gdb.execute("frame")
    print("octavo last-write ADDRESS goes back to where that was written last; reverse-step,\n"
          "reverse-finish, reverse-continue to a breakpoint or watchpoint go back, too. octavo\n"
          "console shows what the machine printed, octavo goto N goes to an instruction.")


@command("goto", "octavo goto [N]: in a recorded run, to the place after N instructions.\n"
         "start and end are names for the first and the last; without N it says where this is.",
         needs_kernel=False)
def _goto(argument):
    need_recording()
    if argument:
        names = {"start": 0, "end": recording.end}
        recording.go_to(names[argument] if argument in names else number(argument))
        gdb.execute("frame")
    print(f"after {recording.now()} of {recording.end} instructions")


@command("last-write", "octavo last-write ADDRESS [SIZE]: back to who wrote there last.\n"
         "In a recorded run, to the instruction that wrote to the 1, 2 or 4 bytes (1 if not said)\n"
         "there, with the calls that led to it.", needs_kernel=False)
def _last_write(argument):
    need_recording()
    expression, size = expression_and_number(argument)
    if size not in (None, "1", "2", "4"):
        raise gdb.GdbError("1, 2 or 4 bytes")
    last_write(number(f"(unsigned) ({expression})") & 0xFFFFFFFF, int(size or 1))
