#!/usr/bin/env python3
"""A panic while all other CPUs look at the timer: they are stopped amid that, and the machine must
come to its end nevertheless. It has no port that ends an emulator at once, as no real one has, and
no ACPI: the end is a line on the screen."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "loader"))
from harness import *

MACHINES = 4  # not each time is one stopped just there
CPUS = 8
LAST = "It is now safe to switch off"
SCREEN, SCREEN_BYTES = 0xB8000, 4000
PROGRAMS = os.path.join(ROOT, "build", "user")


class Endless(Machine):
    end = []


def start():
    # Without a counter of its own a CPU asks the timer for the time of each event.
    modules = ["%s/%s path=/bin/%s" % (PROGRAMS, name, name) for name in ("sh", "stress")]
    many = write("many", b"stress 100 &\n" * CPUS + b"wait\n")
    return Endless("-m", "64", "-machine", "pc,acpi=off", "-smp", "%d,sockets=%d" % (CPUS, CPUS),
                   "-cpu", "qemu32,-tsc", "-kernel", os.path.join(ROOT, "build", "kernel.elf"),
                   "-append", 'trace=all run="sh /many"',
                   "-initrd", ",".join(modules + [many + " path=/many"]))


def screen(machine):
    return machine.memory(SCREEN, SCREEN_BYTES)[::2].decode("cp437")


for _ in range(MACHINES):
    @case("a panic comes to the end, wherever the other CPUs are")
    def _():
        machine = start()
        machine.expect(r"(?s)\ncpu: %d run(.*\nstress: seed){%d}" % (CPUS, CPUS), 60)
        time.sleep(1)
        machine.monitor("nmi")  # goes to the first CPU
        machine.expect(r"(?s)\npanic: non-maskable interrupt.*\noctavo: exit status=1 ", 60)
        end = time.monotonic() + 60
        while LAST not in screen(machine) and time.monotonic() < end:
            time.sleep(0.2)
        contains(screen(machine), LAST)
        machine.kill()


finish()
