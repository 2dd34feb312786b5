"""stub.py - gdb behind Bochs' debugger.

Debian's Bochs has its own debugger or a stub for gdb, not both. So the stub is here: a thread that
answers gdb's remote protocol with what Bochs' debugger says, memory and registers, and lets the
machine step and run. gdb brings the source, the types, and the `octavo` commands of tools/gdb; what
they print in Bochs is what they print in QEMU, because they are the same.

gdb is started when it is first needed. While it works on a command nobody else asks Bochs.
"""
import os
import re
import signal
import socket
import subprocess
import threading

from machine import REGISTERS, Ended, end_with_us

END = "\x02"  # what gdb prints when it has answered
STOPPED = "S05"
CONTROLS = ("cr0", "cr2", "cr3", "cr4")
FPU_REGISTERS = [f"st{i}" for i in range(8)]
FPU_STATE = ("fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg", "fooff", "fop")


def description():
    """The registers in the order in which `g` sends them."""
    core = "".join(f'<reg name="{name}" bitsize="32" type="int32"/>' for name in REGISTERS[:16])
    core += "".join(f'<reg name="{name}" bitsize="80" type="i387_ext"/>' for name in FPU_REGISTERS)
    core += "".join(f'<reg name="{name}" bitsize="32" type="int"/>' for name in FPU_STATE)
    controls = "".join(f'<reg name="{name}" bitsize="32" type="int32"/>' for name in CONTROLS)
    return ('<?xml version="1.0"?><target version="1.0"><architecture>i386</architecture>'
            f'<feature name="org.gnu.gdb.i386.core">{core}</feature>'
            f'<feature name="octavo.control">{controls}</feature></target>')


class Stub:
    """The remote protocol on a socket, for one gdb."""

    def __init__(self, bochs):
        self.bochs = bochs
        self.breakpoints = {}
        self.path = str(bochs.folder / "gdb")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        link, _ = self.listener.accept()
        data = b""
        while True:
            more = link.recv(65536)
            if not more:
                return
            data = (data + more).lstrip(b"+-")
            while (end := data.find(b"#")) >= 0 and len(data) >= end + 3:
                request, data = data[1:end].decode(), data[end + 3:].lstrip(b"+-")
                try:
                    answer = self.answer(request)
                except Ended as ended:
                    self.bochs.ended = ended
                    answer = "W00"
                body = answer.encode()
                link.sendall(b"+$%s#%02x" % (body, sum(body) & 0xFF))

    def answer(self, request):
        if request.startswith("qSupported"):
            return "PacketSize=8000;qXfer:features:read+"
        if request.startswith("qXfer:features:read:target.xml:"):
            start, size = (int(word, 16) for word in request.rpartition(":")[2].split(","))
            piece = description()[start:start + size]
            return ("m" if len(piece) == size else "l") + piece
        handler = {"?": lambda: STOPPED, "g": self.send_registers, "m": self.send_memory,
                   "s": lambda: self.resume("s"), "c": lambda: self.resume("c"),
                   "Z": self.insert, "z": self.remove, "H": lambda: "OK"}.get(request[:1])
        return handler(*re.split("[,:]", request[1:])) if request[:1] in "mZz" and handler \
            else handler() if handler else ""

    def send_registers(self):
        values = self.bochs.registers()
        unknown = "x" * (20 * len(FPU_REGISTERS) + 8 * len(FPU_STATE))
        words = [values[name].to_bytes(4, "little").hex() for name in REGISTERS]
        return "".join(words[:16]) + unknown + "".join(words[16:])

    def send_memory(self, address, size):
        data = self.bochs.read(int(address, 16), int(size, 16))
        return "E14" if data is None else data.hex()

    def resume(self, command):
        self.bochs.run(command)
        return STOPPED

    def insert(self, kind, address, _size):
        if kind not in "01":
            return ""
        self.breakpoints[address] = self.bochs.breakpoint(int(address, 16))
        return "OK"

    def remove(self, kind, address, _size):
        if kind not in "01":
            return ""
        self.bochs.ask(f"d {self.breakpoints.pop(address)}")
        return "OK"


class Gdb:
    """gdb as a process that is asked questions about the stopped machine."""

    def __init__(self, bochs):
        self.bochs = bochs
        self.process = None
        self.asked_at = None

    def start(self):
        stub = Stub(self.bochs)
        self.process = subprocess.Popen(
            ["gdb", "-q", "-nx", "-iex", "set pagination off", "-iex", "set width 0",
             "-iex", "set confirm off", "-iex", f"set prompt {END}", "-x", "tools/gdb/octavo.py",
             "build/kernel.elf"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=end_with_us)
        self.until_end()
        self.send(f"target remote {stub.path}")  # shows the place, which nobody asked for

    def until_end(self):
        text = b""
        while not text.endswith(END.encode()):
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise RuntimeError("gdb has gone: " + text.decode(errors="replace"))
            text += data
        return text[:-1].decode(errors="replace")

    def send(self, command):
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        while True:
            try:
                return self.until_end()
            except KeyboardInterrupt:
                self.bochs.process.send_signal(signal.SIGINT)

    def ask(self, command):
        """What gdb prints. It learns first when the machine has run since the last time."""
        if self.process is None:
            self.start()
        elif self.asked_at is not self.bochs.stop:
            self.send("maintenance flush register-cache")
            self.send("maintenance flush dcache")
            self.send("python import stops; stops.run()")
        answer = self.send(command)
        if self.bochs.ended:
            raise self.bochs.ended
        self.asked_at = self.bochs.stop
        return answer

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
