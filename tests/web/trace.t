#!/usr/bin/env python3
"""The page of tools/trace --html in headless Chromium: a million events open in less than three
seconds, memory at any of them is what the events say, and keys and mouse do what they should."""
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "tests/web"), str(ROOT / "tests"), str(ROOT / "tools")]

from browser import Browser, find_browser  # noqa: E402
from synthetic_trace import Machine  # noqa: E402
from tap import finish, ok, skip_all  # noqa: E402
from tracelib import format as f  # noqa: E402
from tracelib.frames import FREE, Replay  # noqa: E402

EVENTS = 1_000_000
OPEN_SECONDS = 3


def make_page(folder, name, data):
    (folder / f"{name}.trace").write_bytes(data)
    done = subprocess.run([ROOT / "tools/trace", "--html", folder / f"{name}.html",
                           folder / f"{name}.trace"], check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    ok(done.returncode == 0, f"tools/trace makes the {name} page", done.stdout)
    return folder / f"{name}.html"


def opens(browser, page):
    browser.open(page.as_uri())
    ready = browser.wait("document.documentElement.dataset.ready", 60)
    return float(browser.value("document.documentElement.dataset.ready") or 0) if ready else None


def check_large(browser, folder):
    page = make_page(folder, "large", Machine().run(EVENTS).file())
    size = page.stat().st_size / 1e6
    took = opens(browser, page)
    ok(took is not None and took < OPEN_SECONDS * 1000,
       f"{EVENTS} events ({size:.1f} MB) are on the screen in {(took or 0) / 1000:.2f} s",
       browser.errors)
    ok(size < 16, "the page is small", size)
    took = browser.value("(() => { const start = performance.now(); go(700000); go(100); "
                         "go(999000); return performance.now() - start; })()")
    ok(took is not None and took < 2000, f"three jumps through it take {took or 0:.0f} ms")


def owners_at(trace, end):
    part = f.Trace.__new__(f.Trace)
    part.header, part.events = trace.header, trace.events[:end]
    return list(Replay(part, points=1).owner)


def check_states(browser, trace):
    """Memory at some events, forwards and backwards, is what tools/trace itself replays."""
    left_out = (f.CLOCK, f.CACHE)
    for wanted in (1, 2, 4000, 2500, 19000, 2049, 2047, 2048):
        shown = [i for i, event in enumerate(trace.events) if event[f.TYPE] not in left_out]
        browser.value(f"go({wanted})")
        same = browser.value("Array.from(owner)") == owners_at(trace, shown[wanted] + 1)
        ok(same, f"memory at event {wanted}")
    last = Replay(trace, points=1)
    browser.value("go(count - 1)")
    ok(browser.value("curve.free.at(-1)") == last.curve[-1][1] == last.owner.count(FREE),
       "the curve of free memory ends where it should")
    spoilt = browser.value("curve.spoilt.map((values) => values.at(-1))")
    ok(all(abs(a - b) < 1e-9 for a, b in zip(spoilt, last.curve[-1][2:])),
       "so do those of memory in pieces", (spoilt, last.curve[-1]))


def press(browser, key, modifiers=0):
    for kind in ("rawKeyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, modifiers=modifiers)


def click(browser, x, y):
    for kind in ("mousePressed", "mouseReleased"):
        browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def check_hands(browser, machine):
    browser.value("go(500)")
    press(browser, "ArrowRight")
    ok(browser.value("now") == 501, "the right arrow is the next event", browser.value("now"))
    press(browser, "ArrowLeft", modifiers=8)
    ok(browser.value("now") == 401, "with Shift a hundred back", browser.value("now"))
    press(browser, "End")
    ok(browser.value("now === count - 1"), "End is the end")
    frame = machine.used[0]
    browser.value(f"zoom({frame}, 1 / 64)")
    box = browser.value(f"(() => {{ const at = boxOf(({frame} - view.first) / 2 ** grid.shift | 0), "
                        "box = map.getBoundingClientRect(); "
                        "return [box.left + at[0] + 2, box.top + at[1] + 2]; })()")
    click(browser, *box)
    text = browser.value("document.getElementById('tab').textContent")
    ok(f"Frame {frame:#x}" in text and f"page alloc: frame {frame:#x}" in text,
       "a click on a frame tells its story", text[:400])
    press(browser, "Escape")
    ok(browser.value("view.count === frames"), "Escape shows the whole machine again")
    browser.value("go(0)")
    browser.value("document.getElementById('speed').value = 100")
    press(browser, " ")
    ok(browser.wait("now === count - 1 && !playing", 20), "Space plays to the end",
       browser.value("now"))
    for number, word in enumerate(("Call sites", "Leaks", "Lifetimes"), 1):
        browser.value(f"choose({number})")
        ok(browser.value("document.getElementById('tab').textContent.length") > 50,
           f"{word} have something to say")
    leaks = browser.value("facts.leaks.reduce((sum, row) => sum + row[1], 0)")
    ok(leaks == len(machine.objects), "the leaks are the objects that are left",
       (leaks, len(machine.objects)))


def check_small(browser, folder):
    machine = Machine(frames=4096, seed=3).run(20000)
    data = machine.file()
    page = make_page(folder, "small", data)
    ok(opens(browser, page) is not None, "it opens", browser.errors)
    check_states(browser, f.Trace(data))
    check_hands(browser, machine)
    if len(sys.argv) > 1:
        browser.value("go(12000)")
        browser.picture(sys.argv[1])


def check_addresses(browser, folder):
    """Those beside the rows of a machine of 8 GiB."""
    page = make_page(folder, "8 GiB", Machine(frames=1 << 21).run(100).file())
    ok(opens(browser, page) is not None, "8 GiB open too", browser.errors)
    texts = browser.value("(() => { const texts = []; drawAddresses({fillRect() {}, "
                          "fillText(text) { texts.push(text); }}); return texts; })()")
    ok(texts and texts[0] == "0 MiB" and texts.count("0 MiB") == 1 and "4096 MiB" in texts,
       "the row at 4 GiB says so", texts)


def check_without_pages(browser, folder):
    """A trace of objects alone has no map."""
    machine = Machine(frames=512)
    events = [f.EVENT.pack(i, 0xC0000000 + i * 64, 0xC0101000, 32, 5, f.ALLOC, 0) for i in range(50)]
    data = machine.file()[:f.HEADER.size] + b"".join(events)
    page = make_page(folder, "odd", data)
    ok(opens(browser, page) is not None, "objects alone open too", browser.errors)
    ok(browser.value("facts.mapped === false"), "there is no map")
    ok(not browser.errors, "no error in any page", "\n".join(browser.errors))


def main():
    program = find_browser()
    if not program:
        skip_all("no chromium here")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        browser = Browser(program, name + "/profile")
        try:
            check_large(browser, Path(name))
            check_small(browser, Path(name))
            check_addresses(browser, Path(name))
            check_without_pages(browser, Path(name))
        except (TimeoutError, EOFError) as error:
            ok(False, "the browser answers", error)
        finally:
            browser.close()
    return finish()


sys.exit(main())
