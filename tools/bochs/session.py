"""session.py - the user's side: where to stop, what to show there, and the commands."""
import re
import readline
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

import stages
from dumps import core
from machine import Bochs
from names import STAGES, Names
from stub import Gdb

HELP = """\
Bochs' own commands (help), and:
  octavo break NAME,... [if C EXPRESSION]
                               stop at functions of the kernel, stages of the start (sector0, stage2,
                               pmode, entry, ready), functions of a program (PROGRAM:FUNCTION),
                               labels of the boot sectors, lines (mm/buddy.c:98)
  octavo until NAME,... [if C EXPRESSION]
                               run to one of them, once
  octavo here                  the structures at hand at this stop
  octavo type LINE             type a line on the machine's serial port
  octavo save FILE             the memory that is mapped, for tools/inspect (docs/inspecting.md)
  octavo screen                the machine's text screen
  octavo COMMAND               what tools/gdb knows of the kernel: octavo zones, frame, walk, ...
  gdb COMMAND                  any command of gdb: gdb backtrace, gdb list, gdb print *zone, gdb next
While the machine runs, the terminal is its console. ^C stops it."""


KERNEL = 0xC0000000  # where it runs once paging is on


class Session:
    def __init__(self, options, events):
        self.names = Names()
        self.bochs = Bochs(options, events)
        self.gdb = Gdb(self.bochs)
        self.stages = set(STAGES)  # the marks to stop at
        self.named_stages = set()  # those that were asked for
        self.places = {}           # number of a breakpoint -> name
        self.conditions = {}       # number of a breakpoint -> what gdb must find true
        self.asked = 0

    def load(self, program):
        """Has Bochs itself know a program's names: lb "brk_step" then works as well."""
        file = self.bochs.folder / (program + ".sym")
        file.write_text("".join(f"{address:08x} {name}\n"
                                for address, name in self.names.program(program).pairs))
        self.bochs.ask(f'ldsym global "{file}"')

    # --- Where to stop ---

    def addresses(self, name):
        """Linear addresses of a function, and the condition under which it is the one meant."""
        program, _, function = name.rpartition(":")
        table = self.names.program(program)
        if table:
            return table.find(function), self.runs(program)
        return (self.names.kernel.find(name) or self.names.boot.find(name)
                or self.addresses_by_gdb(name)), ""

    def addresses_by_gdb(self, name):
        """Of a function of the kernel that was compiled into others, or of FILE:LINE."""
        if not re.fullmatch(r"[\w./]+(:\w+)?", name):
            return []
        text = self.gdb.ask(f"octavo places {name}")
        return [int(word, 16) for word in text.split() if word.startswith("0x")]

    def runs(self, program):
        """Bochs' expression for: this program is running. The name of the running process, with
        the zero at its end, is compared four bytes at a time."""
        offset = re.findall(r"0x[0-9a-f]+", self.gdb.ask(
            "printf \"%#x %#x %#x\", &boot_cpu.task, (long) &((struct task *) 0)->process, "
            "(long) ((struct process *) 0)->name"))
        running, process, name = (int(word, 16) for word in offset)
        text = program.encode()[:15] + b"\0"
        words = []
        for at in range(0, len(text), 4):
            piece = text[at:at + 4]
            words.append(f"(((*(*(*{running:#x} + {process}) + {name + at})) "
                         f"& {(1 << 8 * len(piece)) - 1:#x}) "
                         f"== {int.from_bytes(piece, 'little'):#x})")
        return " * ".join(words)

    def stop_at(self, names, condition="", told=True):
        """Sets breakpoints; returns what is wrong with the names, "" when nothing is."""
        for name in names:
            if name in STAGES:
                self.stages.add(name)
                self.named_stages.add(name)
                continue
            found, running = self.addresses(name)
            if not found:
                near = ", ".join(self.names.near(name))
                return f"no function or stage is called '{name}'" + (near and f"; near: {near}")
            for address in found:
                number = self.bochs.breakpoint(address, running)
                if number is None:
                    return f"Bochs has no room for a breakpoint at '{name}'; d deletes others"
                self.places[number] = name
                if condition:
                    self.conditions[number] = condition
                if told:
                    print(f"breakpoint {number} at {address:#x}: {name}")
        return ""

    # --- Stops ---

    def stage(self, stop):
        """The mark that a magic breakpoint is."""
        if stop.address < 0x7E00:
            return "sector0"
        place = self.names.boot.place(stop.address)
        if stop.address < 0x100000:
            return "stage2" if place.startswith("stage2") else "pmode"
        return "entry" if stop.address < KERNEL else "ready"

    def is_wanted(self, stop):
        if stop.magic:
            return self.is_option(stop) or self.stage(stop) in self.stages
        condition = self.conditions.get(stop.breakpoint)
        return not condition or self.gdb.ask(f"output (({condition}) != 0)") != "0"

    def is_option(self, stop):
        """True in the kernel's handler of break=, whose next step leads to the function."""
        return stop.magic and stop.address >= KERNEL and \
            self.names.kernel.place(stop.address).startswith("debug_entry")

    def run(self, command):
        stop = self.bochs.run(command)
        while stop and not self.is_wanted(stop):
            stop = self.bochs.run("c")
        if not stop:
            return
        if self.is_option(stop):
            named, stop = True, self.bochs.run("s")
        else:
            named = stop.breakpoint in self.places or \
                stop.magic and self.stage(stop) in self.named_stages
        print(self.with_names(stop.text), end="", flush=True)
        if named:
            self.show_here()

    def run_to(self, names, condition):
        """Runs to the first of them, once."""
        places, marks, named = dict(self.places), self.stages, self.named_stages
        self.stages, self.named_stages = set(), set()
        wrong = self.stop_at(names, condition, told=False)
        if not wrong:
            self.run("c")
        for number in self.places.keys() - places.keys():
            self.bochs.ask(f"d {number}")
            self.conditions.pop(number, None)
        self.places, self.stages, self.named_stages = places, marks, named
        return wrong

    def show_here(self):
        if stages.is_early(self.bochs):
            stages.show(self.bochs, self.names, self.bochs.stop)
        else:
            print(self.gdb.ask("octavo here"), end="", flush=True)

    def with_names(self, text):
        """Bochs' text with the breakpoint's name, and the running program's for its addresses."""
        text = re.sub(r"(Breakpoint (\d+), \w+ in) \?\? \(\)", lambda found:
                      f"{found.group(1)} {self.places.get(int(found.group(2)), '?? ()')}", text)
        if not re.search(r"^(\(0\).* 001b:0*|0*)4[0-9a-f]{5}:? ?\(", text, re.MULTILINE):
            return text
        table = self.names.program(self.running())
        if table is None:
            return text

        def exchange(line):
            place = table.place(int(line.group(2), 16))
            return f"{line.group(1)}{line.group(2)}{line.group(3)}" \
                   f"{place.rjust(len(line.group(4)))})"

        return re.sub(r"(?m)^(\(0\).* 001b:|)(0*4[0-9a-f]{5})(:? ?\()(.*?)\)", exchange, text)

    def running(self):
        """The name of the process that the CPU works for."""
        found = re.search(r"^\w+$", self.gdb.ask(
            'printf "%s\\n", task_current()->process->name'), re.MULTILINE)
        return found.group() if found else ""

    # --- Commands ---

    def octavo(self, argument):
        word, _, rest = argument.partition(" ")
        if word in ("", "help"):
            print(HELP)
        elif word in ("break", "until") and not rest.strip():
            print(self.bochs.ask("blist"), end="")
        elif word in ("break", "until"):
            names, _, condition = rest.partition(" if ")
            set_them = self.stop_at if word == "break" else self.run_to
            wrong = set_them(re.split("[, ]+", names.strip()), condition.strip())
            print(wrong + "\n" if wrong else "", end="")
        elif word == "type":
            self.bochs.type(rest.encode() + b"\n")
        elif word == "save":
            self.save(rest.strip())
        elif word == "screen":
            self.print_screen()
        elif word == "here":
            self.show_here()
        elif stages.is_early(self.bochs):
            print("the kernel does not run yet; octavo here shows what there is")
        else:
            print(self.gdb.ask("octavo " + argument), end="")

    def save(self, path):
        pieces = [(physical, self.bochs.dump(linear, size))
                  for linear, physical, size in self.bochs.mapped()]
        try:
            core.write(path, pieces, self.bochs.registers())
            print(f"{path}: {sum(len(data) for _, data in pieces) >> 10} KiB of memory")
        except OSError as error:
            print(f"{path}: {error.strerror}")

    def print_screen(self):
        cells = self.bochs.read(0xC00B8000, 4000) or self.bochs.read(0xB8000, 4000)
        text = cells[::2].decode("cp437")
        for row in range(25):
            print(text[row * 80:row * 80 + 80].replace("\0", " ").rstrip())

    def command(self, line):
        word, _, rest = line.strip().partition(" ")
        if word == "octavo":
            self.octavo(rest.strip())
        elif word == "gdb" and rest.strip() not in ("q", "quit"):
            print(self.gdb.ask(rest), end="")
        elif word in RUNS:
            self.run(line.strip())
        elif word:
            print(self.with_names(self.bochs.ask(line.strip())), end="")

    def complete(self, text, state):
        """For the tab key: the names that begin so."""
        if state == 0:
            known = self.names.kernel.names() | self.names.boot.names() | set(STAGES) | set(WORDS)
            self.completions = sorted(name for name in known if name.startswith(text))
        return self.completions[state] if state < len(self.completions) else None

    def loop(self):
        readline.set_completer_delims(" ,")
        readline.set_completer(self.complete)
        readline.parse_and_bind("tab: complete")
        while True:
            self.asked += 1
            try:
                line = input(f"<bochs:{self.asked}> ")
            except EOFError:
                return
            except KeyboardInterrupt:
                print()
                continue
            if line.strip() in ("q", "quit", "exit"):
                return
            self.command(line)

    def close(self):
        self.gdb.close()
        self.bochs.close()


# For the tab key, and the commands of Bochs after which the machine has run.
WORDS = ("octavo", "gdb", "break", "until", "here", "type", "screen", "help", "zones", "owners",
         "buddyinfo", "freelist", "slabinfo", "slab", "frame", "owner", "vmas", "maps", "walk", "why")
RUNS = ("c", "cont", "continue", "s", "step", "p", "n", "next")
