#!/usr/bin/env python3
"""The page of `make web` in headless Chromium, from a static file server: the shell comes up on the
screen and on COM1, keys reach it, and what the page reads from the frame table is what the kernel
itself says about its memory."""

import functools
import http.server
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests/web"), str(ROOT / "tests")]

from browser import ANSWER_SECONDS, Browser, find_browser  # noqa: E402
from tap import finish, ok, skip_all  # noqa: E402

BOOT_SECONDS = 120
RAM_FRAMES = 16384


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def serve(folder):
    """A static file server; the page's address."""
    handler = functools.partial(QuietHandler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/web/"


LEGEND = """Object.fromEntries([...document.querySelectorAll("#legend tr")]
    .map((row) => [row.cells[1].textContent, Number(row.cells[2].textContent)]))"""
SERIAL = "document.getElementById('serial').textContent"
SCREEN = "document.getElementById('screen').textContent.replaceAll('\\u00a0', ' ')"
# How many pixels of the drawing have the colour of each owner.
PIXELS = """(() => {
    const canvas = document.getElementById("memory");
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const counts = {};
    for (let at = 0; at < data.length; at += 4) {
        const colour = "#" + [...data.slice(at, at + 3)]
            .map((byte) => byte.toString(16).padStart(2, "0")).join("");
        const owner = FRAMES.owners.find((one) => one.colour === colour);
        counts[owner ? owner.name : colour] = (counts[owner ? owner.name : colour] ?? 0) + 1;
    }
    return counts;
})()"""


def check_start(browser):
    up = browser.wait(f"{SERIAL}.endsWith('$ ')", BOOT_SECONDS)
    ok(up, "the shell's prompt comes on COM1", browser.value(SERIAL))
    ok(browser.wait(f"/\\$ *$/.test({SCREEN}.trimEnd())", 10), "and on the screen",
       browser.value(SCREEN))
    ok(browser.wait(f"{LEGEND}['kernel image'] > 0", 10), "the frame table is found",
       browser.value("document.getElementById('state').textContent"))
    return up


def check_owners(browser):
    """The kernel's own list, asked for by keyboard, against the page's."""
    browser.type("cat /proc/owners\n")
    listed = browser.wait(f"/^sum [^]*\\$ $/m.test({SERIAL})", ANSWER_SECONDS)
    text = browser.value(SERIAL)
    ok(listed, "what is typed at the page is run", text)
    time.sleep(1)
    said = {name: int(frames)
            for name, frames in re.findall(r"^([a-z][a-z ]*?) +(\d+) +\d+\b", text.split(
                "cat /proc/owners")[-1], re.MULTILINE)}
    shown, pixels = browser.value(LEGEND), browser.value(PIXELS)
    for name in ("kernel image", "module", "metadata", "low memory", "early heap", "heap"):
        ok(name in said and said[name] == shown[name], f"{name}: as many frames as it says",
           f"{name}: kernel {said.get(name)}, page {shown.get(name)}")
    ram = sum(frames for name, frames in shown.items() if name != "firmware")
    ok(ram == said.get("sum"), "all owners together are all RAM", f"{ram} {said}\n{shown}")
    ok(sum(shown.values()) == RAM_FRAMES, "with the holes: every frame of the machine", shown)
    drawn = {name: frames for name, frames in shown.items() if frames}
    ok(pixels == drawn, "the drawing has a pixel for each frame", f"{pixels}\n{drawn}")


def check_life(browser):
    """A program that takes memory is seen while it runs, and gone when it has ended."""
    before = browser.value(LEGEND)["program"]
    browser.type("stress\n")
    ok(browser.wait(f"{LEGEND}['program'] > {before + 100}", ANSWER_SECONDS),
       "memory that a program takes is seen", browser.value(LEGEND))
    ok(not browser.errors, "no error in the page", "\n".join(browser.errors))


def check_page(program):
    # What dies with the browser may still be writing.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            browser.open(serve(ROOT / "build"))
            if check_start(browser):
                check_owners(browser)
                check_life(browser)
            if len(sys.argv) > 1:
                browser.picture(sys.argv[1])
        except (TimeoutError, EOFError) as error:
            ok(False, "the browser answers", error)
        finally:
            browser.close()


def main():
    program = find_browser()
    if not program:
        skip_all("no chromium here")
    made = subprocess.run(["flock", "build/.make-lock", "make", "-s", "web"], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    if made.returncode and "web: " in made.stderr:
        skip_all(made.stderr.strip().splitlines()[0])
    ok(made.returncode == 0, "make web", made.stderr)
    if made.returncode == 0:
        check_page(program)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
