"""image.py - the floppy that a session boots, and what shows its screen."""
import glob
import os
import re
import subprocess
from pathlib import Path


def words_of(args):
    """What the kernel's command line gets beside what it has."""
    words = [args.cmdline] if args.cmdline else []
    if args.trace:
        words.append(f"trace={args.trace} trace_to=com2")
    if args.program:
        words.append(f'run="{args.program}"')
    return " ".join(words)


def image_with(words, folder, base):
    """A copy of an image whose kernel gets more words."""
    image, config = f"{folder}/octavo.img", f"{folder}/octavo.cfg"
    Path(image).write_bytes(Path(base).read_bytes())
    subprocess.run(["mcopy", "-i", image, "::OCTAVO.CFG", config], check=True)
    text = re.sub(r"(?m)^cmdline=(.*)", lambda line: f"cmdline={line.group(1)} {words}".rstrip(),
                  Path(config).read_text())
    Path(config).write_text(text)
    subprocess.run(["mcopy", "-o", "-i", image, config, "::OCTAVO.CFG"], check=True)
    return image


def display():
    """A window on a desktop, else a server that VNC viewers find at port 5900."""
    windows = glob.glob("/usr/lib/*/bochs/plugins/libbx_x_gui.so")
    if os.environ.get("DISPLAY") and windows:
        return "display_library: x"
    return 'display_library: rfb, options="timeout=0"'
