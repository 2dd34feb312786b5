"""spaces.py - programs and their memory: areas, maps, and who has what is at an address."""
import gdb

import notes
import paging
import tables
import tasks
from kernel import DIRECT_BASE, PAGE_SHIFT, array_length, linked, number, value

PATH_ROOM = 256  # file_object_name in kernel/files/regular.c
AREA_ANONYMOUS, AREA_HEAP, AREA_STACK = 0x2000, 0x800, 0x1000


def process_numbered(pid):
    for process in tasks.processes():
        if process["pid"] == pid:
            return process
    raise gdb.GdbError(f"There is no process {pid}.")


def space_of(words):
    """The space of a process by number, or a pointer to one; None: the one in use."""
    if not words:
        return None
    chosen = value(words[0])
    if chosen.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
        return chosen.dereference()
    space = process_numbered(int(chosen))["space"]
    return space.dereference() if space else None


def areas(space):
    return linked(space["areas"]["first"], "next")


def rights(area):
    return "".join(letter if int(area["flags"]) & bit else "-"
                   for letter, bit in (("r", 1), ("w", 2), ("x", 4)))


# --- Areas with the kernel's flags ----------------------------------------------------------------


def print_area(area):
    names = value("space_print_area::names")
    words = [names[i]["name"].string() for i in range(array_length(names))
             if int(area["flags"]) & int(names[i]["flag"])]
    if area["object"]:
        words.append("object 0x%08x from page %u" % (int(area["object"]), area["index"]))
    print("area %08x %08x %6u pages %s"
          % (area["start"], area["end"], int(area["end"] - area["start"]) >> PAGE_SHIFT,
             " ".join([rights(area), *words])))


def print_areas(space):
    print("%u areas; break %08x to %08x, stack below %08x"
          % (space["areas"]["count"], space["brk_start"], space["brk"], space["stack_top"]))
    for area in areas(space):
        print_area(area)
    print("%u pages in all, %u private and writable, %u promised, %u locked"
          % (space["total_pages"], space["data_pages"], space["charged_pages"],
             space["locked_pages"]))


# --- maps, as Linux has it ------------------------------------------------------------------------


def object_name(pages):
    """What an object is called: the path of the file whose bytes it is, else nothing."""
    if pages["ops"]["release"] != value("node_release_object").address:
        return ""
    content = gdb.lookup_type("struct content")
    offset = next(field.bitpos // 8 for field in content.fields() if field.name == "object")
    return path_of(value(f"&((struct content *) {int(pages) - offset:#x})->node"))


def path_of(node):
    """The path of a file; with (deleted) behind it when nothing leads there any more."""
    root, parts, gone = number("(unsigned) tree_root"), [], False
    if int(node) == root:
        return "/"
    while node and int(node) != root and len(parts) < PATH_ROOM:
        parts.append(node["name"].string() if node["name"] else "")
        gone |= not node["linked"] and (not node["parent"] or not node["parent"]["dynamic"])
        node = node["parent"]
    path = "/" + "/".join(reversed(parts))
    if len(path) >= PATH_ROOM:
        return parts[0]
    return path + (" (deleted)" if gone else "")


def area_name(area):
    flags = int(area["flags"])
    if flags & AREA_ANONYMOUS:
        return "/dev/zero (deleted)"
    if area["object"]:
        return object_name(area["object"])
    if flags & AREA_HEAP:
        return "[heap]"
    return "[stack]" if flags & AREA_STACK and area["end"] == area["space"]["stack_top"] else ""


def map_line(area):
    name = area_name(area).replace("\n", "\\012")
    return "%08x-%08x %s%s %08x 00:00 %u%s%s" % (
        area["start"], area["end"], rights(area), "s" if int(area["flags"]) & 8 else "p",
        int(area["index"]) << PAGE_SHIFT, 1 if area["object"] else 0, " " * 26 if name else "", name)


def print_maps(space):
    for area in areas(space):
        print(map_line(area))


# --- Who has what is at an address ----------------------------------------------------------------


def print_owner(address, space):
    if space is None and number("(unsigned) tlb_cpus[0].active"):
        space = value("*tlb_cpus[0].active")
    found = paging.tables_of(space).walk(address)
    print("address 0x%08x: %s" % (address, "physical 0x%08x" % found.physical if found.present
                                  else "nothing is mapped there"))
    if space is not None and address < paging.USER_END:
        for area in areas(space):
            if area["start"] <= address < area["end"]:
                print_area(area)
    notes.print_object_notes(address)
    if found.present:
        tables.print_frame(found.physical >> PAGE_SHIFT)
        tables.print_object(DIRECT_BASE + found.physical)
