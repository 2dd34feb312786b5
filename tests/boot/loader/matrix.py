"""Rows of the boot matrix: one machine, one medium, from power-on to the prompt and off again.

A test file calls `row` for each and `table` at the end, which prints all rows as comments and
leaves them in build/tests/NAME.matrix for `make test-boot` to show.
"""

import os
import re
import subprocess
import sys
import time

from harness import BUILD, ENVIRONMENT, ROOT, Image, assemble, command, finish, path, results

BOOT = os.path.join(ROOT, "boot")
KERNEL = os.path.join(ROOT, "build", "kernel.elf")
WHOLE = dict(kernel=KERNEL, config="modules=none\nreport=on\n")
FLOPPY = Image("matrix.img", **WHOLE).path
SECONDS = 120
TABLE = os.path.join(ROOT, "build", "tests", os.path.basename(sys.argv[0])[:-2] + ".matrix")

rows = []


def without_entry(image, name):
    """A copy of the image whose partition table is empty."""
    with open(image, "rb") as file:
        data = bytearray(file.read())
    data[0x1BE:0x1FE] = bytes(64)
    with open(path(name), "wb") as file:
        file.write(data)
    return path(name)


def format_image(kilobytes):
    """The kernel on a floppy of another format; its path."""
    name = "%d." % kilobytes
    for stage in ("bootsect", "loader"):
        assemble(os.path.join(BOOT, stage + ".asm"), name + stage, "-DFORMAT=%d" % kilobytes)
    image = Image(name + "img", bootsect=name + "bootsect", loader=name + "loader", **WHOLE).path
    command("fsck.fat", "-n", image)
    return image


def boot(emulator, medium, words, image):
    """Runs tools/boot; exit status and console."""
    line = [os.path.join(ROOT, "tools", "boot"), "--emu", emulator, "--media", medium,
            "--timeout", str(SECONDS), "--cmdline", "monitor", "--input", "owners",
            "--input", "boot", "--image", image, "--mips", "5"]
    done = subprocess.run(line + list(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=ENVIRONMENT, timeout=SECONDS + 60)
    return done.returncode, done.stdout.decode("latin-1").replace("\r", "")


def summary(text):
    """How the machine was booted, in a few words."""
    ours = re.search(r"^octavo loader: drive (\w+) method (.)", text, re.MULTILINE)
    if ours:
        return "drive %s by %s" % (ours[1], ours[2])
    loader = re.search(r"^multiboot: loader '([^']*)'", text, re.MULTILINE)
    return loader[1] or "a loader without a name" if loader else "no kernel"


def enter(machine, emulator, medium, good, seconds, how):
    """Reports one row and puts it into the table."""
    rows.append((machine, emulator, medium, "%s, %s, %.1f s" % ("ok" if good else "FAILS", how,
                                                                seconds)))
    results.append(bool(good))
    print("%s %d - %s: %s" % ("ok" if good else "not ok", len(results), emulator, machine),
          flush=True)


def row_without_serial():
    """No COM1 at all: port E9 and the screen have the text, the keyboard gives the orders."""
    start = time.monotonic()
    image = Image("keys.img", kernel=KERNEL, config="cmdline=monitor\nmodules=none\n").path
    machine = subprocess.Popen(
        ["qemu-system-i386", "-m", "32", "-display", "none", "-no-reboot", "-net", "none",
         "-serial", "none", "-monitor", "stdio", "-debugcon", "file:" + path("e9"), "-device",
         "isa-debug-exit,iobase=0xf4,iosize=0x04", "-drive",
         "file=%s,if=floppy,format=raw,snapshot=on" % image, "-boot", "a"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        while "octavo> " not in text_of("e9") and time.monotonic() < start + SECONDS:
            time.sleep(0.1)
        keys = "".join("sendkey %s\n" % key for key in [*"poweroff", "ret"])
        machine.stdin.write(keys.encode())
        machine.stdin.flush()
        machine.wait(SECONDS)
    finally:
        machine.kill()
        machine.wait()
    text = text_of("e9")
    enter("no serial port", "qemu", "floppy", machine.returncode == 33 and "kind=ok" in text,
          time.monotonic() - start, summary(text))


def text_of(name):
    if not os.path.exists(path(name)):
        return ""
    with open(path(name), "rb") as file:
        return file.read().decode("latin-1").replace("\r", "")


def row(machine, emulator, medium, *words, image=None, status=0, expect=None):
    """One row; `expect` is a pattern for the console, by default the owners of every frame."""
    kernel = medium in ("multiboot", "grub", "mboot", "ipxe")
    image = image or (os.path.join(BUILD, "kernel.elf") if kernel else FLOPPY)
    start = time.monotonic()
    got, text = boot(emulator, medium, words, image)
    expect = expect or r"^sum .*= all RAM of the firmware's map$"
    good = got == status and re.search(expect, text, re.MULTILINE)
    enter(machine, emulator, medium, good, time.monotonic() - start,
          summary(text) if status == 0 else "refused")
    if not good:
        print("# tools/boot %s: status %d" % (" ".join(words), got), file=sys.stderr)
        for line in text.splitlines()[-30:]:
            print("# " + "".join(c if c.isprintable() else "?" for c in line[:160]),
                  file=sys.stderr)


def skipped(emulator):
    """All rows of an emulator that is not there."""
    rows.append(("all", emulator, "", "skipped, not installed"))
    results.append(True)
    print("ok %d - %s # SKIP not installed" % (len(results), emulator), flush=True)


def table():
    widths = [max(len(r[i]) for r in rows) for i in range(3)]
    lines = ["%-*s  %-*s  %-*s  %s" % (widths[0], a, widths[1], b, widths[2], c, d)
             for a, b, c, d in rows]
    os.makedirs(os.path.dirname(TABLE), exist_ok=True)
    with open(TABLE, "w") as file:
        file.write("".join(line + "\n" for line in lines))
    for line in lines:
        print("# " + line)
    finish()


command("objcopy", "--strip-debug", KERNEL, path("kernel.elf"))
