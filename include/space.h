/* space.h - the address space of a program: its areas, page tables, break, stack and limits.
 *
 *   0x00000000  never mapped (the first 64 KiB)
 *   0x00010000  code and data, where the ELF file says
 *   0x08000000  heap: brk up from here or from the end of bss
 *   0x40000000  mmap: from here down towards the heap, then from here up
 *   0xC0000000  stack: down from here, at most the limit; 1 MiB below it stays free
 *
 * Results are 0 or an address, or a negated errno (uapi/errno.h). A call that fails has changed
 * nothing, but for the cases where Linux says otherwise: madvise goes on behind a hole.
 *
 * Lock: each space has one, alone or shared, and the functions here take it. What changes a space
 * has it alone. Faults share it, so that threads of one process fault at the same time. The order
 * of locks is in docs/design.md. Whoever has the space alone may find that reclaim took entries
 * that lead to the page cache out of its tables while he allocated memory: reclaim takes other
 * spaces' locks only where it need not wait.
 */
#ifndef OCTAVO_SPACE_H
#define OCTAVO_SPACE_H

#include "area.h"
#include "page.h"
#include "printer.h"
#include "tlb.h"
#include "uapi/errno.h"

#define USER_START      0x00010000u
#define USER_END        0xC0000000u
#define HEAP_START      0x08000000u
#define MMAP_TOP        0x40000000u
#define STACK_GAP       0x00100000u
#define STACK_LIMIT     0x00800000u
#define LIMIT_INFINITE  0xFFFFFFFFu
#define SPACE_AREAS     65530u /* at most: they are memory of the kernel */

/* Limits (getrlimit(2)) that memory calls obey, in bytes, soft ones. */
enum space_limit {
    SPACE_LIMIT_AS,
    SPACE_LIMIT_DATA,
    SPACE_LIMIT_STACK,
    SPACE_LIMIT_MEMLOCK,
    SPACE_LIMITS
};

struct address_space {
    /* PAE: to the directories, as the CPU reads them. */
    uint64_t pointers[4] __attribute__((aligned(32)));
    void *directories[3]; /* of the page tables (mm/paging.h): one, or PAE's three */
    paddr_t directory_at; /* what CR3 must be */
    struct area_tree areas;
    struct area *hit; /* area of the last fault: a hint, written by faults */
    uint32_t refs; /* atomic; of threads, and of who looks at it: 1 is the caller's alone */
    struct rw_mutex lock; /* of all but what is said to be atomic or another's */
    struct area *spare_areas; /* at hand for the next change, linked by next */
    unsigned spare_count;
    uint32_t tables_busy; /* a fault is making a page table (faults.inc); 0: none is */
    uint32_t cut_ticket;  /* of the last cut of an object that was seen to here (object.c) */
    uint32_t cpus; /* that walk its tables (tlb.h) */

    uintptr_t code_start, code_end, data_start, data_end;
    uintptr_t brk_start, brk;
    uintptr_t stack_top;
    unsigned stacks; /* mappings that grow down, made or moved; the first is the program's own */
    uintptr_t args_start, args_end, env_start, env_end;
    unsigned lock_future; /* MCL_FUTURE and MCL_ONFAULT of mlockall; 0 without MCL_FUTURE */
    unsigned read_adds;   /* AREA_EXEC where what can be read can be run, too; else 0 */

    size_t limits[SPACE_LIMITS];
    unsigned long total_pages;   /* of all areas */
    unsigned long data_pages;    /* private and writable: against SPACE_LIMIT_DATA */
    unsigned long locked_pages;
    unsigned long charged_pages; /* in the commit account */
    unsigned long odd_areas;     /* areas with AREA_DONTFORK or AREA_WIPEONFORK */
    unsigned long minor_faults, major_faults, cow_breaks;

    struct address_space *next, *previous; /* all spaces */
    void *owner; /* for whoever uses the space: its process */
};

/* The other CPUs that walk its tables, after all that this one wrote before: adding nothing is a
 * full barrier. */
static inline uint32_t
tlb_others(struct address_space *space)
{
    return __atomic_fetch_add(&space->cpus, 0, __ATOMIC_SEQ_CST) & ~cpu_bit();
}

/* An empty space with one reference; NULL when out of memory. */
MUST_CHECK struct address_space *space_create(void);

/* A copy whose pages are shared until one side writes. NULL when out of memory. Takes the parent's
 * lock. */
MUST_CHECK struct address_space *space_fork(struct address_space *parent);

/* One reference more, unless the space ends already. */
MUST_CHECK bool space_get_living(struct address_space *space);

static inline void
space_get(struct address_space *space)
{
    __atomic_fetch_add(&space->refs, 1, __ATOMIC_RELAXED);
}
/* The last reference takes everything down. It must not be the active space. */
void space_put(struct address_space *space);
/* Gives back the areas that it keeps for its next changes. */
void space_drain(struct address_space *space);

/* Pages that its tables lead to, the zero page not counted, and page tables with the directory.
 * Walks the tables. */
unsigned long space_resident(struct address_space *space);
unsigned long space_tables(const struct address_space *space);

/* What the resident pages are, and how large the first stack's area is. Walks the tables. */
struct space_pages {
    unsigned long anonymous, file, shared; /* own, of files, of shared anonymous memory */
    unsigned long stack;
};
void space_count_pages(struct address_space *space, struct space_pages *pages);

/* mmap. `prot`, `flags` as in mmap(2); `object` is NULL for anonymous memory, else what to map
 * (the caller keeps its reference) from page `index` on; `may_write` says whether a shared mapping
 * of it may be written. Returns the address. */
long space_mmap(struct address_space *space, uintptr_t hint, size_t length, unsigned prot,
                unsigned flags, struct object *object, uint32_t index, bool may_write);
long space_munmap(struct address_space *space, uintptr_t start, size_t length);
long space_mprotect(struct address_space *space, uintptr_t start, size_t length, unsigned prot);
long space_mremap(struct address_space *space, uintptr_t old, size_t old_length, size_t new_length,
                  unsigned flags, uintptr_t target);
long space_madvise(struct address_space *space, uintptr_t start, size_t length, int advice);
long space_msync(struct address_space *space, uintptr_t start, size_t length, unsigned flags);
long space_mlock(struct address_space *space, uintptr_t start, size_t length, bool lock,
                 bool on_fault);
long space_mlockall(struct address_space *space, unsigned flags);
long space_munlockall(struct address_space *space);

/* mincore for the `pages` pages from `start` on: one byte each into `answer`, kernel memory. */
long space_mincore(struct address_space *space, uintptr_t start, size_t pages, uint8_t *answer);

/* Sets the break and returns it; the old one when it cannot be had or `address` is below the heap.
 */
uintptr_t space_brk(struct address_space *space, uintptr_t address);

/* The first stack of a program: empty, growing down from `top`. */
long space_add_stack(struct address_space *space, uintptr_t top);

/* One private writable range backed by frames at once: all of it or nothing. 0 or -errno. */
long vm_alloc_map(struct address_space *space, uintptr_t start, size_t length, unsigned prot);
/* Takes such a range (or any mapped range) away, frames and empty page tables included. */
long vm_free_unmap(struct address_space *space, uintptr_t start, size_t length);

/* ---- faults ---- */

enum fault_access { FAULT_READ, FAULT_WRITE_ACCESS, FAULT_FETCH_ACCESS };

enum fault_result {
    FAULT_DONE,    /* try again */
    FAULT_MAPERR,  /* SIGSEGV, SEGV_MAPERR: nothing is mapped there */
    FAULT_ACCERR,  /* SIGSEGV, SEGV_ACCERR: the area does not allow it */
    FAULT_BUSERR,  /* SIGBUS, BUS_ADRERR: past the end of the file */
    FAULT_NOMEM,   /* out of memory: the OOM policy decides */
    FAULT_GROWS,   /* never answered by what is declared here: a stack must grow first */
};

/* What a page fault at `address` (any byte below USER_END) means. `stack_pointer` may be 0 when
 * not known. */
enum fault_result space_fault(struct address_space *space, uintptr_t address,
                              enum fault_access access);
/* The same with an event (trace.h). `who` is the process, `site` the instruction that faulted. */
enum fault_result space_fault_traced(struct address_space *space, uintptr_t address,
                                     enum fault_access access, unsigned who, const void *site);

/* Reads or writes a program's memory from outside, as if it had done so itself. Bytes done; less
 * when something is not mapped. The space need not be active. */
size_t space_read(struct address_space *space, uintptr_t from, void *to, size_t size);
size_t space_write(struct address_space *space, uintptr_t to, const void *from, size_t size);

/* ---- for object.c and reclaim ---- */

/* True when the area has locked page `index` of the object that it maps: then no other area may
 * lose it either, for its space may share the table. So as well when somebody is at work on a
 * space that has locks. The object is locked. */
bool space_keeps(const struct area *area, uint32_t index);

/* Takes `page`, which is page `index` of the object that the area maps, out of its page table if it
 * is there and the CPU did not mark it as used since the last time; else it loses its mark. True
 * when it may still be there, which is so as well when somebody is at work on the space. The object
 * is locked. */
bool space_unmap_old(struct area *area, uint32_t index, pfn_t page);

/* What the area maps from `start` on is gone, copies of its own too: its object was cut there. The
 * caller has the space alone. */
void space_cut(struct area *area, uintptr_t start);

/* ---- tables (mm/maps.c) ---- */

/* What maps shows behind an area: "[heap]", "[stack]", a path, "". */
const char *area_name(const struct area *area);
/* /proc/PID/maps and smaps; `name` says what an area's object is called (NULL: nothing). */
typedef const char *(*object_namer)(const struct object *object);
extern object_namer space_object_name;
/* Prints whose a space is, "12 sh"; NULL: nobody knows. */
extern void (*space_print_owner)(struct printer *out, const struct address_space *space);
void space_print_maps(struct printer *out, struct address_space *space);
void space_print_smaps(struct printer *out, struct address_space *space);
/* The areas with the kernel's flags, and one of them. */
void space_print_areas(struct printer *out, struct address_space *space);
void space_print_area(struct printer *out, const struct area *area);
/* The page tables of the area that holds `address`, or of all: one line a run of equal entries. */
void space_print_tables(struct printer *out, struct address_space *space);
/* What /proc/PID/pagemap tells (uapi/frames.h) of `pages` pages from `start` on, below USER_END. */
void space_fill_pagemap(struct address_space *space, uintptr_t start, size_t pages,
                        uint64_t *words);
void vm_print_vmstat(struct printer *out);

/* Each space: areas, page tables and counts agree. False after a report through klog. */
bool space_check_all(void);

/* All spaces and objects together: everybody who holds a page, leads to a table or was promised
 * memory is found. Only while nobody else does. */
bool space_check_sums(void);

/* mm_check and both of these. Whatever fails, the others are tried too: one wrong page shows in
 * several sums, and together they tell which it is. */
bool space_check_everything(void);

/* All spaces, linked by next; the lock guards the links and the kernel's part of their
 * directories. */
extern struct address_space *space_first;
extern struct spinlock spaces_lock;

/* Calls `visit` for every space, without a lock: each stays as long as it is visited. */
void space_for_each(void (*visit)(struct address_space *space, void *arg), void *arg);

/* ---- counters: /proc/vmstat ---- */

/* Which format the page tables of programs have: PAE's or two levels, which is what they have
 * without a word; `noexec` is PAE's bit that forbids to execute, 0 when the CPU has none. Before
 * space_init. */
void space_choose_format(bool pae, uint64_t noexec);

/* True when only areas with PROT_EXEC can be executed. */
bool space_obeys_exec(void);

/* Makes ready what all spaces share: caches and the zero page. After mm_init. False when there is
 * no memory for them. */
MUST_CHECK bool space_init(void);

/* One a CPU: only that CPU's tasks count there, so nothing is locked. */
struct vm_counters {
    unsigned long pgfault, pgmajfault, cow_copy, cow_reuse, zero_page, demand_zero, pgalloc, pgfree,
        file_mapped, fault_around, tables_shared, tables_unshared, tlb_flush_page, tlb_flush_all,
        cr3_loads, bytes_copied, bytes_cleared, pgscan, pgsteal, slabs_scanned, oom_kill,
        stack_grown, forks, tlb_shootdowns, tlb_answers;
} __attribute__((aligned(128)));
extern struct vm_counters vm_counters[CPU_MAX];

#define vm_count(counter)        ((void)vm_counters[cpu_current()].counter++)
#define vm_count_by(counter, by) ((void)(vm_counters[cpu_current()].counter += (by)))

/* The sum over all CPUs of the counter at this offset. */
unsigned long vm_sum(size_t offset);
#define vm_counted(counter) vm_sum(offsetof(struct vm_counters, counter))

#endif
