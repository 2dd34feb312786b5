#!/usr/bin/env python3
"""A panic while all other CPUs look at the timer: they are stopped amid that, and the machine must
come to its end nevertheless. It has no port that ends an emulator at once, as no real one has, and
no ACPI: the end is a line on the screen."""
import ctypes
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests"))

from tap import finish, like, ok  # noqa: E402

MACHINES = 4  # not each time is one stopped just there
CPUS = 8
LAST = "It is now safe to switch off"
SCREEN = 0xB8000
KERNEL = ROOT / "build/kernel.elf"
PROGRAMS = ROOT / "build/user"
# Without a counter of its own a CPU asks the timer for the time of each event.
QEMU = ["qemu-system-i386", "-m", "64", "-machine", "pc,acpi=off",
        "-smp", f"{CPUS},sockets={CPUS}", "-cpu", "qemu32,-tsc", "-display", "none", "-no-reboot",
        "-net", "none", "-monitor", "none", "-serial", "stdio"]


def end_with_us():
    """In the emulator's process: nothing may leave it behind, not even SIGKILL."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Machine:
    def __init__(self, folder):
        self.qmp, self.saved = os.path.join(folder, "qmp"), os.path.join(folder, "saved")
        many = os.path.join(folder, "many")
        Path(many).write_text("stress 100 &\n" * CPUS + "wait\n")
        modules = [f"{PROGRAMS}/{name} path=/bin/{name}" for name in ("sh", "stress")]
        self.process = subprocess.Popen(
            QEMU + ["-kernel", str(KERNEL), "-append", 'trace=all run="sh /many"', "-initrd",
                    ",".join(modules + [f"{many} path=/many"]),
                    "-qmp", f"unix:{self.qmp},server=on,wait=off"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, preexec_fn=end_with_us)
        self.text = ""
        self.link = None

    def read_until(self, pattern, seconds, times=1):
        """All that COM1 has said so far."""
        end = time.monotonic() + seconds
        output = self.process.stdout.fileno()
        while len(re.findall(pattern, self.text, re.MULTILINE)) < times:
            left = end - time.monotonic()
            if left <= 0 or not select.select([output], [], [], left)[0]:
                break
            data = os.read(output, 65536)
            if not data:
                break
            self.text += data.decode(errors="replace").replace("\r", "")
        return self.text

    def ask(self, command, **arguments):
        """Over one link to QEMU, for as long as the machine is there."""
        if self.link is None:
            self.link = socket.socket(socket.AF_UNIX)
            self.link.settimeout(60)
            self.link.connect(self.qmp)
            self.stream = self.link.makefile("rw")
            self.stream.readline()
            self.ask("qmp_capabilities")
        self.stream.write(json.dumps({"execute": command, "arguments": arguments}))
        self.stream.flush()
        answer = "event"
        while answer and '"return"' not in answer:
            answer = self.stream.readline()

    def screen(self):
        self.ask("pmemsave", val=SCREEN, size=4000, filename=self.saved)
        return Path(self.saved).read_bytes()[::2].decode("cp437")


def panic(machine):
    """What the screen shows when the machine had time to come to its end."""
    machine.read_until(r"^stress: seed", 60, CPUS)
    time.sleep(1)
    machine.ask("inject-nmi")  # goes to the first CPU
    like("it panics", machine.read_until(r"^octavo: exit status=1 kind=panic\n", 60),
         rf"^cpu: {CPUS} run$", r"^panic: non-maskable interrupt", r"^octavo: exit status=1 ")
    end = time.monotonic() + 60
    while time.monotonic() < end and LAST not in machine.screen():
        time.sleep(0.2)
    return machine.screen()


def main():
    for _ in range(MACHINES):
        with tempfile.TemporaryDirectory() as folder:
            machine = Machine(folder)
            try:
                screen = panic(machine)
                ok(LAST in screen, "and comes to the end", screen)
            finally:
                machine.process.kill()
                machine.process.wait()
    return finish()


sys.exit(main())
