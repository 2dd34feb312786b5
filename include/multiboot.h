/* multiboot.h - what a Multiboot-1 loader tells the kernel, read without trusting a word of it.
 *
 * The loader's structures may lie anywhere in physical memory, so every byte comes through a
 * reader: the kernel's maps pages for it, a test's reads a buffer. What the kernel needs is copied
 * into memory of its own; afterwards nothing refers to the loader's memory but by physical address.
 */
#ifndef OCTAVO_MULTIBOOT_H
#define OCTAVO_MULTIBOOT_H

#include "types.h"
#include "memmap.h"

/* In EAX when a Multiboot-1 loader starts the kernel. */
#define MULTIBOOT_MAGIC 0x2BADB002u

/* Longer strings are cut. */
#define MULTIBOOT_STRING_MAX 4095u

struct multiboot_source {
    /* Copies physical memory; false when it cannot be read. */
    bool (*read)(void *arg, uint64_t physical, void *into, size_t size);
    /* Memory for the results, zeroed or not; NULL when there is none. Nothing is ever freed. */
    void *(*alloc)(void *arg, size_t size);
    void *arg;
};

struct boot_module {
    uint64_t start; /* physical, [start, end) */
    uint64_t end;
    const char *string; /* the loader's words for it: often "file args"; never NULL */
};

/* The ELF section headers of the kernel, in the loader's memory. */
struct boot_elf {
    uint32_t count;   /* 0: the loader left none */
    uint32_t size;    /* of one header */
    uint64_t address; /* of the first */
    uint32_t names;   /* which section holds the names of the sections */
};

/* Where the list of memory came from. */
enum boot_map {
    BOOT_MAP_NONE,  /* nowhere: there are no entries */
    BOOT_MAP_SIZES, /* mem_lower and mem_upper */
    BOOT_MAP_FULL,  /* the firmware's list */
};

#define BOOT_NOTES_MAX 12

struct boot_info {
    uint32_t flags;
    const char *cmdline; /* never NULL */
    const char *loader;  /* never NULL */
    enum boot_map map;
    struct memmap_entry *entries; /* as the firmware gave them */
    size_t entry_count;
    struct boot_module *modules;
    size_t module_count;
    struct boot_elf elf;
    struct memmap_entry *owned; /* what must not be overwritten: MEMMAP_MODULE, MEMMAP_BOOTINFO */
    size_t owned_count;
    const char *notes[BOOT_NOTES_MAX]; /* what was wrong with it, in words */
    size_t note_count;
};

/* Reads the information structure at `physical`. Total: whatever the memory holds, *info is valid
 * afterwards, and what could not be read or made no sense is missing from it and noted. */
void multiboot_read(const struct multiboot_source *source, uint64_t physical,
                    struct boot_info *info);

#endif
