"""One page that replays physical memory: page.html with the script, the style and the events in it.

The events travel column by column, each value as the difference to the one before where that makes
it small, in as few bytes as it needs (seven bits a byte, the low ones first), then deflated and in
base64. page.js undoes this in the same order:

    kinds    a byte each            offsets  two bytes each: the address within its page
    cpus     a byte each            sizes, details, sites: numbers
    times    differences            pages: differences to the last event of the same kind, the sign
                                    in the lowest bit

The page of an object of the direct map is the number of its frame.
"""
import base64
import json
import zlib
from pathlib import Path

from tracelib import format as f
from tracelib.frames import Replay
from tracelib.sums import Sums
from tracelib.words import Words

HERE = Path(__file__).resolve().parent
LEAVE_OUT = (f.CLOCK, f.CACHE)


def numbers(values):
    """Seven bits a byte, the low ones first; the eighth says that more follow."""
    out = bytearray()
    append = out.append
    for value in values:
        while value > 0x7F:
            append(value & 0x7F | 0x80)
            value >>= 7
        append(value)
    return bytes(out)


def differences(values):
    before = 0
    for value in values:
        yield max(0, value - before)
        before = max(before, value)


def signed(value):
    return value << 1 if value >= 0 else (-value << 1) - 1


def runs(owners):
    """[(owner, frames)] of the whole machine."""
    out, at = [], 0
    while at < len(owners):
        owner, end = owners[at], at + 1
        # In steps as long as they fit: runs are of millions of frames.
        step = 1
        while end < len(owners) and owners[end] == owner:
            if owners[end:end + step].count(owner) == step:
                end += step
                step *= 2
            else:
                step = 1
                end += 1
        out.append((owner, end - at))
        at = end
    return out


class Columns:
    """The events of a trace, as the page gets them."""

    def __init__(self, trace):
        self.header = trace.header
        self.events = [event for event in trace.events if event[f.TYPE] not in LEAVE_OUT]
        self.sites = self.number_sites()
        self.names = []

    def number_sites(self):
        """The most frequent call sites get the smallest numbers."""
        counts = {}
        for event in self.events:
            counts[event[f.SITE]] = counts.get(event[f.SITE], 0) + 1
        return sorted(counts, key=lambda site: (-counts[site], site))

    def address(self, event):
        """As a frame's where the address is one of the direct map."""
        address, kind = event[f.ADDRESS], event[f.TYPE]
        if kind in (f.ALLOC, f.FREE) and event[f.DETAIL] != f.HEAP_VMALLOC:
            return address - self.header.direct_base + (self.header.direct_frame << 12)
        if kind == f.EXEC:
            name = address.to_bytes(8, "little").split(b"\0")[0].decode("ascii", "replace")
            if name not in self.names:
                self.names.append(name)
            return self.names.index(name)
        return address

    def pages(self, addresses):
        last = [0] * 256
        for event, address in zip(self.events, addresses):
            page, kind = address >> 12, event[f.TYPE]
            yield signed(page - last[kind])
            last[kind] = page

    def pack(self):
        events = self.events
        number = {site: i for i, site in enumerate(self.sites)}
        addresses = [self.address(event) & 0xFFFFFFFFFFFFF for event in events]
        offsets = bytearray(2 * len(events))
        offsets[::2] = bytes(address & 0xFF for address in addresses)
        offsets[1::2] = bytes(address >> 8 & 0xF for address in addresses)
        start = events[0][f.TIME] if events else 0
        columns = (
            bytes(event[f.TYPE] for event in events), bytes(event[f.CPU] for event in events),
            numbers(differences(event[f.TIME] - start for event in events)),
            numbers(self.pages(addresses)), bytes(offsets),
            numbers(event[f.SIZE] for event in events),
            numbers(event[f.DETAIL] for event in events),
            numbers(number[event[f.SITE]] for event in events))
        return b"".join(columns)


def leak_rows(sums, sites):
    number = {site: i for i, site in enumerate(sites)}
    rows = [[number[site], entry.live, entry.live_size] for site, entry in sums.objects.items()
            if entry.live and site in number]
    return sorted(rows, key=lambda row: -row[2])


def site_rows(table, sites):
    number = {site: i for i, site in enumerate(sites)}
    rows = [[number[site], entry.count, entry.size, entry.freed, entry.most]
            for site, entry in table.items() if entry.count and site in number]
    return sorted(rows, key=lambda row: -row[2])


def describe(name, trace, symbols, columns):
    """All but the events."""
    words = Words(symbols)
    for event in trace.events:
        words.learn(event)
    sums = Sums(trace)
    sites = columns.sites
    symbols.load_lines(sites)
    replay = Replay(trace, points=1)
    header = trace.header
    return {
        "name": Path(name).name, "count": len(columns.events), "rate": trace.clock.rate,
        "lost": trace.lost, "notes": trace.notes, "owners": list(f.OWNERS),
        "first": header.first_frame, "frames": header.end_frame - header.first_frame,
        "directBase": header.direct_base, "directFrame": header.direct_frame,
        "mapped": replay.known, "start": runs(replay.start) if replay.known else [],
        "sites": [[symbols.name(site), symbols.line(site)] for site in sites],
        "caches": words.caches, "programs": columns.names,
        "objects": site_rows(sums.objects, sites), "pages": site_rows(sums.pages, sites),
        "leaks": leak_rows(sums, sites), "lifetimes": sums.lifetimes,
        "kinds": {f.TYPES[kind]: kind for kind in f.TYPES}, "faults": list(f.FAULTS),
    }


def embed(value):
    """JSON that cannot end the script it stands in."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def write_page(path, name, trace, symbols):
    columns = Columns(trace)
    packed = base64.b64encode(zlib.compress(columns.pack(), 6)).decode()
    page = (HERE / "page.html").read_text()
    parts = {"STYLE": (HERE / "page.css").read_text(), "SCRIPT": (HERE / "page.js").read_text(),
             "FACTS": embed(describe(name, trace, symbols, columns)), "EVENTS": packed}
    for word, text in parts.items():
        page = page.replace(f"@{word}@", text, 1)
    Path(path).write_text(page)
    return 0
