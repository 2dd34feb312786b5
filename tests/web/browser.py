"""browser.py - Chromium without a screen, for tests of pages: open, ask, type, look at the picture."""
import base64
import json
import os
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

ANSWER_SECONDS = 60


def find_browser():
    """The program; None when there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


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
