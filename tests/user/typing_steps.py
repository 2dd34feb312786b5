"""A person at the terminal: types when what was waited for has come.

    console, status = at_terminal([(r"\\$ $", "cat\\r"), ("cat", "text\\r"), ...], "--mem", "32M")

Each step waits for its pattern behind what the step before has seen; a third item is how many
seconds more, for what cannot be seen, such as which program has the terminal. Control characters
are typed as they are. The machine is told to power off when the last step is done and a prompt
waits.
"""
import importlib.machinery
import importlib.util
import re
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def load_runner():
    loader = importlib.machinery.SourceFileLoader("boot", str(ROOT / "tools/boot"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("boot", loader))
    loader.exec_module(module)
    return module


boot = load_runner()


class Typing(boot.Session):
    """Follows a list of steps instead of a list of lines."""

    steps = []

    def answer(self):
        if not self.steps:
            super().answer()
            return
        pattern, text, *seconds = self.steps[0]
        if re.search(pattern.encode(), self.console[self.answered:], re.MULTILINE):
            time.sleep(sum(seconds))
            self.answered = len(self.console)
            self.steps.pop(0)
            self.machine.type(text.encode("latin-1"))

    def read(self):
        """As the runner's, but our own output stays clean."""
        stdout, sys.stdout = sys.stdout, open("/dev/null", "w")
        try:
            return super().read()
        finally:
            sys.stdout.close()
            sys.stdout = stdout


def at_terminal(steps, *options):
    """What was on the console, without carriage returns, and tools/boot's status."""
    argv, sys.argv = sys.argv, ["boot", *options]
    try:
        args = boot.arguments()
    finally:
        sys.argv = argv
    boot.choose_medium(args)
    with tempfile.TemporaryDirectory(prefix="octavo-") as folder:
        machine = boot.Qemu(args, Path(folder), boot.medium(args, Path(folder)))
        session = Typing(args, machine, Path(folder))
        session.steps = list(steps)
        try:
            status = session.follow()
        finally:
            boot.stop(machine.process)
    left = [f"never seen: {pattern}" for pattern, *_ in session.steps]
    return session.console.decode(errors="replace").replace("\r", "") + "".join("\n" + line for line in left), status
