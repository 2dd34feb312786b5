#!/usr/bin/env python3
"""One dump, four places: the tables of memory are the same to the byte, whether the monitor prints
them, a program reads them in /proc, gdb reads them off the machine, or tools/inspect off a dump of
it. And tools/inspect is total: whatever the file is, it says so in words.

Machines: two-level page tables and PAE with high memory in QEMU (tests/boot/dump/session.py is what
gdb does there); Bochs, whose debugger writes the dump.

  tests/boot/dump.t --update    put the present output into docs/inspecting.md
"""
import contextlib
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from importlib.machinery import SourceFileLoader
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path += [str(ROOT / "tests"), str(ROOT / "tools"), str(ROOT / "tools/bochs")]
tour = SourceFileLoader("tour", str(ROOT / "tests/boot/tour.t")).load_module()

import machine
import tap
from dumps import core
from image import image_with

INSPECT = ROOT / "tools/inspect"
SECONDS = 120


def check(description, good, text=""):
    tap.ok(good, description, text)


def same(description, texts):
    """All texts, by name, are equal and not empty."""
    first = next(iter(texts.values()))
    other = next((name for name, text in texts.items() if text != first or not text), None)
    if other is None:
        check(description, True)
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, text in ((next(iter(texts)), first), (other, texts[other])):
            Path(folder, name).write_text(text or "(nothing)\n")
        done = subprocess.run(["diff", "-u", next(iter(texts)), other] if other != next(iter(texts))
                              else ["cat", other], cwd=folder, capture_output=True, text=True)
    check(description, False, done.stdout)


def answers(console, prompt):
    """What stands between prompts, by the command behind the first of them."""
    parts = re.split(rf"^{re.escape(prompt)}", console.replace("\r", ""), flags=re.MULTILINE)[1:]
    return {command: text for command, _, text in (part.partition("\n") for part in parts)}


def inspect(dump, commands, *options):
    """What tools/inspect prints for each command, in one run; or its complaints."""
    marked = [word for command in commands for word in (f"gdb echo === {command}\\n", command)]
    done = subprocess.run([INSPECT, *options, dump, *marked], capture_output=True, text=True,
                          timeout=SECONDS)
    parts = re.split(r"^=== ", done.stdout, flags=re.MULTILINE)[1:]
    texts = {command: text for command, _, text in (part.partition("\n") for part in parts)}
    texts[""] = done.stderr
    return texts


# --- QEMU -----------------------------------------------------------------------------------------


KINDS = {"raw": "pmemsave", "core": "dump-guest-memory", "paged": "dump-guest-memory -p"}


def qemu(folder, cpu, memory, endings, image):
    environment = dict(os.environ, DUMP_FOLDER=folder, DUMP_KINDS=" ".join(endings),
                       DUMP_SIZE=str(memory << 20),
                       OCTAVO_IMAGE=image, OCTAVO_MEMORY=f"{memory}M", OCTAVO_CPU=cpu)
    done = subprocess.run(
        ["timeout", "-s", "KILL", str(SECONDS), "gdb", "-q", "-batch", "-x",
         "tools/gdb/octavo.gdb", "-x", "tests/boot/dump/session.py", "build/kernel.elf"],
        cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    try:
        return json.loads(Path(folder, "heard.json").read_text())
    except OSError:
        check(f"gdb and QEMU with the CPU {cpu}", False, (done.stdout + done.stderr)[-3000:])
        return None


def check_machine(folder, name, cpu, memory, endings, image="build/octavo.img"):
    heard = qemu(folder, cpu, memory, endings, image)
    if heard is None:
        return
    shell = answers(heard["console"], "$ ")
    monitor = answers(heard["console"], "octavo> ")
    kinds = {KINDS[ending]: ending for ending in endings}

    texts = {"proc": shell.get("cat /proc/octavo/dump", ""), "gdb": heard["proc"]["dump"]}
    for kind, ending in kinds.items():
        texts[kind] = inspect(f"{folder}/proc.{ending}", ["dump"]).get("dump", "")
    same(f"{name}: /proc/octavo/dump, gdb and dumps", texts)

    commands = list(heard["monitor"])
    dumps = {kind: inspect(f"{folder}/monitor.{ending}", commands)
             for kind, ending in kinds.items()}
    for command in commands:
        texts = {"monitor": monitor.get(command, ""), "gdb": heard["monitor"][command]}
        texts |= {kind: dump.get(command, "") for kind, dump in dumps.items()}
        if command in heard["files"]:
            texts["proc"] = shell.get("cat " + heard["files"][command], "")
        same(f"{name}: {', '.join(texts)}: {command}", texts)
    for kind, dump in dumps.items():
        check(f"{name}: no complaint about {kind}", dump[""] == "", dump[""])


# --- Bochs ----------------------------------------------------------------------------------------


def symbol(name):
    lines = (ROOT / "build/kernel.sym").read_text().splitlines()
    return next(int(line.split()[0], 16) for line in lines if line.split()[1] == name)


def runs(bochs, command):
    """True when the machine has stopped on the way to run that command of the monitor."""
    if bochs.stop.address != symbol("monitor_execute"):
        return False
    text = command.encode() + b"\0"
    return bochs.read(bochs.registers()["eax"], len(text)) == text


def bochs_at_monitor(folder, commands):
    """Bochs stopped in the monitor behind the commands, and what the machine printed."""
    bochs = machine.Bochs(['display_library: rfb, options="timeout=0"', f"log: {folder}/bochs.log",
                           "floppya: 1_44=build/monitor.img, status=inserted, write_protected=1"])
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard):
        for name in ("monitor_run", "monitor_execute"):
            bochs.breakpoint(symbol(name))
        while bochs.stop.address != symbol("monitor_run"):
            bochs.run("c")
        for command in [*commands, "uptime"]:
            bochs.type(command.encode() + b"\n")
            bochs.run("c")
            while not runs(bochs, command):
                bochs.run("c")
    return bochs, heard.getvalue()


def check_bochs(folder):
    commands = ["mmap", "zones", "freelist", "owners", "slabinfo", "frame 0x100", "slab caches",
                "walk 0xe0000000", "owner 0xc0100010", "dump"]
    os.chdir(ROOT)
    os.environ.setdefault("BXSHARE", "/usr/share/bochs")
    bochs, heard = bochs_at_monitor(folder, commands)
    dumps = [(physical, bochs.dump(linear, size)) for linear, physical, size in bochs.mapped()]
    core.write(folder + "/bochs.core", dumps, bochs.registers())
    for address, data in dumps:
        Path(folder, f"bochs.{address:x}").write_bytes(data)
    bochs.close()
    pieces = ",".join(f"{folder}/bochs.{address:x}@{address:#x}" for address, _ in dumps)
    monitor = answers(heard, "octavo> ")
    found, joined = inspect(folder + "/bochs.core", commands), inspect(pieces, commands)
    for command in commands:
        same(f"Bochs: monitor, octavo save, pieces of writemem: {command}",
             {"monitor": monitor.get(command, ""), "save": found.get(command, ""),
              "writemem": joined.get(command, "")})


# --- Whatever the file is -------------------------------------------------------------------------


def complains(description, wanted, arguments, status=2):
    done = subprocess.run([INSPECT, *arguments], cwd=ROOT, capture_output=True, text=True,
                          timeout=SECONDS)
    good = done.returncode == status and re.search(wanted, done.stderr) is not None \
        and "Traceback" not in done.stderr
    check(description, good, f"status {done.returncode}\n{done.stderr}\nwanted: {wanted}")
    return done.stdout


def cut(path, size):
    """The dump's first bytes, in a file of their own."""
    short = f"{path}.{size}"
    with open(path, "rb") as whole, open(short, "wb") as part:
        part.write(whole.read(size))
    return short


def other_build(folder):
    """The kernel with 4 KiB more before all of its code."""
    kernel = bytearray((ROOT / "build/kernel.elf").read_bytes())
    kernel[0x3000:-0x1000] = kernel[0x2000:-0x2000]
    path = folder + "/other.elf"
    Path(path).write_bytes(kernel)
    return path


def check_damage(folder, raw, seed):
    """The kernel's variables and its heap with words in them that make no sense: something is said,
    and an end is found."""
    chance = random.Random(seed)
    memory = bytearray(Path(raw).read_bytes())
    end = symbol("kernel_end") - 0xC0000000
    for low, high, words in ((end - 0x28000, end, 200), (0x3f00000, 0x3fa0000, 2000)):
        for at in (chance.randrange(low, high, 4) for _ in range(words)):
            word = chance.choice((0, 0xFFFFFFFF, 0xC0000000 + chance.randrange(len(memory))))
            memory[at:at + 4] = word.to_bytes(4, "little")
    Path(folder, "damaged").write_bytes(memory)
    done = subprocess.run([INSPECT, folder + "/damaged", "log", "ps", "dump", "slab task", "pt 2"],
                          cwd=ROOT, capture_output=True, timeout=SECONDS)
    good = done.returncode in (0, 1) and b"Python Exception" not in done.stderr \
        and b"Traceback" not in done.stderr
    check(f"damaged memory, seed {seed}", good, done.stderr.decode(errors="replace"))


def check_files(folder):
    raw, core = folder + "/monitor.raw", folder + "/monitor.core"
    Path(folder, "empty").write_bytes(b"")
    Path(folder, "zeros").write_bytes(bytes(1 << 21))
    complains("no such file", "No such file", [folder + "/nothing"])
    complains("a folder", "Is a directory", [folder])
    complains("an empty file", "is empty", [folder + "/empty"])
    complains("zeros", "holds no kernel as in", [folder + "/zeros"])
    complains("a floppy", "holds no kernel as in|does not have the memory", ["build/octavo.img"])
    complains("an ELF file that is no core", "no core of a PC", ["build/kernel.elf"])
    complains("another kernel", "is no kernel of Octavo",
              ["--kernel", "build/boot/loader.elf", raw])
    complains("another build", "holds no kernel as in", ["--kernel", other_build(folder), raw])
    complains("a kernel that is none", "is no ELF file", ["--kernel", "README.md", raw])
    complains("a dump from elsewhere", "holds no kernel", [raw + "@0x1000"])
    for size in (1, 63, 64, 100, 200, 5000):
        complains(f"{size} bytes of a core", "inspect: .* (are not all there|is no ELF file|"
                  "has no memory|does not have the memory)", [cut(core, size), "zones"])
    complains("a core without its end", "is cut short: [0-9]+ bytes of memory are missing",
              [cut(core, 12 << 20), "owners"], 1)
    text = complains("memory without its end", "Cannot access memory", [cut(raw, 4 << 20), "zones",
                                                                         "mmap"], 1)
    check("what is there is shown", re.search(r"^memmap: total .* usable$", text, re.M) is not None,
          text)
    for seed in range(3):
        check_damage(folder, raw, seed)
    complains("no such command", "bogus: Undefined octavo command", [raw, "bogus"], 1)
    complains("no such frame", "Frames are numbered 0 to 0xfffff", [raw, "frame 0x100000"], 1)
    complains("no such cache", "There is no cache nix", [raw, "slab nix"], 1)
    complains("no such process", "There is no process 99", [raw, "pt 99"], 1)
    complains("no argument", r"walk: octavo walk ADDRESS \[PID\]", [raw, "walk"], 1)
    for command in "type x", "console":
        complains(f"{command}: no machine", f"{command}: there is no machine", [raw, command], 1)
    complains("no recording", "build/norecording has no recording",
              [raw, "rewind build/norecording"], 1)
    text = complains("the stack of a stopped CPU", "^$", [core, "gdb backtrace"], 0)
    check("begins where it stopped", text.startswith("#0  monitor_execute"), text)


# --- docs/inspecting.md ---------------------------------------------------------------------------


def page_commands(text):
    """(match, command, lines below it) of each block of the page."""
    for block in re.finditer(r"^```(?:inspect|post-mortem)\n\$ (.*)\n((?:.*\n)*?)```$", text, re.M):
        yield block, block.group(1), block.group(2).splitlines()


def check_page(folder, update):
    """Each block is a command with its output; `...` stands for any lines, numbers may differ."""
    page = ROOT / "docs/inspecting.md"
    text = page.read_text()
    changed = []
    for block, command, wanted in page_commands(text):
        words = command.replace("DUMP", folder + "/monitor.core") \
            .replace("dead.core", folder + "/dead.core")
        done = subprocess.run(words, shell=True, cwd=ROOT, capture_output=True, text=True,
                              timeout=SECONDS)
        real = [line.rstrip() for line in done.stdout.replace("\r", "").splitlines()]
        check(f"docs/inspecting.md: {command}", tour.agree(wanted, real), "\n".join(real))
        changed.append((block, tour.renewed(wanted, real)))
    for block, lines in reversed(changed if update else []):
        text = text[:block.start(2)] + "".join(f"{line}\n" for line in lines) \
            + text[block.end(2):]
    if update:
        page.write_text(text)


def check_everything(folder):
    """Without a command: all there is, each table under its name."""
    done = subprocess.run([INSPECT, folder + "/monitor.core"], capture_output=True, text=True,
                          timeout=SECONDS)
    wanted = ["gdb backtrace", "log", "ps", "mmap", "zones", "buddyinfo", "freelist", "owners",
              "slabinfo", "vmas 1", "pt 1", "vmas 2", "pt 2"]
    found = [heading for heading in re.findall(r"^# (.*)$", done.stdout, re.MULTILINE)
             if not heading.startswith("name ")]
    check("everything, under headings", done.returncode == 0 and found == wanted, done.stdout)


def main():
    update = "--update" in sys.argv
    with tempfile.TemporaryDirectory() as folder:
        words = "debug=pages,heap,stacks"
        check_machine(folder, "PAE, high memory, " + words, "max", 272, ("raw", "paged"),
                      image_with(words, folder, ROOT / "build/octavo.img"))
    with tempfile.TemporaryDirectory() as folder:
        check_machine(folder, "two levels", "qemu32", 64, KINDS)
        check_files(folder)
        check_everything(folder)
        check_page(folder, update)
        check_bochs(folder)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
