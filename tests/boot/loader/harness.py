"""Helpers of the loader's tests: build, make images, spoil them, boot them, report TAP.

A test file calls `case(name)` on functions that raise AssertionError to fail, and `finish()` at the
end. Every emulator runs under a time limit and is killed once the awaited text has come.
"""

import ctypes
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
BUILD = os.path.join(ROOT, "build", "tests", "loader",
                     "%s.%d" % (os.path.basename(sys.argv[0]), os.getpid()))
SECTOR = 512
ENVIRONMENT = dict(os.environ, MTOOLS_SKIP_CHECK="1", TZ="UTC", SOURCE_DATE_EPOCH="315532800")

results = []


def path(name):
    return os.path.join(BUILD, name)


def command(*words, **options):
    """Run a command that must succeed; its output."""
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENVIRONMENT,
                          timeout=120, **options)
    assert done.returncode == 0, "%s: %s" % (" ".join(words), done.stdout.decode("latin-1"))
    return done.stdout.decode("latin-1")


def write(name, data):
    """A file in the build folder; its path."""
    with open(path(name), "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    return path(name)


def read(name):
    with open(path(name), "rb") as file:
        return file.read()


def assemble(source, output, *defines):
    folder = os.path.join(ROOT, "boot") + os.sep
    command("nasm", "-f", "bin", "-I", folder, *defines, "-o", path(output), source)
    return path(output)


def mutant(name, source, old, new):
    """Assemble a copy of the loader's sources with some text replaced; the output's path."""
    folder = path(name + ".sources")
    shutil.copytree(os.path.join(ROOT, "boot"), folder, dirs_exist_ok=True)
    with open(os.path.join(folder, source)) as file:
        text = file.read()
    assert old in text, "%s has no %r" % (source, old)
    with open(os.path.join(folder, source), "w") as file:
        file.write(text.replace(old, new))
    main = "bootsect.asm" if source == "bootsect.asm" else "loader.asm"
    command("nasm", "-f", "bin", "-I", folder + os.sep, "-o", path(name),
            os.path.join(folder, main))
    return path(name)


def kernel(name="kernel.elf", *defines):
    """The test kernel; its path."""
    command("nasm", "-f", "elf32", *defines, "-o", path(name + ".o"),
            os.path.join(HERE, "kernel.asm"))
    command("ld", "-m", "elf_i386", "-N", "--no-warn-rwx-segments", "-e", "start",
            "-Ttext=0x100000", "-o", path(name), path(name + ".o"))
    return path(name)


def setup():
    os.makedirs(BUILD, exist_ok=True)
    boot = os.path.join(ROOT, "boot")
    assemble(os.path.join(boot, "bootsect.asm"), "bootsect.bin")
    assemble(os.path.join(boot, "loader.asm"), "loader.bin")
    kernel()


class Image:
    """A floppy image and its FAT12 structures, as the BPB tells them."""

    def __init__(self, name="test.img", kernel=None, files=(), config=None, bootsect="bootsect.bin",
                 loader="loader.bin"):
        self.path = path(name)
        words = [os.path.join(ROOT, "tools", "mkimage")]
        if config is not None:
            words += ["-c", write("octavo.cfg", config)]
        words += [self.path, path(bootsect), path(loader), kernel or path("kernel.elf")]
        command(*words, *files)
        self.load()

    def load(self):
        with open(self.path, "rb") as file:
            self.data = bytearray(file.read())
        self.cluster_size = self.data[13] * SECTOR
        reserved, fats, entries = struct.unpack_from("<HBH", self.data, 14)
        size, = struct.unpack_from("<H", self.data, 22)
        self.fat = [(reserved + size * i) * SECTOR for i in range(fats)]
        self.fat_size = size * SECTOR
        self.root = (reserved + size * fats) * SECTOR
        self.entries = entries
        self.start = self.root + entries * 32

    def save(self):
        with open(self.path, "wb") as file:
            file.write(self.data)
        return self

    def entry(self, name):
        """Offset of the directory entry of an 11-character name."""
        for at in range(self.root, self.root + self.entries * 32, 32):
            if self.data[at:at + 11] == name.encode() and self.data[at + 11] & 0x18 == 0:
                return at
        raise KeyError(name)

    def first(self, name):
        return struct.unpack_from("<H", self.data, self.entry(name) + 26)[0]

    def cluster(self, number):
        """Offset of a cluster's data."""
        return self.start + (number - 2) * self.cluster_size

    def get(self, number, fat=0):
        pair, = struct.unpack_from("<H", self.data, self.fat[fat] + number * 3 // 2)
        return pair >> 4 if number & 1 else pair & 0xFFF

    def put(self, number, value, fats=(0, 1)):
        for fat in fats:
            at = self.fat[fat] + number * 3 // 2
            pair, = struct.unpack_from("<H", self.data, at)
            pair = pair & 0xF | value << 4 if number & 1 else pair & 0xF000 | value
            struct.pack_into("<H", self.data, at, pair)

    def chain(self, name):
        found, at = [], self.first(name)
        while 2 <= at < 0xFF0:
            found.append(at)
            at = self.get(at)
        return found

    def move(self, name, clusters):
        """Give the file these clusters instead, in this order."""
        old = self.chain(name)
        size = self.cluster_size
        content = [bytes(self.data[self.cluster(c):self.cluster(c) + size]) for c in old]
        for number in old:
            self.put(number, 0)
        for index, number in enumerate(clusters):
            at = self.cluster(number)
            self.data[at:at + size] = content[index]
            self.put(number, clusters[index + 1] if index + 1 < len(clusters) else 0xFFF)
        struct.pack_into("<H", self.data, self.entry(name) + 26, clusters[0])


def floppy(image):
    return ["-drive", "file=%s,if=floppy,format=raw,snapshot=on" % image, "-boot", "a"]


def disk(image):
    return ["-drive", "file=%s,if=ide,format=raw,snapshot=on" % image, "-boot", "c"]


def unreadable(image, sector, medium="ide"):
    """A disk with the image, one sector of which fails whichever way it is read. A floppy's drive
    delivers zeros instead, as if all were well."""
    config = write("blkdebug", '[inject-error]\nevent = "read_aio"\nerrno = "5"\nsector = "%d"\n'
                   'once = "off"\n' % sector)
    return ["-drive", "file=blkdebug:%s:%s,if=%s,format=raw,snapshot=on" % (config, image, medium),
            "-boot", "a" if medium == "floppy" else "c"]


def usb(image):
    return ["-drive", "file=%s,if=none,id=u,format=raw,snapshot=on" % image, "-device", "usb-ehci",
            "-device", "usb-storage,drive=u,removable=on", "-boot", "c"]


def end_with_us():
    """In the emulator's process: nothing may leave it behind, not even SIGKILL."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Machine:
    """A running QEMU whose COM1 can be read and written."""

    program = "qemu-system-i386"
    end = ["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]

    def __init__(self, *arguments):
        self.monitor_path = path("monitor")
        if os.path.exists(self.monitor_path):
            os.unlink(self.monitor_path)
        self.process = subprocess.Popen(
            [self.program, "-display", "none", "-no-reboot", "-net", "none", "-serial",
             "stdio", "-monitor", "unix:%s,server,nowait" % self.monitor_path, *self.end, "-m",
             "16", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=end_with_us)
        self.bytes = b""
        self.text = ""

    def expect(self, pattern=None, seconds=120):
        """Read until the pattern has come, or without one until the machine ends; all text."""
        end = time.monotonic() + seconds
        output = self.process.stdout.fileno()
        while pattern is None or not re.search(pattern, self.text):
            left = end - time.monotonic()
            if left <= 0 or not select.select([output], [], [], left)[0]:
                self.kill()
                raise AssertionError("no %r in %d s, but:\n%s" % (pattern, seconds, self.text))
            if not self.take():
                break
        if pattern is not None and not re.search(pattern, self.text):
            self.kill()
            raise AssertionError("the machine ended without %r:\n%s" % (pattern, self.text))
        return self.text

    def take(self):
        """Add what COM1 has to the text, waiting for it; false at the end."""
        data = os.read(self.process.stdout.fileno(), 65536)
        self.bytes += data
        self.text = self.bytes.decode("latin-1").replace("\r\n", "\n")
        return bool(data)

    def settle(self):
        """Read until COM1 has said something and then nothing for a while."""
        output = self.process.stdout.fileno()
        wait = 3
        while select.select([output], [], [], wait)[0] and self.take():
            wait = 0.5

    def type(self, text):
        os.write(self.process.stdin.fileno(), text.encode("latin-1"))

    def monitor(self, *lines):
        end = time.monotonic() + 60
        while not os.path.exists(self.monitor_path) and time.monotonic() < end:
            time.sleep(0.02)
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(60)
            channel.connect(self.monitor_path)
            answer = b""
            for line in ("",) + lines:
                if line:
                    channel.sendall(line.encode() + b"\n")
                seen = len(answer)
                while not answer[seen:].endswith(b"(qemu) "):
                    more = channel.recv(4096)
                    assert more, "the monitor ended:\n" + answer.decode("latin-1")
                    answer += more
            return answer.decode("latin-1")

    def memory(self, address, size):
        """What lies there in physical memory."""
        saved = path("memory")
        if os.path.exists(saved):
            os.unlink(saved)
        answer = self.monitor("stop", 'pmemsave %#x %#x "%s"' % (address, size, saved), "cont")
        memory = read("memory") if os.path.exists(saved) else b""
        assert len(memory) == size, "%d bytes of memory saved:\n%s" % (len(memory), answer)
        return memory

    def kill(self):
        self.process.kill()
        self.process.wait()
        return self.text


def boots(*arguments):
    """Boot to the end of the test kernel; all text."""
    machine = Machine(*arguments)
    text = machine.expect()
    status = machine.process.wait()
    assert status == 33, "exit status %d:\n%s" % (status, text)
    assert "\ndone\n" in text, text
    return text


def refuses(message, *arguments, machine=Machine):
    """Boot to an error that says `message` and waits for a key; all text."""
    running = machine(*arguments)
    text = running.expect(r"Press a key|test kernel")
    running.kill()
    assert "octavo loader: error: " + message in text, "not %r in:\n%s" % (message, text)
    return text


def contains(text, *parts):
    for part in parts:
        assert part in text, "not %r in:\n%s" % (part, text)


def lacks(text, *parts):
    for part in parts:
        assert part not in text, "%r in:\n%s" % (part, text)


def case(name):
    """Decorator: run the function now, as one TAP test."""
    def run(function):
        try:
            function()
            results.append(True)
            print("ok %d - %s" % (len(results), name), flush=True)
        except Exception as error:
            results.append(False)
            print("not ok %d - %s" % (len(results), name))
            for line in str(error).splitlines()[-50:]:
                print("# " + "".join(c if c.isprintable() else "?" for c in line[:200]),
                      file=sys.stderr, flush=True)
        return function
    return run


def finish():
    print("1..%d" % len(results))
    if all(results):
        shutil.rmtree(BUILD)
    sys.exit(0 if results and all(results) else 1)


setup()
