#!/usr/bin/env python3
"""Every conformance program: as a client of musl, and without any C library on a CPU with PAE and
NX. All lines ok."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from programs import EACH, ROOT, Tap, make, packages, run

NAMES = sorted(path.stem for path in (ROOT / "tests/conformance/t").glob("*.c"))


def whole(result):
    """What is wrong with a program's TAP, "" when nothing is."""
    plan = [line for line in result.lines if line.startswith("1..")]
    checks = [line for line in result.lines if line.startswith(("ok ", "not ok "))]
    if result.status is None:
        return "did not end"
    if any(line.startswith("not ok ") for line in checks):
        return "some checks failed"
    if any("# skip" in line.lower() for line in checks):
        return "some checks were skipped"
    if plan != [f"1..{len(checks)}"]:
        return "not as many checks as announced"
    return "" if result.status == 0 else f"wait status {result.status:#x}"


def suite(tap, build, *options):
    """One machine for all programs of a build."""
    wrong = make(EACH, "conformance-" + build)
    if wrong is not None:
        tap.ok(False, f"{build}: built", wrong.splitlines())
        return
    files = [f"build/conformance/{build}/{name}=/t/{name}" for name in NAMES]
    results, console, status = run([f"/t/{name}" for name in NAMES], files, *options)
    for name in NAMES:
        result = results["/t/" + name]
        reason = whole(result)
        interesting = [line for line in result.lines if not line.startswith("ok ")]
        tap.ok(not reason, f"{build}: {name}" + (f": {reason}" if reason else ""), interesting)
    tap.ok(status == 0, f"{build}: the machine powered off in good order", console)


check = Tap()
suite(check, "bare", "--cpu", "n270")
if packages("musl-dev"):
    suite(check, "musl")
else:
    check.skip("musl: all programs", "Debian's musl-dev:i386 cannot be had here")
check.done()
