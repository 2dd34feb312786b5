"""Names for addresses, from an ELF file: function and offset, source file and line, strings."""
import bisect
import shutil
import struct
import subprocess
from pathlib import Path


# How far the code of a symbol without a length may reach: those of assembly files have none.
NO_LENGTH = 1024
NAME_LETTERS = 8  # of a program's name in TRACE_EXEC


class ElfError(Exception):
    """The file is no ELF file with symbols."""


class Elf:
    """Sections and symbols of an ELF file of 32 or 64 bits, little-endian."""

    def __init__(self, path):
        self.path = path
        try:
            with open(path, "rb") as file:
                self.data = file.read()
            self.read()
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise ElfError(f"{path} is damaged: {error}") from None

    def read(self):
        if self.data[:4] != b"\x7fELF":
            raise ElfError(f"{self.path} is no ELF file")
        self.wide = self.data[4] == 2
        offset, size, count = self.section_table()
        layout = struct.Struct("<IIQQQQIIQQ" if self.wide else "<IIIIIIIIII")
        self.sections = [layout.unpack_from(self.data, offset + i * size) for i in range(count)]
        self.read_symbols()

    def section_table(self):
        if self.wide:
            return (*struct.unpack_from("<Q", self.data, 0x28),
                    *struct.unpack_from("<HH", self.data, 0x3A))
        return (*struct.unpack_from("<I", self.data, 0x20),
                *struct.unpack_from("<HH", self.data, 0x2E))

    def read_symbols(self):
        self.by_name = {}
        functions = {}
        layout = struct.Struct("<IBBHQQ" if self.wide else "<IIIBBH")
        for section in self.sections:
            if section[1] != 2:  # SHT_SYMTAB
                continue
            strings = self.sections[section[6]]
            for at in range(section[4], section[4] + section[5], layout.size):
                fields = layout.unpack_from(self.data, at)
                if self.wide:
                    name, info, _, index, value, length = fields
                else:
                    name, value, length, info, _, index = fields
                text = self.string(strings[4] + name)
                if not text or index == 0:
                    continue
                self.by_name.setdefault(text, value)
                if info & 15 == 2 or (info & 15 == 0 and index < 0xFF00 and length == 0):
                    functions[value] = (text, length)
        if not functions:
            raise ElfError(f"{self.path} has no symbols")
        self.starts = sorted(functions)
        self.functions = functions

    def string(self, offset):
        end = self.data.index(b"\0", offset)
        return self.data[offset:end].decode("utf-8", "replace")

    def bytes_at(self, address, size):
        """What the file has for an address; None outside of what is loaded."""
        for section in self.sections:
            start, offset, length = section[3], section[4], section[5]
            if section[1] == 1 and section[2] & 2 and start <= address < start + length:
                at = offset + address - start
                return self.data[at:at + min(size, start + length - address)]
        return None

    def string_at(self, address):
        found = self.bytes_at(address, 64)
        return found.split(b"\0")[0].decode("ascii", "replace") if found else None

    def function(self, address):
        """(name, offset) of the function that an address lies in, or None."""
        i = bisect.bisect_right(self.starts, address) - 1
        if i < 0:
            return None
        name, length = self.functions[self.starts[i]]
        offset = address - self.starts[i]
        return (name, offset) if offset <= (length or NO_LENGTH) else None

    def image_sum(self):
        """FNV-1a over the words of the kernel's code, as kernel/tracing.c has it."""
        first, last = self.by_name.get("text_start"), self.by_name.get("text_last")
        code = self.bytes_at(first, last - first) if first and last else None
        if not code:
            return None
        total = 0x811C9DC5
        for (word,) in struct.iter_unpack("<I", code[:len(code) & ~3]):
            total = ((total ^ word) * 0x01000193) & 0xFFFFFFFF
        return total


class Symbols:
    """Names for the call sites of one trace."""

    def __init__(self, header, elf, notes):
        self.header = header
        self.elf = elf
        self.slide = 0
        self.cache = {}
        self.lines = {}
        if elf is None:
            return
        anchor = elf.by_name.get("trace_start")
        if anchor is None:
            notes.append(f"{elf.path} is no program with a trace in it; addresses stay numbers")
            self.elf = None
            return
        self.slide = header.anchor - anchor
        if header.image and elf.image_sum() not in (None, header.image):
            notes.append(f"{Path(elf.path).name} is another build than the one that was traced: "
                         "names may be wrong")

    def is_user(self, address):
        """True for code of a program in ring 3."""
        return self.header.word == 4 and 0 < address < self.header.direct_base == 0xC0000000

    def name(self, site):
        """function+0x12, or the number."""
        text = self.cache.get(site)
        if text is None:
            text = self.cache[site] = self.find(site)
        return text

    def find(self, site):
        if site == 0:
            return "-"
        if self.is_user(site):
            return f"program {site:#010x}"
        # A return address is behind the call: what is before it is in the function for sure.
        found = self.elf.function(site - self.slide - 1) if self.elf else None
        return f"{found[0]}+{found[1] + 1:#x}" if found else f"{site:#010x}"

    def of_program(self, name):
        """The symbols of one of our programs, beside those of the kernel; None when there are none.
        A trace has eight letters of a name."""
        if not self.elf or not name.isalnum():
            return None
        files = [path for path in Path(self.elf.path).parent.glob(f"user/{name}*.elf")
                 if path.stem == name or len(name) == NAME_LETTERS]
        try:
            return Elf(files[0]) if len(files) == 1 else None
        except (OSError, ElfError):
            return None

    def load_lines(self, sites):
        """Asks addr2line, where there is one, for source lines of all these sites at once."""
        wanted = [site for site in sites if site and not self.is_user(site)]
        if not self.elf or not wanted or not shutil.which("addr2line"):
            return
        asked = "".join(f"{site - self.slide - 1:#x}\n" for site in wanted)
        done = subprocess.run(["addr2line", "-e", str(self.elf.path)], input=asked, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for site, line in zip(wanted, done.stdout.splitlines()):
            path = line.split(" (")[0]
            if not path.startswith("?"):
                self.lines[site] = shorten(path)

    def line(self, site):
        return self.lines.get(site, "")

    def string_at(self, address):
        return self.elf.string_at(address - self.slide) if self.elf else None


def shorten(path):
    """A path from the root of the sources on."""
    for folder in ("/kernel/", "/mm/", "/user/", "/tests/", "/include/"):
        at = path.rfind(folder)
        if at >= 0:
            return path[at + 1:]
    return path
