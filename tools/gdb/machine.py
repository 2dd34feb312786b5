"""machine.py - the machine: QEMU behind gdb.

A PC starts in real mode, where gdb must disassemble 16-bit code, and goes on in protected mode;
after each stop the architecture is set to fit.
"""
import atexit
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import gdb

import stops

sys.path.append(str(Path(__file__).resolve().parent.parent / "bochs"))
from image import image_with  # noqa: E402

# Seconds until QEMU must answer.
PATIENCE = 60


def end_with_gdb():
    """In QEMU before it starts: control-C at gdb is not for it, but gdb's end is."""
    os.setsid()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Machine:
    """QEMU, with a folder of its own. COM1 is its standard input, and prints to a file: that never
    makes the machine wait, whatever gdb is doing."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="octavo-")
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.console = self.folder + "/console"
        self.shown = 0
        self.real_mode = False
        self.qemu = None

    def start(self, image, words, memory, cpu, cpus):
        """The image, with more words on the kernel's command line."""
        if words:
            image = image_with(words, self.folder, image)
        self.launch(
            ["qemu-system-i386", "-display", "none", "-monitor", "none", "-net", "none",
             "-no-reboot", "-m", memory, "-cpu", cpu, "-smp", cpus,
             "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
             "-drive", f"file={image},if=floppy,format=raw,snapshot=on", "-boot", "a",
             "-chardev", "stdio,id=com1,signal=off", "-serial", "chardev:com1"])

    def launch(self, command):
        """Starts QEMU, stopped, and connects gdb to it."""
        link = self.folder + "/gdb"
        self.qemu = subprocess.Popen(
            command + ["-S", "-gdb", f"unix:{link},server=on,wait=off"], stdin=subprocess.PIPE,
            stdout=open(self.console, "wb"), preexec_fn=end_with_gdb)
        atexit.register(self.qemu.kill)
        self.attach(link)
        self.write_description()
        stops.actions.insert(0, self.follow_mode)  # the others want to know the mode
        self.follow_mode()

    def attach(self, link):
        """The socket has a name before QEMU listens on it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                gdb.execute("target remote " + link)
                return
            except gdb.error:
                if self.qemu.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def write_description(self):
        """What QEMU says of its registers, with the architecture's name exchanged."""
        text = gdb.execute("maintenance print xml-tdesc", to_string=True)
        text = re.sub(r"<architecture>.*?<", "<architecture>i8086<", text)
        self.description = self.folder + "/i8086.xml"
        with open(self.description, "w") as file:
            file.write(text)

    def follow_mode(self):
        """Keeps gdb's idea of the instruction set in step with the CPU's mode: QEMU calls the
        machine an i386 throughout."""
        real = not int(gdb.parse_and_eval("(unsigned) $cr0")) & 1
        if real != self.real_mode:
            # The name of the kernel's own architecture stands against that of the description.
            gdb.execute("set architecture auto", to_string=True)
            command = f"set tdesc filename {self.description}" if real else "unset tdesc filename"
            gdb.execute(command, to_string=True)
            gdb.execute("set architecture " + ("i8086" if real else "i386"), to_string=True)
        self.real_mode = real

    def need_machine(self):
        if self.qemu is None:
            raise gdb.GdbError("there is no machine: octavo connect starts one")

    def type(self, line):
        self.need_machine()
        try:
            self.qemu.stdin.write(line.encode() + b"\r")
            self.qemu.stdin.flush()
        except OSError:
            raise gdb.GdbError("the machine has ended") from None

    def freeze_output(self):
        """What was printed so far is all there will be, though the machine may do it all again."""
        self.console = shutil.copyfile(self.console, self.console + "-then")

    def new_output(self):
        self.need_machine()
        with open(self.console, "rb") as file:
            file.seek(self.shown)
            fresh = file.read()
        self.shown += len(fresh)
        return fresh.decode(errors="replace").replace("\r", "")


machine = Machine()
