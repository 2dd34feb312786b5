"""debugger.py - TAP for tests that say things to gdb: what it answers to each command, and whether
that is like what was expected."""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import tap
from tap import like  # noqa: F401: for those who import this

ROOT = Path(__file__).resolve().parent.parent
BETWEEN = "\x01"
SECONDS = 120


def ok(description, good, shown=""):
    tap.ok(good, description, shown)


def answers(commands, kernel, start, **environment):
    """What gdb says when it starts, and then to each command. One that fails does not end it."""
    with tempfile.TemporaryDirectory(prefix="octavo-") as folder:
        script = Path(folder) / "commands"
        lines = ["set pagination off", "set width 0"]
        for command in commands:
            lines += [f"echo {BETWEEN}", f"python\ntry: gdb.execute({command!r})",
                      "except gdb.error as error: print(error)\nend"]
        script.write_text("\n".join(lines) + "\n")
        done = subprocess.run(
            ["gdb", "-q", "-batch", "-x", start, "-x", script, kernel], cwd=ROOT, text=True,
            env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=SECONDS)
    said = re.sub(r"\[Inferior 1 .*detached\]\n", "", done.stdout).split(BETWEEN)
    return said + [""] * (1 + len(commands) - len(said))


def session(commands, image, **environment):
    """The same of gdb before a machine that starts."""
    return answers(commands, "build/kernel.elf", "tools/gdb/octavo.gdb", OCTAVO_IMAGE=str(image),
                   **environment)


def image_with(folder, cmdline, *files):
    """The floppy's image with another command line, and more files."""
    sys.dont_write_bytecode = True
    from importlib.machinery import SourceFileLoader
    boot = SourceFileLoader("boot", str(ROOT / "tools/boot")).load_module()
    args = boot.arguments(["--image", str(ROOT / "build/octavo.img"), "--cmdline", cmdline,
                           *(word for file in files for word in ("--add", str(file)))])
    return boot.edited_image(args, Path(folder))


def end():
    sys.exit(tap.finish())
