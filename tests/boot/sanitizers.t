#!/usr/bin/env python3
"""The kernels that check themselves, built by KASAN=1 and UBSAN=1: they find what they are for, and
find nothing in the kernel's own tests and in programs."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "user"))
import programs
from bugs import BUILDS, ROOT, Tap, boot, build_of, make, rows

# Tests of how much memory things take, and of how the allocators split it on a tidy machine: red
# zones, quarantine, notes of frames and larger stacks change that.
MEASURING = {"mm/exec/every_allocation_fails_once", "mm/files/errors_cost_nothing",
             "mm/footprint/of_a_sleeping_process", "mm/kmalloc/blocks",
             "mm/kmalloc/natural_alignment", "mm/mm/free_chunks", "mm/mm/one_slab",
             "mm/trace/split_and_merge", "mm/vmalloc/sizes"}
PROGRAMS = sorted(path.stem for path in (ROOT / "tests/conformance/t").glob("*.c"))

tap = Tap()


def quiet(console):
    return not re.search(r"^(kasan: (read|write)|panic: )", console, re.MULTILINE)


def own_tests(build):
    """The kernel's tests run to their end without a report."""
    status, console = boot(build, "test=mm/*", "--mem", "64M")
    failed = set(re.findall(r"^not ok \d+ (\S+)", console, re.MULTILINE))
    plan = re.search(r"^1\.\.(\d+)$", console, re.MULTILINE)
    ran = len(re.findall(r"^(?:not )?ok \d+ ", console, re.MULTILINE))
    tap.check(quiet(console) and plan and ran == int(plan[1]),
              f"{build}: its own tests find nothing", console.splitlines()[-60:])
    tap.check(failed <= MEASURING, f"{build}: and pass", sorted(failed - MEASURING))


def conformance(build):
    """So do the conformance programs."""
    files = [f"build/conformance/bare/{name}=/t/{name}" for name in PROGRAMS]
    results, console, status = programs.run([f"/t/{name}" for name in PROGRAMS], files, "--image",
                                            BUILDS[build], "--mem", "128M")
    wrong = [path for path, result in results.items()
             if result.status != 0 or any(line.startswith("not ok") for line in result.lines)]
    tap.check(status == 0 and not wrong, f"{build}: the conformance programs pass",
              wrong + console[-60:])


make("conformance-bare", programs.EACH)
for build, kernel in BUILDS.items():
    folder = ROOT / kernel.rsplit("/", 1)[0]
    make(build, kernel, kernel.replace("kernel.elf", "ktests.elf"))
    for name in ("user", "octavo.cfg"):
        if not (folder / name).exists():
            (folder / name).symlink_to(f"../{name}")
    own_tests(build)
    conformance(build)
tap.check_rows([row for row in rows() if build_of(row) is not None])
tap.end()
