#!/usr/bin/env python3
"""The documents name what there is: files, links, make targets, options, commands, programs, system
calls, files of /proc, sizes of structures. Tables are compared with the sources that they describe."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
REFERENCE = (ROOT / "docs/reference.md").read_text()
DESIGN = (ROOT / "docs/design.md").read_text()
FOLDERS = "boot|docs|include|kernel|mm|tests|tools|user"

count = failed = 0


def ok(good, description, details=()):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {description}")
    for line in () if good else details:
        print(f"# {line}")


def same(description, documented, real):
    """Two lists of names agree, and no name is documented twice."""
    wrong = [f"there is no {name}" for name in sorted(set(documented) - set(real))]
    wrong += [f"not documented: {name}" for name in sorted(set(real) - set(documented))]
    wrong += [f"twice: {name}" for name in sorted({name for name in documented
                                                    if documented.count(name) > 1})]
    ok(not wrong, description, wrong)


def source(path):
    return (ROOT / path).read_text()


def sources(pattern):
    return "".join(path.read_text() for path in sorted(ROOT.glob(pattern)))


def section(title):
    """The text of a section of the reference."""
    return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", REFERENCE,
                     re.MULTILINE | re.DOTALL)[1]


def first_column(text):
    """The words in backticks in the first column of the tables of `text`."""
    rows = re.findall(r"^\|([^|]*)\|.*\|$", text, re.MULTILINE)
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row)]


def check_files():
    """Paths in backticks and targets of links exist."""
    for page in PAGES:
        text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
        paths = re.findall(rf"`((?:{FOLDERS})/[\w./-]+\w)`", text)
        links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
        missing = [path for path in paths if "NAME" not in path and not (ROOT / path).exists()]
        missing += [link for link in links if not (page.parent / link).exists()]
        ok(not missing, f"{page.relative_to(ROOT)}: files that it names exist", missing)


def check_targets():
    targets = re.findall(r"^([a-z-]+):.*## ", source("Makefile"), re.MULTILINE)
    for page in PAGES:
        text = page.read_text()
        used = [word for line in re.findall(r"`make ([^`]+)`|^ {4}make (.*)$", text, re.MULTILINE)
                for word in re.sub(r"#.*|[A-Z]+=(\".*?\"|\S+)", "", "".join(line))
                .replace(",", " ").split()]
        missing = [word for word in used if re.fullmatch(r"[a-z-]+", word) and word not in targets]
        ok(not missing, f"{page.relative_to(ROOT)}: make knows the targets", missing)


def sizes_of(names):
    """What the kernel's compiler says; its words when it does not understand."""
    headers = [path.name for folder in ("include", "kernel/include")
               for path in sorted((ROOT / folder).glob("*.h"))
               if any(f"{name} {{" in path.read_text() for name in names)]
    program = "".join(f'#include "{header}"\n' for header in headers)
    program += f"unsigned sizes[] = {{{', '.join(f'sizeof({name})' for name in names)}}};\n"
    done = subprocess.run(["gcc", "-m32", "-march=i486", "-std=gnu11", "-ffreestanding", "-S",
                           "-I", ROOT / "kernel/include", "-I", ROOT / "include",
                           "-x", "c", "-o", "-", "-"], input=program, text=True,
                          capture_output=True, check=False)
    found = re.findall(r"^\s+\.long\s+(\d+)$", done.stdout, re.MULTILINE)
    return dict(zip(names, map(int, found))), done.stderr.splitlines()


def check_sizes():
    """Rows of docs/design.md that say how large a structure is."""
    rows = re.findall(r"^\| `(struct \w+)`.*? \| (\d+) \|", DESIGN, re.MULTILINE)
    ok(rows, "sizes of structures are documented")
    sizes, words = sizes_of([name for name, _ in rows])
    wrong = [f"{name}: {said}, is {sizes.get(name)}" for name, said in rows
             if sizes.get(name) != int(said)]
    ok(not wrong, "and are what they are", wrong + words)


def main():
    check_files()
    check_targets()
    check_sizes()

    options = source("kernel/cmdline.c").split("options[] = {")[1].split("};")[0]
    same("boot options", [re.match(r"\w+", word)[0]
                          for word in dict.fromkeys(first_column(section("Boot options")))
                          if word != "test=GLOB"],
         re.findall(r'\{"(\w+)",', options))
    same("commands of the monitor", first_column(section("Commands of the monitor")),
         re.findall(r"^(?:MONITOR|TABLE)_COMMAND\((\w+),", sources("kernel/monitor/*.c"),
                    re.MULTILINE))
    same("programs", first_column(section("Programs on the floppy")),
         [path.stem for path in ROOT.glob("user/*.c") if path.stem != "init"])
    helped = source("user/sh/builtin.c").split("programs[] = {")[1].split("};")[0]
    same("what `help programs` lists", re.findall(r'\{"(\w+)",', helped),
         [path.stem for path in ROOT.glob("user/*.c") if path.stem != "init"])

    calls = section("System calls")
    there = re.findall(r"^SYSCALL\((\w+)\)", sources("kernel/*/*.c"), re.MULTILINE)
    numbered = re.findall(r"X\(\d+, (\w+)\)", source("include/uapi/syscall.h"))
    same("system calls", first_column(calls), there)
    absent = re.findall(r"`(\w+)`", calls.split("Not there, among others:")[1])
    wrong = [name for name in absent if name in there or name not in numbered]
    ok(not wrong, "system calls that are not there are calls, and are not there", wrong)

    machine, process = section("Files of /proc").split("Each process has a folder")
    same("files of /proc", first_column(machine),
         re.findall(r'(?:^    \{|tree_add_dynamic\()"(/proc/[^"]+)",',
                    "".join(source(f"kernel/proc/{name}.c")
                            for name in ("proc", "proc_octavo", "proc_trace", "proc_frames")), re.MULTILINE))
    same("files of /proc/PID", first_column(process),
         re.findall(r'^    \{"([\w-]+)", S_IF', source("kernel/proc/proc_task.c"), re.MULTILINE))
    devices = re.findall(r'"(/dev/\w+)"', source("kernel/files/devices.c") + source("kernel/files/tty.c"))
    devices += ["/dev/" + name
                for name in re.findall(r'\{"(\w+)", "/proc/self/fd', source("kernel/files/tree.c"))]
    same("devices", first_column(section("Devices")), devices + ["/dev/shm"])

    print(f"1..{count}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
