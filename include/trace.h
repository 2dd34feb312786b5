/* trace.h - what the memory manager does, event by event.
 *
 * Each event is a record of 32 bytes. While its group is chosen it goes into the ring of its CPU;
 * from there a sink takes it at once (a port of the machine), or a reader when he comes
 * (trace_read). A ring without a sink keeps the newest events; how many it dropped is an event too.
 *
 * The file that tools/trace reads is a header of 64 bytes and then records, all little-endian.
 *
 * Cost of a hook while its group is off: a test and a branch, and none on the short ways of
 * kmalloc, kfree and the page calls: they are closed while traced (slab_watch, pmm_watch).
 */
#ifndef OCTAVO_TRACE_H
#define OCTAVO_TRACE_H

#include "types.h"

/* Groups, by their bit in a mask and by their name in lists of words. */
#define TRACE_GROUPS(X)                                                                            \
    X(alloc) X(page) X(buddy) X(slab) X(fault) X(map) X(reclaim) X(task) X(irq)

#define TRACE_GROUP(type) ((uint32_t)1 << ((type) >> 4))

/* The group is the upper half of the number. What the fields mean: address, size, detail. */
enum trace_type {
    TRACE_ALLOC = 0x00,      /* object, bytes asked for, number of the cache (TRACE_HEAP_...) */
    TRACE_FREE = 0x01,       /* object, 0, the same */
    TRACE_PAGE_ALLOC = 0x10, /* physical, frames, zone */
    TRACE_PAGE_FREE = 0x11,  /* physical, frames, zone */
    TRACE_PAGE_OWNER = 0x12, /* physical, frames, enum frame_owner */
    TRACE_SPLIT = 0x20,      /* physical of the chunk, order it had, order it was split for */
    TRACE_MERGE = 0x21,      /* physical of what was freed, its order, order it merged to */
    TRACE_SLAB_GROW = 0x30,  /* physical, frames, number of the cache */
    TRACE_SLAB_SHRINK = 0x31,
    TRACE_FAULT = 0x40,   /* address, access | process << 8, enum trace_fault; site: user's EIP */
    TRACE_MMAP = 0x50,    /* address it got, length, error; site: user's EIP, as of all below */
    TRACE_MUNMAP = 0x51,  /* address, length, error */
    TRACE_BRK = 0x52,     /* new end, address asked for, error */
    TRACE_MPROTECT = 0x53,/* address, length, error */
    TRACE_MREMAP = 0x54,  /* address it got, new length, error */
    TRACE_RECLAIM = 0x60, /* 0, frames wanted, frames got */
    TRACE_OOM = 0x61,     /* 0, process that is ended, 0 */
    TRACE_SWITCH = 0x70,  /* 0, thread that runs from now on, thread that did */
    TRACE_FORK = 0x71,    /* 0, child, parent */
    TRACE_EXEC = 0x72,    /* eight letters of the program's name, process, 0 */
    TRACE_EXIT = 0x73,    /* 0, thread, status */
    TRACE_IRQ = 0x80,     /* 0, number, 0 */
    /* Of no group: what a reader needs to know. */
    TRACE_LOST = 0xF0,    /* 0, events that this CPU's ring dropped here, 0 */
    TRACE_CLOCK = 0xF1,   /* nanoseconds of the machine's own clock at this stamp, 0, 0 */
    TRACE_FRAMES = 0xF2,  /* when page was chosen: physical, frames in a row, enum frame_owner */
    TRACE_CACHE = 0xF3,   /* address of the name, bytes of an object, number of the cache */
    TRACE_CHOSEN = 0xF4,  /* 0, mask of the groups from now on, 0 */
};

/* In TRACE_ALLOC and TRACE_FREE, beside numbers of caches: no object of a slab. */
#define TRACE_HEAP_FRAMES  0xFFFF
#define TRACE_HEAP_VMALLOC 0xFFFE

/* What a fault was. */
enum trace_fault {
    TRACE_FAULT_NOTHING,  /* the page was there when it was looked at, or may just be used now */
    TRACE_FAULT_ZERO,     /* a page of zeros */
    TRACE_FAULT_READ,     /* the zero page */
    TRACE_FAULT_COW,      /* a copy */
    TRACE_FAULT_FILE,     /* a page of a file or of shared memory */
    TRACE_FAULT_STACK,    /* the stack grew, and a page of zeros */
    TRACE_FAULT_BAD,      /* no area, or not allowed */
    TRACE_FAULT_NO_MEMORY,
};

struct trace_event {
    uint64_t time; /* by the clock of trace_start */
    uint64_t address;
    uint64_t site; /* the code that asked for it */
    uint32_t size;
    uint16_t detail;
    uint8_t type;
    uint8_t cpu;
};
_Static_assert(sizeof(struct trace_event) == 32, "the record of the file");

#define TRACE_MAGIC   "OctTrace"
#define TRACE_VERSION 1

struct trace_header {
    char magic[8];
    uint16_t version, header_size, event_size;
    uint16_t word; /* bytes of a pointer */
    uint32_t groups;
    uint32_t image;        /* sum of the code (trace_setup), 0 = none */
    uint64_t anchor;       /* where trace_start lies in memory: what the code was moved by */
    uint64_t direct_base;  /* address of ... */
    uint64_t direct_frame; /* ... this frame, and of those behind it */
    uint64_t first_frame, end_frame;
};
_Static_assert(sizeof(struct trace_header) == 64, "the header of the file");

/* What a trace stands on. All but `bytes` may be 0 or NULL. */
struct trace_setup {
    size_t bytes;               /* of memory for all rings together, at least 4 KiB a CPU */
    uint64_t (*stamp)(void);    /* of an event; without it they are numbered */
    uint64_t (*uptime)(void);   /* in nanoseconds, asked now and then */
    void (*sink)(const void *bytes, size_t size); /* takes events at once; from any context */
    uint32_t image;             /* tells a reader which image his symbols must be of */
};

/* The groups whose events are recorded. Read by the hooks; changed by trace_choose only. */
extern uint32_t trace_groups;

/* Makes the rings, one for each CPU that is up. The sink gets the header. No group is chosen yet.
 * False: no memory. One at a time; after mm_init, which forgets it. */
MUST_CHECK bool trace_start(const struct trace_setup *setup);
/* No group any more, and the rings' memory goes back. */
void trace_stop(void);
bool trace_started(void);

/* Chooses groups, in place of those chosen before. Needs a trace that was started. No other CPU may
 * be in mm/ at the time. */
void trace_choose(uint32_t groups);

/* The mask for a list of groups with commas, "all" and "off" among them. False: a word in it is no
 * group. */
MUST_CHECK bool trace_parse(const char *list, uint32_t *groups);
/* Name of group `index`, NULL behind the last. */
const char *trace_group_name(unsigned index);

/* The header as the file has it. */
void trace_get_header(struct trace_header *header);

/* Moves as many of the oldest events as fit to `to`, by their stamps; returns their bytes. */
size_t trace_read(void *to, size_t size);

struct trace_counts {
    unsigned long recorded, waiting, lost, room; /* events; room: of all rings */
};
void trace_get_counts(struct trace_counts *counts);

/* A CPU came up while a trace was on: it gets a ring too. */
void trace_cpu_up(unsigned id);

/* Puts an event into this CPU's ring, whatever is chosen. From any context. */
void trace_record(enum trace_type type, uint64_t address, size_t size, unsigned detail,
                  const void *site) __attribute__((cold));

static inline bool
trace_on(enum trace_type type)
{
    return UNLIKELY(trace_groups & TRACE_GROUP(type));
}

/* The hook. */
static inline void
trace(enum trace_type type, uint64_t address, size_t size, unsigned detail, const void *site)
{
    if (trace_on(type))
        trace_record(type, address, size, detail, site);
}

#endif
