/* softcpu.h - a program's view of its memory, for tests: what the CPU does with a user address.
 *
 *   address ──► directory entry ──► table entry ──► frame, byte
 *               present? user?      present? user?
 *               writable for a store: both; CR0.WP makes the kernel obey it too
 *
 * What the tables forbid goes to space_fault, as the CPU's page fault would, and is tried again.
 * The CPU marks what it walked over as accessed, and what it stored to as dirty.
 *
 * Of the active space it remembers where pages were (its TLB), where the platform tells it what to
 * forget: on the host. What it remembers must be what the tables say whenever it is used, so a
 * change of the tables without the flush that belongs to it shows at the next access.
 */
#ifndef OCTAVO_TESTS_SOFTCPU_H
#define OCTAVO_TESTS_SOFTCPU_H

#include "space.h"

enum { CPU_PRESENT = 1, CPU_WRITE = 2, CPU_USER = 4, CPU_ACCESSED = 0x20, CPU_DIRTY = 0x40 };

/* A fault that was handled this many times for one access never ends. */
#define CPU_PATIENCE 8

/* ---- what it remembers ---- */

struct cpu_translation {
    uintptr_t page; /* 0: none */
    pfn_t frame;
    bool write;
};

#define CPU_TRANSLATIONS 256

static struct cpu_translation cpu_tlb[CPU_TRANSLATIONS];
static const struct address_space *cpu_space; /* active */

extern void (*hosted_tlb_flush)(uintptr_t va) __attribute__((weak));

static inline struct cpu_translation *
cpu_translation_of(uintptr_t address)
{
    return &cpu_tlb[(address >> PAGE_SHIFT) % CPU_TRANSLATIONS];
}

/* Forgets one page, or all for ~0. */
static inline void
cpu_forget(uintptr_t address)
{
    if (address == ~(uintptr_t)0) {
        for (unsigned i = 0; i < CPU_TRANSLATIONS; i++)
            cpu_tlb[i].page = 0;
    } else if (cpu_translation_of(address)->page == (address & ~(uintptr_t)PAGE_MASK)) {
        cpu_translation_of(address)->page = 0;
    }
}

static inline void
cpu_activate(struct address_space *space)
{
    if (&hosted_tlb_flush)
        hosted_tlb_flush = cpu_forget;
    cpu_space = space;
    space_activate(space);
}

/* ---- the walk ---- */

/* An entry, two-level (4 bytes) or PAE (8 bytes), changed by `marks` as the CPU does it: its frame,
 * frame 0 when the access is not allowed. */
static inline pfn_t
cpu_entry(void *table, size_t index, size_t size, bool write, uint32_t marks)
{
    uint32_t *entry = (uint32_t *)((char *)table + index * size);
    uint32_t needed = CPU_PRESENT | CPU_USER | (write ? CPU_WRITE : 0);
    uint64_t high = size == 8 ? entry[1] & 0x7FFFFFFF : 0;

    if ((*entry & needed) != needed)
        return pfn(0);
    *entry |= marks;
    return paddr_to_pfn(high << 32 | *entry);
}

/* The frame that an access reaches without a fault; frame 0 when it faults. */
static inline pfn_t
cpu_walk(const struct address_space *space, uintptr_t address, bool write, uint32_t marks)
{
    bool pae = space->directories[1] != NULL;
    size_t size = pae ? 8 : 4, entries = PAGE_SIZE / size;
    uintptr_t page = address >> PAGE_SHIFT;
    pfn_t frame = cpu_entry(space->directories[pae ? address >> 30 : 0], page / entries % entries,
                            size, write, marks & CPU_ACCESSED);
    void *table;

    if (!frame.n)
        return frame;
    table = frame_map(frame);
    frame_unmap(frame, table);
    return cpu_entry(table, page % entries, size, write, marks);
}

/* The same by way of the TLB. */
static inline pfn_t
cpu_translate(const struct address_space *space, uintptr_t address, bool write)
{
    struct cpu_translation *known = cpu_translation_of(address);
    uintptr_t page = address & ~(uintptr_t)PAGE_MASK;
    uint32_t marks = CPU_ACCESSED | (write ? CPU_DIRTY : 0);
    pfn_t frame;

    if (space != cpu_space || !&hosted_tlb_flush)
        return cpu_walk(space, address, write, marks);
    if (known->page == page && (known->write || !write)) {
        if (cpu_walk(space, address, write, 0).n != known->frame.n)
            kpanic("softcpu: %lx was changed without a flush", (unsigned long)address);
        return known->frame;
    }
    frame = cpu_walk(space, address, write, marks);
    *known = (struct cpu_translation){frame.n ? page : 0, frame, write};
    return frame;
}

/* True when the CPU executes what is at an address that can be read. */
static inline bool
cpu_executes(const struct address_space *space, uintptr_t address)
{
    const uint64_t *directory = space->directories[address >> 30];
    uintptr_t page = address >> PAGE_SHIFT;
    const uint64_t *table;

    if (space->directories[1] == NULL) /* two levels */
        return true;
    table = frame_to_ptr(paddr_to_pfn(directory[page / 512 % 512]));
    return !(table[page % 512] >> 63);
}

/* The frame behind an address, faulted in when need be. */
static inline enum fault_result
cpu_reach(struct address_space *space, uintptr_t address, bool write, pfn_t *frame)
{
    for (unsigned tries = 0; tries < CPU_PATIENCE; tries++) {
        enum fault_result result;

        *frame = cpu_translate(space, address, write);
        if (frame->n)
            return FAULT_DONE;
        result = space_fault(space, address, write ? FAULT_WRITE_ACCESS : FAULT_READ);
        if (result != FAULT_DONE)
            return result;
    }
    kpanic("softcpu: %s of %lx faults for ever", write ? "store" : "load", (unsigned long)address);
}

/* One aligned word; 0 when it cannot be had. */
static inline enum fault_result
cpu_load(struct address_space *space, uintptr_t address, uint32_t *value)
{
    pfn_t frame;
    enum fault_result result = cpu_reach(space, address, false, &frame);
    const uint32_t *page;

    *value = 0;
    if (result != FAULT_DONE)
        return result;
    page = frame_map(frame);
    *value = page[(address & PAGE_MASK) / sizeof(*page)];
    frame_unmap(frame, page);
    return FAULT_DONE;
}

static inline enum fault_result
cpu_store(struct address_space *space, uintptr_t address, uint32_t value)
{
    pfn_t frame;
    enum fault_result result = cpu_reach(space, address, true, &frame);
    uint32_t *page;

    if (result != FAULT_DONE)
        return result;
    page = frame_map(frame);
    page[(address & PAGE_MASK) / sizeof(*page)] = value;
    frame_unmap(frame, page);
    return FAULT_DONE;
}

#endif
