"""tables.py - the tables of the kernel's monitor, word for word as it prints them, from the
structures themselves."""
from kernel import (DIRECT_BASE, MAX_ORDER, PAGE_SHIFT, Descriptors, array_length, blocks_of,
                    cached_frames, caches, free_chunk_around, free_chunks, linked, number,
                    objects_used, owner_name, read, value, zones)


def hexadecimal(n):
    """As C's %#x prints it: zero stays bare."""
    return hex(n) if n else "0"


def print_zones():
    print("%-8s %10s %10s %10s %10s %8s %8s"
          % ("zone", "first", "end", "managed", "free", "cached", "blocks"))
    for index, zone in zones():
        first, end = (int(zone["base"]) + (int(zone[at]) << MAX_ORDER) for at in ("first", "end"))
        print("%-8s %10s %10s %10d %10d %8d %8d"
              % (zone["name"].string(), hexadecimal(first), hex(end),
                 zone["managed"], zone["free"], cached_frames(index), len(blocks_of(zone))))


def print_buddyinfo():
    for _, zone in zones():
        counts = (sum(1 for _ in free_chunks(zone, order)) for order in range(MAX_ORDER + 1))
        print("Node 0, zone %8s %s" % (zone["name"].string(), "".join("%6d " % n for n in counts)))


def print_free(order):
    """The free lists themselves, which the monitor does not print."""
    for _, zone in zones():
        for frame in free_chunks(zone, order):
            start = frame << PAGE_SHIFT
            print("%-8s order %2d  frame %#8x  [%#x, %#x)"
                  % (zone["name"].string(), order, frame, start,
                     start + (1 << order + PAGE_SHIFT)))


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
        print("  free, in a chunk of order %d" % free_chunk_around(zone, frame))
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


def print_frame(frame):
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


# What a CPU's entry says, in the order of the monitor's words: bit, set, clear.
ENTRY_PRESENT, ENTRY_LARGE = 0x001, 0x080
ENTRY_WORDS = ((0x002, "writable", "read-only"), (0x004, "user", "kernel"),
               (0x008, "write-through", ""), (0x010, "uncached", ""), (0x020, "accessed", ""),
               (0x040, "dirty", ""), (ENTRY_LARGE, "large", ""), (0x100, "global", ""),
               (1 << 63, "no-execute", ""))
ENTRY_FRAME = 0x000FFFFFFFFFF000
CR3_FLAGS = 0x1F
CR4_PAE = 0x20


def walk_levels():
    """(name, lowest bit of the index, bits of it) of each level, and the bytes of an entry: what
    Intel SDM volume 3 calls 32-bit paging (4.3) and PAE paging (4.4)."""
    if number("(unsigned) $cr4") & CR4_PAE:
        return (("pointer", 30, 2), ("directory", 21, 9), ("table", 12, 9)), 8
    return (("directory", 22, 10), ("table", 12, 10)), 4


def print_walk(address, table):
    """From `table`, as CR3 has it, to the byte at `address`."""
    print("  walk of 0x%08x" % address)
    levels, size = walk_levels()
    for name, shift, bits in levels:
        index = address >> shift & (1 << bits) - 1
        raw = read(DIRECT_BASE + table + index * size, size)
        entry = int.from_bytes(raw, "little")
        text = "  %s[%d] = 0x%0*x" % (name, index, size * 2, entry)
        if not entry & ENTRY_PRESENT:
            print(text + " not present")
            return
        words = [there if entry & bit else absent for bit, there, absent in ENTRY_WORDS]
        table = entry & ENTRY_FRAME
        if name == "pointer":
            print(text)
        else:
            print(" ".join([text, "-> 0x%08x" % table, *filter(None, words)]))
        if name == "directory" and entry & ENTRY_LARGE:
            break
    print("  physical 0x%08x" % ((table & -1 << shift) + (address & (1 << shift) - 1)))
