#!/usr/bin/env python3
"""docs/tour.md shows what the debuggers really say, README.md how a boot really looks.

Each block that begins with ```bochs, ```bochs program, ```bochs trace or ```gdb holds commands
behind the debugger's prompt, each with its output; lines behind `octavo> ` are typed at the
machine's own prompt. The commands of all blocks of one kind are replayed in one session, and the
output compared: numbers, addresses and the instructions of compiled code may differ, names, words
and their order may not. A line `...` in the page stands for any lines.

README's ```console block is one run of the floppy image, with what is typed behind `$ `.

  tests/boot/tour.t            compare
  tests/boot/tour.t --update   put the present output into the page (as many lines around `...`
                               as there are now)
"""
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/tour.md"
README = ROOT / "README.md"
PROMPTS = {"bochs": r"<bochs:\d+> ", "gdb": r"\(gdb\) "}
NUMBER = (r"0x[0-9a-f]+|\b[0-9a-f]{4}:[0-9a-f]{4,8}\b|\b[0-9a-f]{8,}(_[0-9a-f]{8})?\b|"
          r"\+[0-9a-f]+\b|\b[0-9]+\b")
MONITOR = "octavo> "
SHELL = "$ "
ANSWER_SECONDS = 60


class Session:
    """A debugger on a terminal of its own."""

    def __init__(self, tool, command):
        master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 250, 0, 0))
        environment = dict(os.environ, TERM="dumb")
        environment.pop("DISPLAY", None)
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT,
                                        env=environment, start_new_session=True)
        os.close(slave)
        self.terminal = master
        self.prompt = re.compile(PROMPTS[tool] + "$")
        self.answer([])

    def answer(self, typed):
        """Everything up to the next prompt; `typed` goes to the machine when it asks."""
        text, typed = "", list(typed)
        deadline = time.monotonic() + ANSWER_SECONDS
        while not self.prompt.search(text):
            if time.monotonic() > deadline or not select.select([self.terminal], [], [], 1)[0]:
                if time.monotonic() > deadline:
                    raise RuntimeError("no prompt after:\n" + text[-2000:])
                continue
            text += os.read(self.terminal, 65536).decode(errors="replace").replace("\r", "")
            if typed and text.endswith(MONITOR):
                os.write(self.terminal, typed.pop(0).encode() + b"\n")
        return self.prompt.sub("", text)

    def ask(self, command, typed):
        os.write(self.terminal, command.encode() + b"\n")
        lines = self.answer(typed).split("\n")[1:]
        while lines and not lines[-1].strip():
            lines.pop()
        return [line.rstrip().expandtabs() for line in lines]

    def close(self):
        os.write(self.terminal, b"quit\n")
        try:
            self.process.wait(5)
            return
        except subprocess.TimeoutExpired:
            pass
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


GDB = ["gdb", "-q", "-iex", "set pagination off", "-iex", "set width 0",
       "-x", "tools/gdb/octavo.gdb", "build/kernel.elf"]
BOCHS = "tools/bochs/start"
# What the page says to type for each kind of block, as `make` runs it.
SESSIONS = {
    "bochs": [BOCHS],
    "bochs program": [BOCHS, "--program", "memtour brk lazy cow", "--break", "memtour:main"],
    "bochs trace": [BOCHS, "--trace", "alloc,slab,buddy", "--break", "files_init"],
    "gdb": GDB,
}


def blocks_of(text, tool):
    """Matches of the tool's blocks; group 1 is what is inside."""
    return re.finditer(rf"^```{tool}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def steps_of(block, tool):
    """[prompt, command, output lines] of one block."""
    tool = tool.split()[0]
    steps = []
    for line in block.splitlines():
        found = re.match(f"({PROMPTS[tool]})(.*)", line)
        if found:
            steps.append([found.group(1), found.group(2), []])
        else:
            steps[-1][2].append(line)
    return steps


def stable(line):
    """What must be the same in every run of every build."""
    line = re.sub(r"^(\(0\) \[.*?\+[0-9a-f]+\)):.*", r"\1", line)
    line = re.sub(r" ; [0-9a-f]+$", "", line)
    line = re.sub(r"\)\.+$", ")...", line)  # the loader's progress
    line = re.sub(r" [dD] [aA] pcd", " d a pcd", line)
    line = re.sub(r"(\w+)=\1@entry=", r"\1=", line)
    line = line.replace("<optimized out>", "0x0")
    line = re.sub(r"(reakpoint \d+)(\.\d+|( at 0x\w+).*)", r"\1\3", line)
    line = re.sub(NUMBER, "N", line)
    return " ".join(line.split())


def agree(page, real):
    """True when the lines of the page fit the real ones."""
    pattern = "".join("(?:.*\n)*?" if line == "..." else re.escape(stable(line)) + "\n"
                      for line in page)
    return re.fullmatch(pattern, "".join(stable(line) + "\n" for line in real)) is not None


def renewed(page, real):
    """The real lines, cut where the page has `...`. With several cuts, those it has already; or the
    page as it is, when they no longer agree."""
    cuts = page.count("...")
    if cuts == 0:
        return real
    if cuts == 1:
        before = page.index("...")
        after = len(page) - before - 1
        return real[:before] + ["..."] + real[len(real) - after:]
    if not agree(page, real):
        return page
    rest = iter(real)
    return [line if line == "..." else next(new for new in rest if stable(new) == stable(line))
            for line in page]


def replay(text, tool, update):
    """Yields (description, good, real lines) of each step; steps are changed when `update`."""
    blocks = [(found, steps_of(found.group(1), tool)) for found in blocks_of(text, tool)]
    session = Session(tool.split()[0], SESSIONS[tool])
    try:
        for _, steps in blocks:
            for step in steps:
                typed = [line[len(MONITOR):] for line in step[2] if line.startswith(MONITOR)]
                real = session.ask(step[1], [line for line in typed if line])
                yield f"{tool}: {step[1]}", agree(step[2], real), real
                if update:
                    step[2] = renewed(step[2], real)
    finally:
        session.close()
    if update:
        for found, steps in reversed(blocks):
            inside = "".join("\n".join([prompt + command] + lines) + "\n"
                             for prompt, command, lines in steps)
            text = text[:found.start(1)] + inside + text[found.end(1):]
        PAGE.write_text(text)


def transcripts():
    """Yields (description, good, real lines) of each run that the pages show."""
    for path in (README, PAGE):
        for block in blocks_of(path.read_text(), "console"):
            page = block.group(1).splitlines()
            typed = [line[len(SHELL):] for line in page if line.startswith(SHELL)]
            inputs = [word for line in typed if line != "poweroff" for word in ("--input", line)]
            done = subprocess.run([ROOT / "tools/boot"] + inputs, capture_output=True)
            real = [line.rstrip() for line in done.stdout.decode().replace("\r", "").splitlines()]
            yield f"{path.name}: {', '.join(typed)}", agree(page, real), real


def checks(update):
    for tool in SESSIONS:
        yield from replay(PAGE.read_text(), tool, update)
    yield from transcripts()


def main():
    number = failed = 0
    for description, good, real in checks("--update" in sys.argv):
        number += 1
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {description}", flush=True)
        if not good:
            print("".join(f"# {line}\n" for line in real), end="")
    print(f"1..{number}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
