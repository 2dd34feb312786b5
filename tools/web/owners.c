/* owners.c - what the web page must know about frame descriptors, as JavaScript on standard output.
 *
 * The page reads the frame table out of the emulator's memory (octavo.js). The layout of a
 * descriptor, the owners, their names and which of them speak for more frames than one come from
 * the kernel's own headers and mm/frame.c, which are compiled in: they cannot fall behind. An owner
 * without a colour stops the build.
 *
 *   owners ADDRESS    where the kernel has its frame table (kernel/include/platform_impl.h)
 *
 * Exit status: 0; 1 when an owner has no colour; 2 for wrong usage.
 */
#include <stddef.h>
#include <stdio.h>

#include "frame.h"

static const char *const colours[FRAME_OWNERS] = {
    [FRAME_NONE] = "#20262e",
    [FRAME_CACHED] = "#3b4755",
    [FRAME_FIRMWARE] = "#000000",
    [FRAME_LOW] = "#8a8f98",
    [FRAME_ABSENT] = "#5c3b3b",
    [FRAME_BAD] = "#ff0000",
    [FRAME_KERNEL] = "#e5484d",
    [FRAME_MODULE] = "#b08968",
    [FRAME_BOOTINFO] = "#d6c0a8",
    [FRAME_METADATA] = "#f5d90a",
    [FRAME_EARLY] = "#a87ef0",
    [FRAME_SLAB] = "#f76b15",
    [FRAME_ALLOCATED] = "#ffffff",
    [FRAME_HEAP] = "#ffb224",
    [FRAME_VMALLOC] = "#e93d82",
    [FRAME_PAGE_TABLE] = "#00c2d7",
    [FRAME_STACK] = "#d6409f",
    [FRAME_USER] = "#46a758",
    [FRAME_CACHE] = "#3e8eff",
};

static void
print_owner(enum frame_owner owner)
{
    struct frame head = {.owner = (uint8_t)owner, .count = 2};

    printf("        {name: \"%s\", colour: \"%s\", counts: %s},\n", frame_owner_name(owner),
           colours[owner], frame_extent(&head) == 2 ? "true" : "false");
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: owners ADDRESS\n");
        return 2;
    }
    printf("// Made by tools/web/owners.c from the kernel's headers.\n"
           "const FRAMES = {\n"
           "    table: %s, bytes: %zu, ownerAt: %zu, countAt: %zu,\n"
           "    free: %d, firmware: %d,\n"
           "    owners: [\n",
           argv[1], sizeof(struct frame), offsetof(struct frame, owner),
           offsetof(struct frame, count), FRAME_NONE, FRAME_FIRMWARE);
    for (int owner = 0; owner < FRAME_OWNERS; owner++) {
        if (!colours[owner]) {
            fprintf(stderr, "owners: '%s' has no colour\n", frame_owner_name(owner));
            return 1;
        }
        print_owner(owner);
    }
    printf("    ],\n};\n");
    return 0;
}
