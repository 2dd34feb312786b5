#!/usr/bin/env python3
"""/proc: the formats that tools parse, sums that add up, settings that stay, and files about a process
that is not there any more."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from programs import Tap

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
tap = Tap()


def shell(*lines):
    """What each line printed. None may be too long for one line of the shell's editor."""
    arguments = [word for line in lines for word in ("--input", line)]
    done = subprocess.run(["tools/boot", *arguments], stdout=subprocess.PIPE, check=False)
    console = done.stdout.decode(errors="replace").replace("\r", "")
    parts = re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]
    return [part.split("\n", 1)[1] for part in parts[:len(lines)]], done.returncode


(meminfo, stat, self_links, status, maps, zombies, settings, refused, tables, cmdline, uptime,
 limits, nowhere, things), machine = shell(
    "cat /proc/meminfo",
    "cat /proc/self/stat",
    "ls -l /proc/self /proc/thread-self",
    "cat /proc/self/status",
    "cat /proc/self/maps",
    "cat /proc/99999/stat",
    "cd /proc/sys/vm; echo 1 > overcommit_memory; cat overcommit_memory",
    "echo 7 > overcommit_memory; cat overcommit_memory",
    "cd /proc; cat buddyinfo zoneinfo slabinfo iomem vmstat stat",
    "cat self/cmdline; echo",
    "cat uptime loadavg version filesystems mounts",
    "cat self/limits self/statm self/smaps",
    "cat octavo/frame/zz octavo/frame/0xfffffffff octavo/slab/none self/walk/x 1/owner/0x100000000",
    "ls octavo/frame octavo/slab; cat octavo/frame/0x100 octavo/slab/task",
)
tap.ok(machine == 0, "the machine ended well")

kib = {name: int(value) for name, value in re.findall(r"^(\w+): +(\d+) kB$", meminfo, re.MULTILINE)}
parts = ("MemFree", "Cached", "AnonPages", "Slab", "KernelStack", "PageTables", "VmallocUsed",
         "KernelHeap")
tap.ok(sum(kib.get(name, 0) for name in parts) == kib.get("MemTotal"), "meminfo adds up",
       meminfo.splitlines())
tap.ok(kib.get("KernelStack", 0) >= 8, "the tasks' stacks are counted", meminfo.splitlines())
tap.ok(kib.get("Cached", 0) >= kib.get("Mapped", 1) > 0, "programs' code is in the page cache")

fields = re.fullmatch(r"(\d+) \((\w+)\) R (\d+ )+(-?\d+ )*-?\d+\n", stat)
tap.ok(fields and len(stat.split()) == 52, "stat has 52 fields", [stat])
tap.ok("cpuinfo" not in self_links and re.search(r" (stat|maps)$", self_links, re.MULTILINE),
       "self leads to a process", [self_links])
tap.ok(re.search(r"^Name:\tcat\n(.*\n)*State:\tR \(running\)\n(.*\n)*VmRSS:\t +\d+ kB\n", status),
       "status", [status])
tap.ok(re.search(r"^[0-9a-f]{8}-[0-9a-f]{8} r-xp 00000000 .* /(bin/)?cat$", maps, re.MULTILINE) and
       re.search(r"rw-p .*\[stack\]$", maps, re.MULTILINE), "maps name the program", [maps])
tap.ok("No such file" in zombies or "no such" in zombies.lower(), "nobody has number 99999",
       [zombies])
tap.ok(nowhere.count("no such file") == 5, "names that make no sense are no files", [nowhere])
tap.ok(re.search(r"kmalloc-16\b(.*\n)*frame 0x100: (.*\n)*cache task: ", things),
       "frames and slabs by name", [things])
tap.ok(settings == "1\n", "a setting that is written stays", [settings])
tap.ok(refused.endswith("1\n"), "one that makes no sense does not", [refused])
for name, pattern in (
        ("buddyinfo", r"^Node 0, zone +\w+( +\d+){11} $"),
        ("zoneinfo", r"^Node 0, zone +Normal\n  pages free +\d+\n"),
        ("slabinfo", r"^slabinfo - version: 2.1$"),
        ("iomem", r"^[0-9a-f]{8}-[0-9a-f]{8} : System RAM\n  [0-9a-f]{8}-[0-9a-f]{8} : Kernel code$"),
        ("vmstat", r"^pgfault [1-9]\d*$"),
        ("stat", r"^cpu  \d+ 0 \d+ \d+ .*\ncpu0 .*\nintr \d+\nctxt [1-9]\d*\nbtime [1-9]\d+$")):
    tap.ok(re.search(pattern, tables, re.MULTILINE), "the format of " + name, tables.splitlines())
tap.ok(cmdline.startswith("cat\0self/cmdline\0"), "cmdline is the words of a program",
       [repr(cmdline)])
tap.ok(re.match(r"\d+\.\d\d \d+\.\d\d\n(\d+\.\d\d ){3}\d+/\d+ \d+\nLinux version 6", uptime),
       "uptime, loadavg, version", [uptime])
tap.ok(re.search(r"^Max open files +1024 +1024 +files +$", limits, re.MULTILINE) and
       re.search(r"^\d+ \d+ \d+ \d+ 0 \d+ 0$", limits, re.MULTILINE) and
       re.search(r"^Rss: +[1-9]\d* kB\nPss: +\d+ kB$", limits, re.MULTILINE),
       "limits, statm, smaps", [limits])
tap.done()
