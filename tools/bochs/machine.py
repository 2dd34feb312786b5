"""machine.py - Bochs as a process that is asked questions.

Bochs' debugger reads commands from a pipe here and answers until its next prompt. Two kinds of
commands: those it only answers (`ask`), and those that let the machine run (`run`), while which the
terminal is the machine's: what it prints on port E9h appears, and keys go to its COM1. ^C stops it.
"""
import ctypes
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

PROMPT = re.compile(r"<bochs:\d+> $")
# Where a report of a stop begins, behind whatever the machine was printing.
REPORT = ("(0) Magic breakpoint\n", "(0) Breakpoint ", "(0) Caught ", "Next at t=",
          "=" * 72 + "\nBochs is exiting")
# "(0) [0x0000001000e3] 0008:00000000001000e3 (entry+3): cli      ; fa"
CONTEXT = re.compile(r"^\(0\)\.?.*\[(0x[0-9a-f]+)\] ([0-9a-f]{4}):([0-9a-f]+) \((.*?)\): (.*)$",
                     re.MULTILINE)
INTERRUPT = b"\x03"  # ^C
PAGE = 4096
REGISTERS = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "eflags",
             "cs", "ss", "ds", "es", "fs", "gs", "cr0", "cr2", "cr3", "cr4")


class Ended(Exception):
    """Bochs is no longer there: its exit status, and what it said last."""


class Stop:
    """Why and where the machine stopped: Bochs' own words, and what they say."""

    def __init__(self, text):
        self.text = text
        self.magic = "Magic breakpoint" in text
        found = re.search(r"\(0\) Breakpoint (\d+),", text)
        self.breakpoint = int(found.group(1)) if found else None
        found = CONTEXT.search(text)
        self.selector, offset = (int(found.group(n), 16) for n in (2, 3)) if found else (0, 0)
        # In real mode a segment's number says where it is.
        real = found and len(found.group(3)) == 4
        self.address = (self.selector << 4) + offset if real else offset

    @property
    def in_program(self):
        return self.selector & 3 == 3


def end_with_us():
    """In Bochs before it starts: ^C at this terminal is not for it, but our end is."""
    os.setsid()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def hand_over_keys():
    """Each key at once, none with a meaning for this terminal; returns how it was before."""
    saved = termios.tcgetattr(sys.stdin)
    keys = termios.tcgetattr(sys.stdin)
    keys[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)
    termios.tcsetattr(sys.stdin, termios.TCSADRAIN, keys)
    return saved


def report_start(text):
    """Where in `text` a report of a stop begins, or may begin when more has come."""
    for at in range(len(text)):
        if any(text.startswith(mark, at) or mark.startswith(text[at:]) for mark in REPORT):
            return at
    return len(text)


class Line:
    """A serial port of the machine, from outside: Bochs connects to it when it starts."""

    def __init__(self, name):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(60)
        address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.option = f"{name}: enabled=1, mode=socket-client, dev={address}"

    def accept(self):
        self.link, _ = self.listener.accept()
        self.listener.close()

    def fileno(self):
        return self.link.fileno()

    def read(self):
        return self.link.recv(65536)

    def is_ready(self):
        return bool(select.select([self], [], [], 0)[0])


class Bochs:
    """`events`, when given, makes lines of what the machine sends by COM2."""

    def __init__(self, options, events=None):
        self.temporary = tempfile.TemporaryDirectory(prefix="octavo-bochs-")
        self.folder = Path(self.temporary.name)
        self.events = events
        self.com1, self.com2 = Line("com1"), Line("com2")
        self.process = subprocess.Popen(
            ["bochs", "-q", "-f", "bochsrc", "-rc", "tools/bochs/symbols.rc", *options,
             self.com1.option, self.com2.option],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=end_with_us)
        self.output = self.process.stdout.fileno()
        self.pages, self.known_registers = {}, None
        self.ended = None  # when gdb let it run to its end
        start = self.until_prompt()
        self.com1.accept()
        self.com2.accept()
        self.stop = Stop(start[report_start(start):])

    def more(self, timeout=None):
        """What Bochs printed meanwhile; "" when nothing came in time."""
        if not select.select([self.output], [], [], timeout)[0]:
            return ""
        data = os.read(self.output, 65536)
        if not data:
            raise Ended(self.process.wait(), "")
        return data.decode(errors="replace").replace("\r", "")

    def until_prompt(self):
        text = ""
        while not PROMPT.search(text):
            try:
                text += self.more()
            except Ended as ended:
                raise Ended(ended.args[0], text) from None
        return PROMPT.sub("", text)

    def send(self, command):
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, command):
        """The answer to a command that leaves the machine where it is."""
        self.send(command)
        return self.until_prompt().partition("\n")[2]

    # --- Letting it run ---

    def run(self, command):
        """Sends a command that lets the machine run; returns the stop, or None when there was only
        an answer, which is then on the terminal."""
        self.pages, self.known_registers = {}, None
        self.send(command)
        keyboard = sys.stdin.isatty()
        saved = hand_over_keys() if keyboard else None
        try:
            text = self.watch(keyboard)
        finally:
            if keyboard:
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, saved)
        if not CONTEXT.search(text):
            print(text, end="", flush=True)
            return None
        self.stop = Stop(text)
        return self.stop

    def watch(self, keyboard):
        """Shows what the machine prints until it stops; returns Bochs' report."""
        text, echoed, self.column = "", False, "\n"
        while True:
            try:
                text += self.watch_once(keyboard)
            except KeyboardInterrupt:
                self.process.send_signal(signal.SIGINT)
            except Ended as ended:
                self.print_events()
                self.print_line()
                raise Ended(ended.args[0], text) from None
            if not echoed and "\n" in text:
                text, echoed = text.partition("\n")[2], True
            if not echoed:
                continue
            ended = PROMPT.search(text)
            text = PROMPT.sub("", text)
            show = report_start(text)
            self.print(text[:show])
            text = text[show:]
            if ended:
                self.print_events()
                self.print_line()
                return text

    def print(self, text):
        self.column = text[-1] if text else self.column
        sys.stdout.write(text)
        sys.stdout.flush()

    def print_line(self, text=""):
        """The text in lines of its own."""
        self.print(("" if self.column == "\n" else "\n") + text)

    def print_events(self):
        while self.com2.is_ready():
            data = self.com2.read()
            lines = self.events.lines(data) if self.events else []
            if lines:
                self.print_line("\n".join(lines) + "\n")
            if not data:
                return

    def watch_once(self, keyboard):
        sources = [self.output, self.com1, self.com2] + ([sys.stdin] if keyboard else [])
        ready = select.select(sources, [], [])[0]
        if sys.stdin in ready:
            self.press(os.read(sys.stdin.fileno(), 256))
        if self.com1 in ready:
            self.com1.read()  # the same comes by port E9h
        if self.com2 in ready:
            self.print_events()
        return self.more() if self.output in ready else ""

    def press(self, keys):
        if INTERRUPT in keys:
            self.process.send_signal(signal.SIGINT)
        self.type(keys.replace(INTERRUPT, b""))

    def type(self, data):
        """What is typed on COM1. A line ends with CR there."""
        self.com1.link.sendall(data.replace(b"\n", b"\r"))

    # --- Looking at it ---

    def read(self, address, size):
        """`size` bytes from a linear address on; None when a part of it is mapped nowhere."""
        data = b""
        while len(data) < size:
            page, offset = divmod(address + len(data), PAGE)
            content = self.page(page)
            if content is None:
                return None
            data += content[offset:offset + size - len(data)]
        return data

    def page(self, number):
        if number not in self.pages:
            file = self.folder / "memory"
            answer = self.ask(f'writemem "{file}" {number * PAGE:#x} {PAGE}')
            self.pages[number] = None if "bx_dbg_read_linear" in answer else file.read_bytes()
        return self.pages[number]

    def mapped(self):
        """(linear, physical, bytes) of all that the page tables lead to, no frame twice."""
        known, found = set(), []
        for numbers in re.findall(r"^(0x\w+)-(0x\w+) -> (0x\w+)-0x\w+$", self.ask("info tab"),
                                  re.MULTILINE):
            start, last, physical = (int(number, 16) for number in numbers)
            if physical not in known:
                found.append((start, physical, last + 1 - start))
            known.add(physical)
        return found

    def dump(self, linear, size):
        file = self.folder / "memory"
        self.ask(f'writemem "{file}" {linear:#x} {size:#x}')
        return file.read_bytes()

    def registers(self):
        """name -> value of each of REGISTERS."""
        if self.known_registers is None:
            text = self.ask("r").replace("_", "") + self.ask("sreg") + self.ask("creg")
            patterns = (r"^r(\w\w) ?: ([0-9a-f]+)$", r"^(eflags) 0x([0-9a-f]+)",
                        r"^(\ws):0x([0-9a-f]+)", r"^(CR\d)=.*?0x([0-9a-f]+)")
            found = [pair for pattern in patterns
                     for pair in re.findall(pattern, text, re.MULTILINE)]
            values = {name.lower(): int(digits, 16) for name, digits in found}
            self.known_registers = {name: values[name if name in values else name[1:]]
                                    for name in REGISTERS}
        return self.known_registers

    def breakpoint(self, address, condition=""):
        """Sets one at a linear address; returns its number, None when Bochs has no more."""
        before = self.breakpoints()
        self.ask(f'lb {address:#x} if "{condition}"' if condition else f"lb {address:#x}")
        return max(self.breakpoints() - before, default=None)

    def breakpoints(self):
        return {int(number) for number in re.findall(r"^ *(\d+) \wbreakpoint",
                                                     self.ask("blist"), re.MULTILINE)}

    def close(self):
        self.process.kill()
        self.process.wait()
        self.temporary.cleanup()
