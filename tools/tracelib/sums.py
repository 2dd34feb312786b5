"""What became of the allocations: by call site, what was never freed, how long objects lived."""
from tracelib import format as f
from tracelib.words import kib


class Site:
    """One place in the code that asks for memory."""
    __slots__ = ("count", "size", "freed", "live", "live_size", "most", "first_live")

    def __init__(self):
        self.count = self.size = self.freed = self.live = self.live_size = self.most = 0
        self.first_live = None

    def take(self, size):
        self.count += 1
        self.size += size
        self.live += 1
        self.live_size += size
        self.most = max(self.most, self.live_size)

    def give(self, size):
        self.freed += 1
        self.live -= 1
        self.live_size -= size


class Sums:
    """Goes over the events once. `objects` and `pages` are by call site; pages count in frames, by
    the place that said what they are for where one did."""

    def __init__(self, trace):
        self.trace = trace
        self.kinds = {}
        self.objects, self.pages = {}, {}
        self.live = {}          # address of an object -> (site, size, time, cache)
        self.live_pages = {}    # first frame -> (site, frames, time)
        self.unknown_frees = self.unknown_page_frees = 0
        self.lifetimes = []     # buckets: number of objects freed within 2^i stamps
        self.caches = {}        # number -> [allocs, frees]
        self.run()

    def site(self, table, address):
        found = table.get(address)
        if found is None:
            found = table[address] = Site()
        return found

    def run(self):
        handlers = {f.ALLOC: self.alloc, f.FREE: self.free, f.PAGE_ALLOC: self.page_alloc,
                    f.PAGE_FREE: self.page_free, f.PAGE_OWNER: self.page_owner}
        kinds = self.kinds
        for event in self.trace.events:
            kind = event[f.TYPE]
            kinds[kind] = kinds.get(kind, 0) + 1
            handler = handlers.get(kind)
            if handler:
                handler(event)
        for site, _, time, _ in self.live.values():
            entry = self.objects[site]
            entry.first_live = time if entry.first_live is None else min(entry.first_live, time)

    def alloc(self, event):
        site, size = event[f.SITE], event[f.SIZE]
        missed = self.live.get(event[f.ADDRESS])
        if missed:  # its free was lost
            self.objects[missed[0]].give(missed[1])
        self.site(self.objects, site).take(size)
        self.live[event[f.ADDRESS]] = (site, size, event[f.TIME], event[f.DETAIL])
        self.caches.setdefault(event[f.DETAIL], [0, 0])[0] += 1

    def free(self, event):
        self.caches.setdefault(event[f.DETAIL], [0, 0])[1] += 1
        known = self.live.pop(event[f.ADDRESS], None)
        if known is None:
            self.unknown_frees += 1
            return
        site, size, time, _ = known
        self.objects[site].give(size)
        bucket = max(0, event[f.TIME] - time).bit_length()
        while len(self.lifetimes) <= bucket:
            self.lifetimes.append(0)
        self.lifetimes[bucket] += 1

    def page_alloc(self, event):
        site, count = event[f.SITE], event[f.SIZE]
        missed = self.live_pages.get(event[f.ADDRESS] >> 12)
        if missed:
            self.pages[missed[0]].give(missed[1])
        self.site(self.pages, site).take(count)
        self.live_pages[event[f.ADDRESS] >> 12] = (site, count, event[f.TIME])

    def page_owner(self, event):
        """Who says what frames are for is who wanted them."""
        frame, site = event[f.ADDRESS] >> 12, event[f.SITE]
        known = self.live_pages.get(frame)
        if known is None or not site or known[0] == site:
            return
        old, count, time = known
        if event[f.TIME] - time > 1 << 24:
            return
        entry = self.pages[old]
        entry.count -= 1
        entry.size -= count
        entry.live -= 1
        entry.live_size -= count
        self.site(self.pages, site).take(count)
        self.live_pages[frame] = (site, count, time)

    def page_free(self, event):
        known = self.live_pages.pop(event[f.ADDRESS] >> 12, None)
        if known is None:
            self.unknown_page_frees += 1
        else:
            self.pages[known[0]].give(known[1])

    def total(self, kind):
        return self.kinds.get(kind, 0)

    def frames(self, kind):
        """Frames that all events of a kind moved."""
        return sum(event[f.SIZE] for event in self.trace.events if event[f.TYPE] == kind)


class Report:
    """The sums as text."""

    def __init__(self, trace, symbols, words, sums, top):
        self.trace, self.symbols, self.words = trace, symbols, words
        self.sums, self.top = sums, top

    def where(self, site):
        line = self.symbols.line(site)
        return f"{self.symbols.name(site)}{'  ' + line if line else ''}"

    def print_head(self):
        header, trace = self.trace.header, self.trace
        seconds = trace.clock.seconds(trace.events[-1][f.TIME]) if trace.events else None
        took = f" in {seconds:.3f} s" if seconds is not None else ""
        ram = (header.end_frame - header.first_frame) << 12
        print(f"{len(trace.events)} events{took}, {trace.lost} lost; a machine of {kib(ram)}")
        kinds = sorted(self.sums.kinds.items(), key=lambda pair: -pair[1])
        for kind, count in kinds:
            print(f"{count:10}  {f.TYPES[kind]}")

    def print_sites(self, title, table, unit):
        rows = sorted(table.items(), key=lambda pair: (-pair[1].size, pair[0]))
        rows = [row for row in rows if row[1].count]
        if not rows:
            return
        print(f"\n{title}\n{'calls':>10} {unit:>12} {'freed':>10} {'live':>8} "
              f"{'live ' + unit:>12} {'most ' + unit:>12}  call site")
        for site, entry in rows[:self.top]:
            print(f"{entry.count:10} {entry.size:12} {entry.freed:10} {entry.live:8} "
                  f"{entry.live_size:12} {entry.most:12}  {self.where(site)}")
        self.print_rest(rows)

    def print_rest(self, rows):
        if len(rows) > self.top:
            print(f"... and {len(rows) - self.top} more; --top says how many are shown")

    def print_caches(self):
        rows = [(self.words.cache(number), *pair) for number, pair in self.sums.caches.items()]
        if not rows:
            return
        print(f"\nobjects by cache\n{'cache':16} {'allocs':>10} {'frees':>10} {'more':>8}")
        for name, allocs, frees in sorted(rows, key=lambda row: (-row[1], row[0])):
            print(f"{name:16} {allocs:10} {frees:10} {allocs - frees:+8}")

    def print_leaks(self):
        rows = [(site, entry) for site, entry in self.sums.objects.items() if entry.live]
        rows.sort(key=lambda row: (-row[1].live_size, row[0]))
        count = sum(entry.live for _, entry in rows)
        size = sum(entry.live_size for _, entry in rows)
        print(f"\nallocated and not freed: {count} objects, {size} bytes; "
              f"{self.sums.unknown_frees} frees of what was there before")
        if rows:
            print(f"{'objects':>10} {'bytes':>12} {'oldest at':>12}  call site")
        for site, entry in rows[:self.top]:
            print(f"{entry.live:10} {entry.live_size:12} "
                  f"{self.trace.clock.text(entry.first_live)}  {self.where(site)}")
        self.print_rest(rows)

    def print_lifetimes(self):
        buckets = self.sums.lifetimes
        if not any(buckets):
            return
        total, most = sum(buckets), max(buckets)
        first = next(i for i, count in enumerate(buckets) if count)
        print(f"\nhow long {total} objects lived")
        for i in range(first, len(buckets)):
            bar = "#" * (buckets[i] * 40 // most) or ("." if buckets[i] else "")
            print(f"{'below ' + self.duration(i):>16} {buckets[i]:8} "
                  f"{buckets[i] * 100 / total:5.1f} %  {bar}")

    def duration(self, bucket):
        """2^bucket stamps in words."""
        rate = self.trace.clock.rate
        if not rate:
            return f"{1 << bucket} stamps"
        seconds = (1 << bucket) / rate
        for unit, scale in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
            if seconds >= scale:
                return f"{seconds / scale:.3g} {unit}"
        return f"{seconds * 1e9:.3g} ns"

    def print_all(self):
        self.print_head()
        self.print_sites("objects by call site", self.sums.objects, "bytes")
        self.print_caches()
        self.print_sites("pages by call site", self.sums.pages, "frames")
        self.print_leaks()
        self.print_lifetimes()
