"""A machine whose screen is looked at: what a terminal behind COM1 shows, and what is in the VGA
adapter's memory.

    with Machine("-m", "64", ...) as machine:        # arguments of QEMU
        machine.wait_for(r"\\$ $")
        machine.type("ls\\r")
"""
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROWS, COLUMNS = 25, 80
PIECES = re.compile(rb"\x1b\[([0-9;]*)([A-Za-z])|([\r\n\b])|([^\x1b])", re.DOTALL)


class Terminal:
    """A terminal of 25 rows, as far as our programs need one."""

    def __init__(self):
        self.cells = [[" "] * COLUMNS for _ in range(ROWS)]
        self.row = self.column = 0
        self.rest = b""

    def take(self, data):
        data, end = self.rest + data, 0
        for match in PIECES.finditer(data):
            if match.start() != end:
                break
            end = match.end()
            numbers, letter, control, text = match.groups()
            if letter:
                self.sequence(letter, [int(n or 0) for n in numbers.split(b";")])
            elif control:
                self.control(control)
            else:
                self.put(text.decode("latin-1"))
        self.rest = data[end:]

    def sequence(self, letter, numbers):
        if letter == b"H":
            self.row = (numbers[0] or 1) - 1
            self.column = (numbers[1] if len(numbers) > 1 else 1) - 1
        elif letter == b"J":
            self.cells = [[" "] * COLUMNS for _ in range(ROWS)]

    def control(self, byte):
        if byte == b"\n":
            self.next_row()
        self.column = 0 if byte == b"\r" else max(0, self.column - (byte == b"\b"))

    def next_row(self):
        self.row += 1
        if self.row == ROWS:
            self.cells = self.cells[1:] + [[" "] * COLUMNS]
            self.row -= 1

    def put(self, character):
        if self.column == COLUMNS:
            self.column = 0
            self.next_row()
        self.cells[self.row][self.column] = character
        self.column += 1

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)


class Machine:
    def __init__(self, *options):
        self.folder = Path(tempfile.mkdtemp(prefix="octavo-"))
        self.terminal, self.received = Terminal(), b""
        path = self.folder / "monitor"
        self.process = subprocess.Popen(
            ["timeout", "-s", "KILL", "300", "qemu-system-i386", "-display", "none", "-no-reboot",
             "-net", "none", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
             "-serial", "stdio", "-monitor", f"unix:{path},server=on,wait=off", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.monitor = self.connect(path)
        self.read_prompt()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)

    @staticmethod
    def connect(path):
        for _ in range(200):
            try:
                connection = socket.socket(socket.AF_UNIX)
                connection.connect(str(path))
                return connection
            except OSError:
                time.sleep(0.1)
        raise TimeoutError(path)

    def read_prompt(self):
        text = b""
        self.monitor.settimeout(20)
        while not text.endswith(b"(qemu) "):
            text += self.monitor.recv(4096)

    def order(self, line):
        """One command for QEMU's monitor, done when this returns."""
        self.monitor.sendall(line.encode() + b"\n")
        self.read_prompt()

    def listen(self, seconds):
        """What comes meanwhile goes to the terminal; returns how many bytes."""
        end, size = time.monotonic() + seconds, len(self.received)
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.process.stdout], [], [], left)[0]:
                break
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                break
            self.received += data
            self.terminal.take(data)
        return len(self.received) - size

    def type(self, text):
        self.process.stdin.write(text.encode("latin-1"))
        self.process.stdin.flush()

    def wait_for(self, pattern, seconds=60):
        """The terminal's text once it matches; what it is at the end if it never does."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.terminal.text().rstrip("\n"), re.MULTILINE):
            if time.monotonic() > end or self.process.poll() is not None:
                break
            self.listen(0.1)
        return self.terminal.text()

    def vga(self, address=0xB8000):
        """The adapter's memory: text, and the attributes of each cell."""
        path = self.folder / "video"
        self.order(f'pmemsave {address} 4000 "{path}"')
        cells = path.read_bytes()
        text = cells[0::2].decode("cp437")
        return ("\n".join(text[i:i + COLUMNS].rstrip() for i in range(0, len(text), COLUMNS)),
                [cells[1::2][i:i + COLUMNS] for i in range(0, len(text), COLUMNS)])
