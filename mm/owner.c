/* owner.c - the names of owners. Programs that look at memory have it too. */
#include "owner.h"

static const char *const owner_names[FRAME_OWNERS] = {
    [FRAME_NONE] = "free",
    [FRAME_CACHED] = "cpu cache",
    [FRAME_FIRMWARE] = "firmware",
    [FRAME_LOW] = "low memory",
    [FRAME_ABSENT] = "left out",
    [FRAME_BAD] = "bad",
    [FRAME_KERNEL] = "kernel image",
    [FRAME_MODULE] = "module",
    [FRAME_BOOTINFO] = "boot info",
    [FRAME_METADATA] = "metadata",
    [FRAME_EARLY] = "early heap",
    [FRAME_SLAB] = "slab",
    [FRAME_ALLOCATED] = "allocated",
    [FRAME_HEAP] = "heap",
    [FRAME_VMALLOC] = "vmalloc",
    [FRAME_PAGE_TABLE] = "page table",
    [FRAME_STACK] = "kernel stack",
    [FRAME_USER] = "program",
    [FRAME_CACHE] = "page cache",
};

const char *
frame_owner_name(enum frame_owner owner)
{
    return owner < FRAME_OWNERS ? owner_names[owner] : "unknown";
}
