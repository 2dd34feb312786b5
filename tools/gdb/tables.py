"""tables.py - the tables of the kernel's monitor, word for word as it prints them, from the
structures themselves."""
import gdb

from kernel import (DIRECT_BASE, MAX_ORDER, PAGE_SHIFT, Descriptors, array_length, blocks_of,
                    cache_named, cached_frames, caches, free_chunk_around, free_chunks, linked,
                    number, object_in_use, objects_in_use, objects_used, owner_name, read, sane,
                    slab_of, value, zones)
from notes import print_frame_notes
from objects import plural

FOUR_GIB = 1 << 32
REGIONS_MAX = 10000
MAP_LINE = 64  # objects in a line of a slab's map


def hexadecimal(n):
    """As C's %#x prints it: zero stays bare."""
    return hex(n) if n else "0"


def type_name(kind):
    names = value("memmap_type_name::names")
    return names[kind].string() if kind < array_length(names) and names[kind] else "unknown"


def holder_name(holder):
    return value("memmap_owner_name::names")[holder].string()


def print_entries():
    """The firmware's list, as it came."""
    for i in range(sane(number("boot_memory.firmware_count"), REGIONS_MAX, "entries")):
        entry = value(f"boot_memory.entries[{i}]")
        print("mmap: base=0x%016x length=0x%016x type=%u (%s)"
              % (entry["base"], entry["length"], entry["type"], type_name(int(entry["type"]))))


def print_region(start, end, kind, holder):
    print("memmap: [0x%016x, 0x%016x) %u KiB %s%s%s"
          % (start, end, end - start >> 10, type_name(kind),
             f" {kind}" if type_name(kind) == "unknown" else "",
             f", {holder_name(holder)}" if holder else ""))


def print_total(size, what):
    """In MB with one decimal, cut and not rounded."""
    print("memmap: total %u.%u MB (%u KiB) %s"
          % (size >> 20, (size & 0xFFFFF) * 10 >> 20, size >> 10, what))


def boot_regions():
    """(start, end, type, holder); an end of 0 stands for 2^64."""
    for i in range(sane(number("boot_memory.region_count"), REGIONS_MAX, "regions")):
        region = value(f"boot_memory.regions[{i}]")
        yield (int(region["start"]), int(region["end"]) or 1 << 64, int(region["type"]),
               int(region["owner"]))


def print_mmap():
    print_entries()
    regions = list(boot_regions())
    ram = number("MEMMAP_RAM")
    for region in regions:
        print_region(*region)
    print_total(sum(end - start for start, end, kind, _ in regions if kind == ram), "usable")
    print_total(sum(end - max(start, FOUR_GIB) for start, end, kind, _ in regions
                    if kind == ram and end > FOUR_GIB), "usable above 4 GiB")
    for other in dict.fromkeys(kind for _, _, kind, _ in regions if kind != ram):
        size = sum(end - start for start, end, kind, _ in regions if kind == other)
        print_total(size, f"{type_name(other)} (type {other})")
    for holder in range(number("MEMMAP_FREE") + 1, number("MEMMAP_OWNERS")):
        size = sum(end - start for start, end, kind, by in regions if kind == ram and by == holder)
        if size:
            print_total(size, "usable, " + holder_name(holder))


def print_zones():
    print("%-8s %10s %10s %10s %10s %8s %8s"
          % ("zone", "first", "end", "managed", "free", "cached", "blocks"))
    for index, zone in zones():
        first = int(zone["base"])
        end = first + (int(zone["count"]) << MAX_ORDER)
        print("%-8s %10s %10s %10d %10d %8d %8d"
              % (zone["name"].string(), hexadecimal(first), hex(end),
                 zone["managed"], zone["free"], cached_frames(index), len(blocks_of(zone))))


def print_buddyinfo():
    for _, zone in zones():
        counts = (sum(1 for _ in free_chunks(zone, order)) for order in range(MAX_ORDER + 1))
        print("Node 0, zone %8s %s" % (zone["name"].string(), "".join("%6d " % n for n in counts)))


def runs(first_frames, step):
    """[first frame, chunks] of chunks that follow each other."""
    found = []
    for frame in first_frames:
        if found and frame == found[-1][0] + found[-1][1] * step:
            found[-1][1] += 1
        else:
            found.append([frame, 1])
    return found


def print_freelist(orders=range(MAX_ORDER + 1)):
    print("%-8s %5s %8s  %s" % ("zone", "order", "chunks", "memory"))
    for _, zone in zones():
        for order in orders:
            for frame, chunks in runs(free_chunks(zone, order), 1 << order):
                start = frame << PAGE_SHIFT
                print("%-8s %5u %8u  [%s, %#x)"
                      % (zone["name"].string(), order, chunks, hexadecimal(start),
                         start + (chunks << order + PAGE_SHIFT)))


def print_slabinfo():
    print("slabinfo - version: 2.1\n"
          "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
          " : tunables <limit> <batchcount> <sharedfactor>"
          " : slabdata <active_slabs> <num_slabs> <sharedavail>")
    for cache in caches():
        used = sum(objects_used(slab) for slab in linked(cache["slabs"], "next_of_cache"))
        slabs = int(cache["slab_count"])
        objects = int(cache["objects"]) - (1 if cache["header_inside"] else 0)
        print("%-17s %6d %6d %6d %4d %4d : tunables    0    0    0 : slabdata %6d %6d      0"
              % (cache["name"].string(), used, slabs * objects, cache["stride"], objects,
                 1 << int(cache["order"]), slabs, slabs))


def print_slab_map(slab):
    base = int(slab["base"])
    print("slab 0x%08x: objects from 0x%08x, frame %#x, CPU %u, %u of %u in use%s"
          % (int(slab.address), base + int(slab["cache"]["left"]),
             base - DIRECT_BASE >> PAGE_SHIFT, slab["home"]["cpu"]["id"], objects_used(slab),
             slab["objects"], ", allocating from it now" if slab["current"] else ""))
    drawn = "".join("#" if used else "." for used in objects_in_use(slab))
    for start in range(0, len(drawn), MAP_LINE):
        print("  " + drawn[start:start + MAP_LINE])


def print_cache(cache):
    slabs = int(cache["slab_count"])
    objects = int(cache["objects"]) - (1 if cache["header_inside"] else 0)
    used = sum(objects_used(slab) for slab in linked(cache["slabs"], "next_of_cache"))
    print("cache %s: %u objects of %u bytes, every %u bytes; %s, %u in use"
          % (cache["name"].string(), slabs * objects, cache["size"], cache["stride"],
             plural(slabs, "slab"), used))


def print_slab(name):
    cache = cache_named(name)
    if cache is None:
        raise gdb.GdbError(f"There is no cache {name}.")
    print_cache(cache)
    for slab in linked(cache["slabs"], "next_of_cache"):
        print_slab_map(slab)


def print_object(address):
    """The object at or around an address of the direct map, if it is a slab's memory."""
    slab = slab_of(address)
    if slab is None:
        return
    base, stride = int(slab["base"]), int(slab["cache"]["stride"])
    index = min((address - base) // stride, int(slab["objects"]) - 1)
    start = base + index * stride
    print("  object %u of the slab, from 0x%08x on, %s; the address is at %u of its %u bytes"
          % (index, start, "in use" if object_in_use(slab, index) else "free",
             address - start, stride))


def print_owners():
    counts = Descriptors().count_owners()
    firmware = int(value("FRAME_FIRMWARE"))
    kib = PAGE_SHIFT - 10
    total = 0
    print("%-14s %10s %12s" % ("owner", "frames", "KiB"))
    for owner, frames in enumerate(counts):
        if owner == firmware or not frames:
            continue
        total += frames
        print("%-14s %10d %12d" % (owner_name(owner), frames, frames << kib))
    ram = number("mm_ram_frames") + number("mm_beyond_frames")
    verdict = "= all RAM of the firmware's map" if total == ram else "IS NOT the RAM of the map"
    print("%-14s %10d %12d  %s" % ("sum", total, total << kib, verdict))


def print_owner_of(frame, zone, descriptors):
    owner, _, _, count = descriptors[frame]
    names = descriptors.owner
    head = descriptors.head_of(frame)
    if head != frame:
        print("  inside an allocation of %d frames from frame %#x on: %s"
              % (descriptors[head][3], head, owner_name(descriptors[head][0])))
    elif owner == names["FRAME_NONE"]:
        order = free_chunk_around(zone, frame)
        print("  free, in a chunk of order %d" % order if order is not None
              else "  free, in no chunk: it is on its way")
    else:
        print("  owner: %s" % owner_name(owner))
    if descriptors.is_page(frame):
        print("  held by %d" % count)
    elif owner >= names["FRAME_ALLOCATED"]:
        print("  first of %d frames" % count)
    if owner == names["FRAME_SLAB"]:
        slab = value(f"*(struct slab *) {count:#x}")
        print("  slab of %s on CPU %d: %d of %d objects of %d bytes in use%s"
              % (slab["cache"]["name"].string(), slab["home"]["cpu"]["id"], objects_used(slab),
                 slab["objects"], slab["cache"]["stride"],
                 ", allocating from it now" if slab["current"] else ""))


def frames_end():
    """The first frame that page tables cannot name."""
    bits = number("cpu_features.address_bits") if number("ktables.pae") else 32
    return 1 << bits - PAGE_SHIFT


def print_frame(frame):
    if not 0 <= frame < frames_end():
        raise gdb.GdbError("Frames are numbered 0 to %#x." % (frames_end() - 1))
    start = frame << PAGE_SHIFT
    print("frame %s: [%s, %#x)"
          % (hexadecimal(frame), hexadecimal(start), start + (1 << PAGE_SHIFT)))
    index = frame >> MAX_ORDER
    block = value(f"mm_blocks[{index}]") if index < number("mm_block_count") else None
    table = value("mm_zones")
    if block is None or int(block["zone"]) >= array_length(table):
        print("  beyond the memory that is managed")
        return
    zone = table[int(block["zone"])]
    print("  zone %s, block %d (%s, %d of %d frames free)"
          % (zone["name"].string(), index, "open" if block["open"] else "closed", block["free"],
             block["frames"]))
    if not block["open"]:
        print("  free, in a whole block" if block["free"] else "  not RAM")
        return
    print_owner_of(frame, zone, Descriptors())
    if start < number("direct_map_end"):
        print("  at %#x in the direct map" % (DIRECT_BASE + start))
    print_frame_notes(frame)


# --- The kernel's log -----------------------------------------------------------------------------


def print_log():
    """What the kernel said since the start, as far back as its ring reaches, in whole lines."""
    size, end = array_length(value("log_ring")), number("log_end")
    ring = read(number("&log_ring"), size)
    text = ring[:end] if end <= size else ring[end % size:] + ring[:end % size]
    if end > size:
        text = text.partition(b"\n")[2]
    print(text.decode(errors="replace"), end="")
