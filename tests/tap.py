"""tap.py - what tests in Python say: a line for each check, and at the end how many there were.

The same for tests in sh is tap.sh.
"""
import re
import sys

SHOWN = 60  # lines of what was wrong
count = failed = 0


def ok(good, description, details=""):
    """One check; the details, a text, are shown when it failed."""
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {description}", flush=True)
    for line in () if good else str(details).splitlines()[-SHOWN:]:
        print(f"# {line}", file=sys.stderr, flush=True)


def same(description, got, wanted):
    ok(got == wanted, description, f"got    {got}\nwanted {wanted}")


def like(description, text, *patterns):
    """Each pattern is in the text, behind the one before it."""
    at = 0
    for pattern in patterns:
        found = re.compile(pattern, re.MULTILINE).search(text, at)
        if not found:
            ok(False, description, f"{text}\nwanted: {pattern}")
            return
        at = found.end()
    ok(True, description)


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def finish():
    """How many there were; the exit status."""
    print(f"1..{count}")
    return failed != 0
