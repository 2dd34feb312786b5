"""names.py - what addresses are called: the boot sectors, the kernel, the programs; and the stages
of the start, which are places too."""
import bisect
import difflib
import subprocess
from pathlib import Path

PROGRAMS = Path("build/user")
# The five marks of the start, and the files of symbols that they lie in.
STAGES = ("sector0", "stage2", "pmode", "entry", "ready")
BOOT_FILES = ("build/boot/bootsect.sym", "build/boot/loader.sym")


class Table:
    """Names sorted by their addresses."""

    def __init__(self, lines):
        pairs = [(int(address, 16), name) for address, name in (line.split() for line in lines)]
        self.pairs = sorted(pairs, key=lambda pair: pair[0])
        self.addresses = [address for address, _ in self.pairs]

    def find(self, name):
        """The addresses of a name. What the compiler hung on a function's name behind a dot may
        be left out."""
        exact = [address for address, other in self.pairs if other == name]
        return exact or [address for address, other in self.pairs
                         if other.partition(".")[0] == name]

    def place(self, address):
        """"name+offset" in Bochs' manner; None before the first name."""
        at = bisect.bisect_right(self.addresses, address) - 1
        return f"{self.pairs[at][1]}+{address - self.addresses[at]:x}" if at >= 0 else None

    def names(self):
        return {name for _, name in self.pairs}


def functions_of(elf):
    """The functions of a file, as a Table."""
    text = subprocess.run(["nm", "-n", elf], capture_output=True, text=True, check=True).stdout
    found = (line.split() for line in text.splitlines())
    return Table([f"{words[0]} {words[2]}" for words in found
                  if len(words) == 3 and words[1] in "tTwW"])


class Names:
    def __init__(self):
        self.kernel = functions_of("build/kernel.elf")
        self.boot = Table([line for file in BOOT_FILES
                           for line in Path(file).read_text().splitlines()])
        self.loaded = {}

    def programs(self):
        return sorted(path.stem for path in PROGRAMS.glob("*.elf"))

    def program(self, name):
        """The names of build/user/NAME.elf; None when there is none."""
        if name not in self.loaded:
            elf = PROGRAMS / f"{name}.elf"
            self.loaded[name] = functions_of(elf) if name and elf.exists() else None
        return self.loaded[name]

    def near(self, name):
        """Names that somebody who typed this one may have meant."""
        program, colon, function = name.rpartition(":")
        table = self.program(program) if colon else None
        if colon and table is None:
            return [other + ":" + function
                    for other in difflib.get_close_matches(program, self.programs())]
        if table:
            found = table.names()
        else:
            found = self.kernel.names() | set(STAGES)
        inside = sorted((other for other in found if function in other), key=len)
        close = difflib.get_close_matches(function, found, 4, 0.6)
        return [program + colon + other for other in dict.fromkeys(close + inside[:4])][:6]
