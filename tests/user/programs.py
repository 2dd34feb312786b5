"""Runs a list of programs on Octavo in one machine, and keeps what each printed.

The machine starts `each` (tests/conformance/bench/each.c) with the list; what comes between two of
its lines belongs to one program.
"""
import fcntl
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
EACH = "build/conformance/bare/each"


class Result:
    """status is a wait status; None when the program did not end."""

    def __init__(self):
        self.lines = []
        self.status = None
        self.ticks = None


class Tap:
    """Checks, printed as they are made."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def ok(self, condition, description, explanation=()):
        self.count += 1
        self.failed += not condition
        print(f"{'ok' if condition else 'not ok'} {self.count} - {description}")
        for line in list(explanation)[-40:] if not condition else ():
            print("# " + line, file=sys.stderr)
        sys.stdout.flush()
        return condition

    def skip(self, description, why):
        self.count += 1
        print(f"ok {self.count} - {description} # SKIP {why}", flush=True)

    def done(self):
        print(f"1..{self.count}")
        sys.exit(self.failed != 0)


def make(*targets):
    """None when make could build them, else its complaint. Only one make at a time."""
    with open(ROOT / "build" / ".make-lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["make", "-s", *targets], cwd=ROOT, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout if done.returncode else None


def packages(*names):
    """True when tools/packages has them, or got them."""
    return subprocess.run(["tools/packages", *names], cwd=ROOT, stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


def run(commands, files, *options, timeout=300):
    """Boots with `files` ("FILE" or "FILE=/PATH") and runs the commands one after the other.
    Returns the results by command, the console's lines and tools/boot's exit status."""
    with tempfile.NamedTemporaryFile("w", suffix=".lst") as script:
        script.write("".join(command + "\n" for command in commands))
        script.flush()
        done = subprocess.run(
            ["tools/boot", "--media", "multiboot", "--mem", "256M", "--timeout", str(timeout),
             "--cmdline", 'run="/each /script"',
             "--add", EACH, script.name + "=/script", *files, *options],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    console = done.stdout.decode(errors="replace").replace("\r", "").splitlines()
    return sort_out(commands, console), console, done.returncode


def sort_out(commands, console):
    results = {command: Result() for command in commands}
    current = None
    for line in console:
        ended = re.match(r"(.*)### ended 0x([0-9a-f]+) (\d+): (.*)$", line)
        begun = re.match(r"### (/.*)$", line)
        if ended and ended[4] in results:
            result = results[ended[4]]
            result.lines += [ended[1]] if ended[1] else []
            result.status, result.ticks = int(ended[2], 16), int(ended[3])
            current = None
        elif begun and begun[1] in results:
            current = results[begun[1]]
        elif current:
            current.lines.append(line)
    return results
