#!/usr/bin/env python3
"""Programs that are not ours, or stand on a C library that is not, unchanged on Octavo: each says
what it says on Linux. What needs a package that cannot be had here is skipped."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from programs import EACH, Tap, make, packages, run

HERE = "tests/user/clients/"
BUSYBOX = "build/packages/busybox-static/bin/busybox"

HELLO = ["hello from a C library"]
THREADS = ["counted 56000, own sums 56000, once 1", "turns 3200", "bad bytes 0"]
MALLOCS = ["20000 operations, sum edd90316, 0 bad"]
LUA = [
    "884896\t652494352",
    "10000:57019210\t37000:41ec3608\t9:8ff34739",
    "256\t00\t2189\t2063",
    "17711\ttrue",
]
SQLITE = [
    "8000|3692000|item 1|item 999",
    *("1|7920 2|7653 3|7208 4|6585 5|5784 6|4805 7|3648 8|2313 9|800 10|7118 11|5249 12|3202 "
      "13|977 14|6583 15|4002 16|1243 17|6315 18|3200 19|7916").split(),
    "3696|737.099567099567",
    "600|160", "625|160", "900|160",
]
TOOLS = """\
sum of squares 385
function with 3 arguments: one two three four
case matches
substitution: INNER
200
199
198
awk 500500 142
65536
64+0 records out
text
more
folder:
inner

folder/inner:
file
inner
moved
a b c
status 3
Terminated
killed 143
waited 0
read: here document
trapped
logic
printf 00042 ff""".splitlines()
# Regular expressions that must match in this order, anywhere.
LOOK = [
    r"^total \d+$", r"^ +total +used +free +shared", r"^Mem: +\d{4,}", r"^ *PID +USER .*COMMAND",
    r"^ *1 .*each", r"^Mem: \d+K used, \d+K free", r"^CPU:", r"^ *PID +PPID +USER",
    r"^\w+ i[3-6]86$", r"^0$", r"load average", r"^\(cat\)$|^\(busybox\)$",
]


class Client:
    """A command, the files it needs, what it prints, and the packages it is made from."""

    def __init__(self, name, command, files, expected, needs=(), loose=False):
        self.name, self.command, self.files = name, command, files
        self.expected, self.needs, self.loose = expected, needs, loose

    def wrong(self, result):
        """What is wrong with the result, "" when nothing is."""
        if result.status != 0:
            return "did not end" if result.status is None else f"wait status {result.status:#x}"
        if self.loose:
            return matched_in_order(self.expected, result.lines)
        # A program may try calls that the kernel says it does not have.
        got = [line.rstrip() for line in result.lines if not line.startswith("syscall: ")]
        return "" if got == self.expected else "printed something else"


def matched_in_order(patterns, lines):
    lines = iter(lines)
    for pattern in patterns:
        if not any(re.search(pattern, line) for line in lines):
            return f"no line like {pattern}"
    return ""


def built(name, expected, needs, *arguments):
    file = "build/clients/" + name
    return Client(name, " ".join([f"/bin/{name}", *arguments]), [f"{file}=/bin/{name}"], expected,
                  needs)


def script(name, expected, loose=False):
    return Client(f"busybox ash {name}", f"/bin/{name}.ash",
                  [f"{HERE}{name}.ash=/bin/{name}.ash", BUSYBOX + "=/bin/busybox"], expected, ["busybox-static"],
                  loose)


MUSL = ["musl-dev"]
MIMALLOC = [*MUSL, "source:mimalloc", "linux-libc-dev"]
CLIENTS = [
    built("musl-hello", HELLO, MUSL),
    built("glibc-hello", HELLO, []),
    built("musl-threads", THREADS, MUSL),
    built("glibc-threads", THREADS, []),
    built("musl-mallocs", MALLOCS, MUSL),
    built("glibc-mallocs", MALLOCS, []),
    built("mimalloc-mallocs", MALLOCS, MIMALLOC),
    Client("mimalloc-stress", "/bin/mimalloc-stress 4 10 5",
           ["build/clients/mimalloc-stress=/bin/mimalloc-stress"],
           ["^Using 4 threads with a 10% load-per-thread and 5 iterations"], MIMALLOC, True),
    Client("lua", "/bin/lua /bin/work.lua", ["build/clients/lua=/bin/lua", HERE + "work.lua=/bin/work.lua"], LUA,
           [*MUSL, "source:lua5.4"]),
    Client("sqlite3", "/bin/sqlite3 -batch -init /bin/work.sql :memory: .quit",
           ["build/clients/sqlite3=/bin/sqlite3", HERE + "work.sql=/bin/work.sql"], SQLITE,
           [*MUSL, "source:sqlite3"]),
    script("tools", TOOLS),
    script("look", LOOK, True),
    script("forks", ["100 programs"]),
    script("subshells", ["100 children"]),
]


def prepare(tap):
    """The clients that can be run here; says why the others cannot."""
    ready = []
    for client in CLIENTS:
        lacking = [name for name in client.needs if not packages(name)]
        targets = [file.split("=")[0] for file in client.files if file.startswith("build/clients")]
        if lacking:
            tap.skip(client.name, " ".join(lacking) + " cannot be had here")
            continue
        complaint = make(EACH, *targets)
        if complaint is None:
            ready.append(client)
        else:
            tap.ok(False, client.name + ": built", complaint.splitlines())
    return ready


check = Tap()
clients = prepare(check)
files = sorted({file for client in clients for file in client.files})
results, console, status = run([client.command for client in clients], files, timeout=600)
for client in clients:
    result = results[client.command]
    reason = client.wrong(result)
    check.ok(not reason, client.name + (f": {reason}" if reason else ""), result.lines)
check.ok(status == 0, "the machine powered off in good order", console)
check.done()
