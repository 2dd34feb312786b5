"""here.py - `octavo here`: what the function at this stop has at hand.

Which structures those are is read off the function: the types of its arguments and variables that
have a value here, the innermost first. Each kind of structure is shown once; the ones that an
address, a page or a size means are found by the argument's name.
"""
import gdb

import paging
import paging
import spaces
import tables
from commands import command
from kernel import MAX_ORDER, PAGE_SHIFT, caches, free_chunks, linked, number
from memory import USER_END

# Error code of a page fault: kernel/include/trap.h.
FAULT_PROTECTION, FAULT_WRITE, FAULT_USER, FAULT_FETCH = 0x01, 0x02, 0x04, 0x10
PAGE_FAULT, SYSTEM_CALL = 14, 0x80


# --- What there is --------------------------------------------------------------------------------


def variables(frame):
    """(name, value) of the function's arguments and, behind its first instruction, of its variables
    that have a value here."""
    block = frame.block()
    seen = set()
    while block:
        begun = not block.function or block.start != frame.pc()
        for symbol in block:
            if (symbol.is_argument or begun and symbol.is_variable) and symbol.name not in seen:
                seen.add(symbol.name)
                try:
                    value = symbol.value(frame)
                    value.fetch_lazy()
                except (gdb.error, gdb.MemoryError):
                    continue
                if not value.is_optimized_out:
                    yield symbol.name, value
        if block.function:
            return
        block = block.superblock


def kind_of(value):
    """"zone" for a `struct zone *`, the type's name for others."""
    kind = value.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_PTR:
        kind = kind.target().strip_typedefs()
        return str(kind.unqualified()).removeprefix("struct ") + " *"
    return str(value.type.unqualified())


def name_at(address):
    """The label at an address of the kernel."""
    return gdb.execute(f"info symbol {address}", to_string=True).split()[0]


def readable(pointer):
    """True when the pointer leads to something."""
    try:
        pointer.dereference().fetch_lazy()
        return int(pointer) != 0
    except (gdb.error, gdb.MemoryError):
        return False


# --- How it is shown ------------------------------------------------------------------------------


def show_zone(zone, found):
    counts = [sum(1 for _ in free_chunks(zone, order)) for order in range(MAX_ORDER + 1)]
    print(f"zone {zone['name'].string()}: {int(zone['free'])} of {int(zone['managed'])} frames "
          "free, free chunks by order:")
    print("  order  " + "".join("%6d" % order for order in range(MAX_ORDER + 1)))
    print("  chunks " + "".join("%6d" % count for count in counts))
    if "index" in found and int(found["index"]) < int(zone["count"]):
        show_block(zone, int(found["index"]))


def show_block(zone, index):
    block = zone["blocks"][index]
    first = int(zone["base"]) + (index << MAX_ORDER)
    print(f"block {index}: frames [{first:#x}, {first + (1 << MAX_ORDER):#x}), "
          f"{'open' if block['open'] else 'closed'}, {int(block['free'])} frames free")


def show_cache(cache, _found):
    tables.print_cache(cache)


def show_part(part, found):
    show_cache(part["cache"].dereference(), found)
    if part["slab"]:
        tables.print_slab_map(part["slab"].dereference())
    else:
        print("no slab to allocate from")


def show_slab(slab, found):
    show_cache(slab["cache"].dereference(), found)
    tables.print_slab_map(slab)


def show_space(space, found):
    owner = space["owner"]
    if owner:
        show_process(owner.cast(gdb.lookup_type("struct process").pointer()).dereference(), found)
    address = next((int(found[name]) for name in ("address", "start", "va") if name in found), None)
    for area in spaces.areas(space):
        here = address is not None and int(area["start"]) <= address < int(area["end"])
        print(spaces.map_line(area) + (f"   <- {address:#x}" if here else ""))
    if address and address < USER_END:
        paging.print_walk(address, space)


def show_tree(tree, found):
    address = found.get("address")
    for area in linked(tree["first"], "next"):
        here = address is not None and int(area["start"]) <= int(address) < int(area["end"])
        print(spaces.map_line(area) + (f"   <- {int(address):#x}" if here else ""))


def show_area(area, _found):
    spaces.print_area(area)


def show_map(_boot, _found):
    for region in tables.boot_regions():
        tables.print_region(*region)


def show_trap(trap, _found):
    where = "a program" if int(trap["cs"]) & 3 else "the kernel"
    eip = int(trap["eip"])
    if int(trap["vector"]) == SYSTEM_CALL:
        show_call(trap)
        return
    if int(trap["vector"]) != PAGE_FAULT:
        print(f"trap {int(trap['vector'])} from {where} at {eip:#010x}")
        return
    error, address = int(trap["error"]), number("(unsigned) $cr2")
    what = "jumped to" if error & FAULT_FETCH else "wrote to" if error & FAULT_WRITE else "read"
    why = "its rights forbid it" if error & FAULT_PROTECTION else "no page is there"
    print(f"page fault: {where} at {eip:#010x} {what} {address:#010x}; {why} (error {error:#x})")
    space = gdb.parse_and_eval("tlb_cpus[0].active")
    if space:
        show_space(space.dereference(), {"address": address})


def show_call(trap):
    """The frame has the number in EAX, and the arguments in the order of Linux."""
    number_of_call = int(trap["eax"])
    words = ", ".join(hex(int(trap[name])) for name in ("ebx", "ecx", "edx", "esi", "edi"))
    handler = name_at(number(f"(unsigned) syscall_table[{number_of_call}]"))
    print(f"system call {number_of_call} ({handler}) with {words}")
    show_task(gdb.parse_and_eval("*task_current()"), {})


def show_process(process, _found):
    print(f"process {int(process['pid'])}, {process['name'].string()}")


def show_task(task, _found):
    print(f"thread {int(task['tid'])} of process {int(task['process']['pid'])}, "
          f"{task['process']['name'].string()}")


def show_page(page, _found):
    if int(page["n"]):
        tables.print_frame(int(page["n"]))


def show_physical(address, _found):
    if int(address):
        tables.print_frame(int(address) >> PAGE_SHIFT)


STRUCTURES = {
    "bootmem *": show_map,
    "zone *": show_zone,
    "cache_part *": show_part,
    "kmem_cache *": show_cache,
    "slab *": show_slab,
    "trap_frame *": show_trap,
    "address_space *": show_space,
    "area_tree *": show_tree,
    "area *": show_area,
    "process *": show_process,
    "task *": show_task,
}
VALUES = {"pfn_t": show_page, "paddr_t": show_physical}
# One of these shows what the others behind it would show again.
COVERS = {"cache_part *": ("kmem_cache *", "slab *"), "trap_frame *": ("address_space *",)}


def show_size(found):
    """What a heap of size classes makes of the size that was asked for."""
    size = int(found["size"])
    classes = [cache for cache in caches() if cache["name"].string().startswith("kmalloc-")
               and int(cache["size"]) >= size]
    if classes:
        show_cache(min(classes, key=lambda cache: int(cache["size"])), found)


def show_object(found):
    """What a pointer to anything leads to: the frame, the object."""
    pointer = next((found[name] for name in ("memory", "object") if name in found), None)
    if pointer is not None and int(pointer):
        spaces.print_owner(int(pointer), None)


def show_more(frame, found):
    """What plain numbers and pointers mean, and for the rest of mm/ its zones."""
    if "size" in found:
        show_size(found)
    elif "memory" in found or "object" in found:
        show_object(found)
    elif frame.find_sal().symtab and frame.find_sal().symtab.filename.startswith("mm/"):
        tables.print_zones()


def show_all(found):
    """Prints each structure; True when there was one."""
    shown = set()
    for name, value in found.items():
        kind = kind_of(value)
        if kind in shown:
            continue
        if kind in STRUCTURES and readable(value):
            STRUCTURES[kind](value.dereference(), found)
            shown |= {kind, *COVERS.get(kind, ())}
        elif kind in VALUES:
            VALUES[kind](value, found)
            shown.add(kind)
    return bool(shown)


def place(frame):
    """Where that is. A return from a trap looks like one from a signal to gdb."""
    if frame.type() == gdb.SIGTRAMP_FRAME:
        return name_at(frame.pc())
    text = gdb.execute("frame", to_string=True).splitlines()[0]
    return text.split("  ", 1)[1] if text.startswith("#0") else text


@command("here", "The structures that the function at this stop has at hand.",
         needs_kernel=False)
def _here(_argument):
    frame = gdb.selected_frame()
    print(place(frame))
    try:
        found = dict(variables(frame))
    except RuntimeError:  # no debugging information here: assembly, a program
        return
    if not show_all(found) and number("mm_block_count"):
        show_more(frame, found)


@command("places", "octavo places NAME: the addresses of a function, also where it was compiled into "
         "others, or of a FILE:LINE.", needs_kernel=False)
def _places(argument):
    try:
        _, found = gdb.decode_line(argument)
    except gdb.error:
        found = None
    for line in found or ():
        print(hex(line.pc))
