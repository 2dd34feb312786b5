#!/usr/bin/env python3
"""Types at a shell on a terminal and looks at what it answers: prompts, editing, history, completion,
^C, ^Z, jobs. Usage:

    terminal.py SHELL        the shell on this machine, on a terminal of its own
    terminal.py --octavo     the shell on Octavo in QEMU, over the serial line

Exit status 0: all as it should be."""
import ctypes
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tty
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ANSWER_SECONDS = 30
BOOT_SECONDS = 60

# What to type, and the regular expression that what comes back must match to its end.
TALK = [
    ("echo one\r", r"one\n\$ "),
    ("cd tmp; for i in long-name two-a two-b inside; do > $i; done; cd ..\r", r"\n\$ "),
    # editing: left, home, ^A, ^E, ^K, ^U, ^W, backspace, delete
    ("echo 13\x1b[D2\r", r"\n123\n\$ "),
    ("cho x\x1b[He\r", r"\nx\n\$ "),
    ("cho y\x01e\x05!\r", r"\ny!\n\$ "),
    ("nonsense\x15echo abc def\x17ghi\r", r"\nabc ghi\n\$ "),
    ("echo abcd\x7f\x1b[D\x1b[D\x1b[3~\r", r"\nac\n\$ "),
    ("echo keep drop\x1b[D\x1b[D\x1b[D\x1b[D\x0b\r", r"\nkeep\n\$ "),
    # history
    ("\x1b[A\x1b[A\x1b[A\r", r"\nabc ghi\n\$ "),
    # completion: the only file, a folder, a command, a choice
    ("echo tm\tlon\t\r", r"\ntmp/long-name\n\$ "),
    ("expo\tCOLOUR=red\recho $COLOUR\r", r"red\n\$ "),
    ("echo tmp/two-\t\x15\r", r"tmp/two-a  tmp/two-b  \n\$ echo tmp/two-.*\$ "),
    # several lines, dropped lines, the end of a foreground job
    ("for i in 1 2\rdo echo =$i\rdone\r", r"=1\n=2\n\$ "),
    ("echo dropped\x03echo taken\r", r"\^C\n.*\ntaken\n\$ "),
    ("echo it's\r", r"\n> "),
    ("never mind\x03", r"\^C\n\$ "),
    ("echo $?\r", r"\n130\n\$ "),
    ("if true\r", r"\n> "),
    ("\x04", r"\nsh: syntax error\n\$ "),
    ("/bin/sleep 100\r", r"100\n"),
    ("\x03", r"\$ "),
    ("echo $?\r", r"\n130\n\$ "),
    ("/bin/sleep 100\r", r"100\n"),
    ("\x1c", r"\^\\\n/bin/sleep 100: killed by QUIT\n\$ "),
    ("while true; do true; done\r", r"done\n"),
    ("\x03", r"\$ "),
    ("while true; do /bin/sleep 100; done\r", r"done\n"),
    ("\x03", r"\$ "),
    # what the shell itself waits for is not stopped; ^C there drops the command
    ("echo got $(/bin/sleep 100)\r", r"100\)\n"),
    ("\x1a", r"\^Z"),
    ("\x03", r"\A\^C\n\$ "),
    ("for i in one $(/bin/sleep 100); do echo did $i; done\r", r"done\n"),
    ("\x03", r"\A\^C\n\$ "),
    # a tour at the reader's pace
    ("memtour -p lazy zero brk\r", r"costs nothing.*no more\. "),
    ("\r", r"3\. Reading what was never written.*no more\. "),
    ("q\r", r"q\n\$ "),
    # jobs
    ("/bin/sleep 100 | cat\r", r"cat\n"),
    ("\x1a", r"\[1\] stopped +\d+  /bin/sleep 100 \| cat\n\$ "),
    ("bg\r", r"cat &\n\$ "),
    ("jobs\r", r"\[1\] running +\d+  /bin/sleep 100 \| cat\n\$ "),
    ("fg\r", r"cat\n"),
    ("\x03", r"\$ "),
    ("jobs\r", r"jobs\n\$ "),
    ("/bin/sleep 100 &\r", r"\[1\] \d+\n\$ "),
    ("kill %1; wait; echo over\r", r"over\n\$ "),
    ("/bin/sleep 100 &\r", r"\[1\] \d+\n\$ "),
    ("kill -STOP %1; /bin/sleep 0.1; jobs\r", r"jobs\n\[1\] stopped +\d+  /bin/sleep 100\n\$ "),
    ("kill -CONT %1; /bin/sleep 0.1; jobs\r", r"jobs\n\[1\] running +\d+  /bin/sleep 100\n\$ "),
    ("kill %1; /bin/sleep 0.1; jobs\r",
     r"jobs\n\[1\] killed by TERM +\d+  /bin/sleep 100\n\$ "),
    # a reader in the background is stopped, a reader in the foreground gets what is typed
    ("cat &\r", r"\$ "),
    ("/bin/sleep 0.2; jobs\r", r"\[1\] stopped +\d+  cat\n\$ "),
    ("fg\r", r"cat\n"),
    ("typed\r\x04", r"typed\ntyped\n\$ "),
    ("exit 3\r", r"exit 3\n.*"),
]


def read_until(terminal, wanted, seconds=ANSWER_SECONDS):
    """What the shell says until it matches, or until it has had its time."""
    deadline = time.monotonic() + seconds
    text = ""
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                data = os.read(terminal, 4096)
            except OSError:
                data = b""
            if not data:
                break
            text += data.decode(errors="replace").replace("\r", "")
        # Nothing more comes at once: the terminal is waiting for somebody to type.
        if re.search(wanted + r"\Z", text, re.DOTALL) and not select.select([terminal], [], [], 0.15)[0]:
            return text, True
    return text, re.search(wanted + r"\Z", text, re.DOTALL) is not None


def talk(terminal):
    """Says all of TALK; returns how many answers were not what they should be."""
    wrong = 0
    for typed, wanted in TALK:
        os.write(terminal.fd, typed.encode())
        text, matched = read_until(terminal.fd, wanted)
        if not matched:
            print(f"typed {typed!r}: got {text!r}, wanted {wanted!r}")
            wrong += 1
    return wrong


class Here:
    """A shell on a terminal of this machine, in a folder of its own."""

    def __init__(self, shell):
        shell = os.path.abspath(shell)
        self.folder = Path(tempfile.mkdtemp())
        (self.folder / "tmp").mkdir()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(self.folder)
            os.execve(shell, ["sh"], {"PATH": f"{os.path.dirname(shell)}:/bin:/usr/bin"})
        read_until(self.fd, r"\$ ")

    def status(self):
        shutil.rmtree(self.folder)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def end_with_us():
    """In the emulator's process: nothing may leave it behind, not even SIGKILL."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Octavo:
    """The shell that /init starts. QEMU's status 33 is a power-off in good order."""

    def __init__(self):
        self.fd, theirs = pty.openpty()
        tty.setraw(theirs)
        self.machine = subprocess.Popen(
            ["qemu-system-i386", "-m", "4M", "-display", "none", "-no-reboot", "-net", "none",
             "-monitor", "none", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
             "-drive", f"file={ROOT}/build/octavo.img,if=floppy,format=raw,snapshot=on",
             "-boot", "a", "-chardev", "stdio,id=com1,signal=off", "-serial", "chardev:com1"],
            stdin=theirs, stdout=theirs, preexec_fn=end_with_us)
        text, matched = read_until(self.fd, r"\$ ", BOOT_SECONDS)
        if not matched:
            print("no prompt: " + text)

    def status(self):
        try:
            code = self.machine.wait(ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            self.machine.kill()
            return "time out"
        return 3 if code == 33 else f"QEMU's {code}"


def main():
    terminal = Octavo() if sys.argv[1] == "--octavo" else Here(sys.argv[1])
    wrong = talk(terminal)
    status = terminal.status()
    if status != 3:
        print(f"it ended with {status}, not with 3")
    return 1 if wrong or status != 3 else 0


if __name__ == "__main__":
    sys.exit(main())
