#!/usr/bin/env python3
"""The page of `make web` in headless Chromium, from a static file server: the shell comes up on the
screen and on COM1, keys reach it, and what the page reads from the frame table is what the kernel
itself says about its memory."""

import base64
import functools
import http.server
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BOOT_SECONDS = 120
ANSWER_SECONDS = 60
RAM_FRAMES = 16384

count = failed = 0


def ok(good, description, details=""):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {description}", flush=True)
    for line in () if good else str(details).splitlines()[-40:]:
        print(f"# {line}")


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


class Browser:
    """One tab of Chromium, spoken to over two pipes: JSON with a zero at the end."""

    def __init__(self, program, profile):
        command_read, self.commands = os.pipe()
        self.replies, reply_write = os.pipe()
        # The browser's ends are its descriptors 3 and 4.
        self.process = subprocess.Popen(
            ["sh", "-c", f'exec "$@" 3<&{command_read} 4>&{reply_write}', "sh", program,
             "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--remote-debugging-pipe", "--window-size=1400,900",
             f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(command_read, reply_write), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(command_read)
        os.close(reply_write)
        self.buffer = b""
        self.number = 0
        self.session = None
        self.errors = []

    def message(self, deadline):
        while b"\0" not in self.buffer:
            left = max(0, deadline - time.monotonic())
            if not select.select([self.replies], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            chunk = os.read(self.replies, 1 << 16)
            if not chunk:
                raise EOFError("the browser ended")
            self.buffer += chunk
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.commands, json.dumps(request).encode() + b"\0")
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            reply = self.message(deadline)
            if reply.get("method") == "Runtime.exceptionThrown":
                self.errors.append(json.dumps(reply["params"]["exceptionDetails"]))
            if reply.get("id") == self.number:
                return reply["result"]

    def open(self, address):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        self.call("Runtime.enable")
        self.call("Page.navigate", url=address)

    def value(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    def wait(self, expression, seconds):
        """True as soon as the expression is; False when the time is over."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.value(expression):
                return True
            time.sleep(0.3)
        return False

    def type(self, text):
        """As from the keyboard, key by key."""
        for character in text:
            code, number = key_of(character)
            key = {"code": code, "windowsVirtualKeyCode": number, "nativeVirtualKeyCode": number}
            self.call("Input.dispatchKeyEvent", type="rawKeyDown", **key)
            self.call("Input.dispatchKeyEvent", type="keyUp", **key)
            time.sleep(0.03)

    def picture(self, path):
        shot = self.call("Page.captureScreenshot", format="png")
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def close(self):
        """All processes of the browser, not only the first."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def key_of(character):
    """The name and the number that a browser gives a key."""
    named = {" ": ("Space", 32), "/": ("Slash", 191), "\n": ("Enter", 13)}
    return named.get(character, (f"Key{character.upper()}", ord(character.upper())))


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
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        skip_all("no chromium here")
    made = subprocess.run(["flock", "build/.make-lock", "make", "-s", "web"], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    if made.returncode and "web: " in made.stderr:
        skip_all(made.stderr.strip().splitlines()[0])
    ok(made.returncode == 0, "make web", made.stderr)
    if made.returncode == 0:
        check_page(program)
    print(f"1..{count}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
