#!/usr/bin/env python3
"""The models name functions and members that the code has: in docs/models.md, where each table's second
column is the code of the files named above it, and in the models' own comments."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import tap

HEADERS = "include mm/*.h kernel/include"  # what all sections may name


def identifiers(text):
    return set(re.findall(r"[A-Za-z_]\w+", text))


def sources(places):
    """The identifiers of files, of all C files of folders."""
    found = subprocess.run(["git", "ls-files", "--", *places], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.split()
    return set().union(*(identifiers((ROOT / name).read_text()) for name in found
                         if name.endswith((".c", ".h", ".inc", ".asm"))))


def without_comments(model):
    return re.sub(r"/\*.*?\*/", "", model, flags=re.S)


def files_of(section):
    """Paths in a section's text; names in "`a.c` and `b.c` in `folder`" too."""
    named = re.findall(r"`((?:kernel|mm|include)/[\w/]*)`", section)
    paths = re.findall(r"`((?:kernel|mm|include)/[\w/]+\.[ch])`", section)
    return paths + [f"{folder}/{name}" for folder in named
                    for name in re.findall(r"`(\w+\.c)`", section)]


def code_column(section):
    for line in section.splitlines():
        if line.startswith("|") and not line.startswith("|---") and line != "| model | code |":
            for word in re.findall(r"`([^`]+)`", line.split(" | ")[-1]):
                yield from identifiers(word) - {"struct"}


everything = sources(["kernel", "mm", "include"])
page = (ROOT / "docs/models.md").read_text()
described = set()
for section in page.split("\n## ")[1:]:
    name = section.split(":")[0]
    described.add(name)
    paths = files_of(section)
    tap.ok(paths and all((ROOT / path).exists() for path in paths), f"{name}: names its files", paths)
    known = sources(paths + HEADERS.split())
    words = set(code_column(section))
    tap.ok(words and words <= known, f"{name}: the code has all that its table names",
           f"missing in {paths}: {sorted(words - known)}")

for model in sorted((ROOT / "tests/models").glob("*.pml")):
    text = model.read_text()
    comments = " ".join(re.findall(r"/\*.*?\*/", text, re.S)).replace(model.name, "")
    words = {word for word in identifiers(comments) if "_" in word.strip("_") and not word.startswith("D")}
    missing = words - everything - identifiers(without_comments(text))
    tap.ok(not missing, f"{model.name}: its comments name what there is", sorted(missing))
    tap.ok(model.name in described, f"{model.name}: docs/models.md has it")

tap.finish()
