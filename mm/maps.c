/* maps.c - address spaces to look at: /proc/PID/maps and smaps, page tables, counters. */
#include <string.h>
#include "space_private.h"
#include "uapi/frames.h"
#include "pmm.h"

object_namer space_object_name;

/* ---- counting entries ---- */

static void
count_resident(void *arg, uintptr_t va, pfn_t page, unsigned flags)
{
    (void)va;
    (void)flags;
    *(unsigned long *)arg += page.n != vm_zero_page.n;
}

unsigned long
space_resident(struct address_space *space)
{
    unsigned long pages = 0;

    rw_lock(&space->lock);
    for (const struct area *area = space->areas.first; area != NULL; area = area->next)
        tables_walk(space, area->start, area->end, count_resident, &pages);
    rw_unlock(&space->lock);
    return pages;
}

struct page_count {
    const struct area *area;
    struct space_pages *pages;
};

static void
count_page(void *arg, uintptr_t va, pfn_t page, unsigned flags)
{
    const struct page_count *count = arg;
    struct space_pages *pages = count->pages;

    (void)va;
    (void)flags;
    if (page.n == vm_zero_page.n)
        return;
    if (frame_of(page)->owner == FRAME_USER)
        pages->anonymous++;
    else if (count->area->flags & AREA_ANONYMOUS)
        pages->shared++;
    else
        pages->file++;
}

void
space_count_pages(struct address_space *space, struct space_pages *pages)
{
    *pages = (struct space_pages){0};
    rw_lock(&space->lock);
    for (const struct area *area = space->areas.first; area != NULL; area = area->next) {
        struct page_count count = {area, pages};

        tables_walk(space, area->start, area->end, count_page, &count);
        if (area->flags & AREA_STACK)
            pages->stack += pages_of(area->start, area->end);
    }
    rw_unlock(&space->lock);
}

unsigned long
space_tables(const struct address_space *space)
{
    unsigned long tables = paging->directory_frames;
    bool own;

    for (uintptr_t base = 0; base < USER_END; base += paging->reach)
        tables += table_at(space, base, &own).n != 0;
    return tables;
}

/* ---- maps ---- */

const char *
area_name(const struct area *area)
{
    const struct address_space *space = area->space;

    if (area->flags & AREA_ANONYMOUS)
        return "/dev/zero (deleted)";
    if (area->object != NULL)
        return space_object_name != NULL ? space_object_name(area->object) : "";
    if (area->flags & AREA_HEAP)
        return "[heap]";
    return area->flags & AREA_STACK && area->end == space->stack_top ? "[stack]" : "";
}

/* A name that has newlines is one line nevertheless. */
static void
print_name(struct printer *out, const char *name)
{
    const char *end;

    for (; (end = strchr(name, '\n')) != NULL; name = end + 1)
        print(out, "%.*s\\012", (int)(end - name), name);
    print(out, "%s\n", name);
}

static void
print_area(struct printer *out, const struct area *area)
{
    const char *name = area_name(area);

    print(out, "%08lx-%08lx %c%c%c%c %08llx 00:00 %lu", (unsigned long)area->start,
          (unsigned long)area->end, area->flags & AREA_READ ? 'r' : '-',
          area->flags & AREA_WRITE ? 'w' : '-', area->flags & AREA_EXEC ? 'x' : '-',
          area->flags & AREA_SHARED ? 's' : 'p', (unsigned long long)area->index << PAGE_SHIFT,
          (unsigned long)(area->object != NULL));
    print(out, "%*s", *name != '\0' ? 26 : 0, "");
    print_name(out, name);
}

void
space_print_maps(struct printer *out, struct address_space *space)
{
    rw_lock_shared(&space->lock);
    for (const struct area *area = space->areas.first; area != NULL; area = area->next)
        print_area(out, area);
    rw_unlock_shared(&space->lock);
}

/* ---- areas as the kernel has them: for the monitor, also after a panic, so without a lock ---- */

void
space_print_area(struct printer *out, const struct area *area)
{
    static const struct {
        unsigned flag;
        const char *name;
    } names[] = {
        {AREA_SHARED, "shared"},       {AREA_GROWSDOWN, "grows"},   {AREA_LOCKED, "locked"},
        {AREA_NORESERVE, "noreserve"}, {AREA_CHARGED, "charged"},   {AREA_DONTFORK, "dontfork"},
        {AREA_WIPEONFORK, "wipe"},     {AREA_HEAP, "heap"},         {AREA_STACK, "stack"},
    };

    print(out, "area %08lx %08lx %6lu pages %c%c%c", (unsigned long)area->start,
          (unsigned long)area->end, pages_of(area->start, area->end),
          area->flags & AREA_READ ? 'r' : '-', area->flags & AREA_WRITE ? 'w' : '-',
          area->flags & AREA_EXEC ? 'x' : '-');
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (area->flags & names[i].flag)
            print(out, " %s", names[i].name);
    if (area->object != NULL)
        print(out, " object %p from page %lu", (void *)area->object, (unsigned long)area->index);
    print(out, "\n");
}

void
space_print_areas(struct printer *out, struct address_space *space)
{
    print(out, "%lu areas; break %08lx to %08lx, stack below %08lx\n",
          (unsigned long)space->areas.count, (unsigned long)space->brk_start,
          (unsigned long)space->brk, (unsigned long)space->stack_top);
    for (const struct area *area = space->areas.first; area != NULL; area = area->next)
        space_print_area(out, area);
    print(out, "%lu pages in all, %lu private and writable, %lu promised, %lu locked\n",
          space->total_pages, space->data_pages, space->charged_pages, space->locked_pages);
}

/* ---- smaps ---- */

enum { CLEAN, DIRTY };

struct tally {
    const struct area *area;
    uint32_t sharers; /* directories that lead to the table at hand */
    unsigned long resident, anonymous, referenced;
    unsigned long shared[2], alone[2]; /* pages that can be had again, and others */
    unsigned long proportional;        /* bytes */
};

/* Directories that lead to the entry count as holders of its page too. A table that another space
 * shares may be changed by way of that one: the last holder may be gone already. */
static __attribute__((no_sanitize("thread"))) void
tally_entry(void *arg, uintptr_t va, pfn_t page, unsigned flags)
{
    struct tally *tally = arg;
    const struct frame *frame = frame_of(page);
    bool cached = frame->owner == FRAME_CACHE;
    int kind = cached && tally->area->object->ops->fill != NULL ? CLEAN : DIRTY;
    uint32_t holders = (frame->count - cached) * tally->sharers; /* the cache itself is none */

    (void)va;
    if (page.n == vm_zero_page.n || holders == 0)
        return;
    tally->resident++;
    tally->anonymous += frame->owner == FRAME_USER;
    tally->referenced += (flags & PT_ACCESSED) != 0;
    if (holders > 1)
        tally->shared[kind]++;
    else
        tally->alone[kind]++;
    tally->proportional += (uint32_t)PAGE_SIZE / holders;
}

static void
tally_area(struct tally *tally)
{
    const struct area *area = tally->area;

    for (uintptr_t va = area->start; va < area->end; va = table_end(va, area->end)) {
        bool own;
        pfn_t table = table_at(area->space, va, &own);

        tally->sharers = table.n != 0 ? frame_of(table)->count : 1;
        tables_walk(area->space, va, table_end(va, area->end), tally_entry, tally);
    }
}

static void
print_kib(struct printer *out, const char *name, unsigned long pages)
{
    print(out, "%-16s%8lu kB\n", name, pages << (PAGE_SHIFT - 10));
}

static void
print_smap(struct printer *out, const struct area *area)
{
    struct tally tally = {.area = area};

    tally_area(&tally);
    print_area(out, area);
    print_kib(out, "Size:", pages_of(area->start, area->end));
    print_kib(out, "KernelPageSize:", 1);
    print_kib(out, "MMUPageSize:", 1);
    print_kib(out, "Rss:", tally.resident);
    print(out, "%-16s%8lu kB\n", "Pss:", tally.proportional >> 10);
    print_kib(out, "Shared_Clean:", tally.shared[CLEAN]);
    print_kib(out, "Shared_Dirty:", tally.shared[DIRTY]);
    print_kib(out, "Private_Clean:", tally.alone[CLEAN]);
    print_kib(out, "Private_Dirty:", tally.alone[DIRTY]);
    print_kib(out, "Referenced:", tally.referenced);
    print_kib(out, "Anonymous:", tally.anonymous);
    print_kib(out, "Swap:", 0);
    print_kib(out, "Locked:", area->flags & AREA_LOCKED ? tally.resident : 0);
    print(out, "VmFlags:%s%s%s%s%s%s\n", area->flags & AREA_READ ? " rd" : "",
          area->flags & AREA_WRITE ? " wr" : "", area->flags & AREA_EXEC ? " ex" : "",
          area->flags & AREA_SHARED ? " sh" : "", area->flags & AREA_GROWSDOWN ? " gd" : "",
          area->flags & AREA_LOCKED ? " lo" : "");
}

void
space_print_smaps(struct printer *out, struct address_space *space)
{
    rw_lock(&space->lock);
    for (const struct area *area = space->areas.first; area != NULL; area = area->next)
        print_smap(out, area);
    rw_unlock(&space->lock);
}

/* ---- pagemap ---- */

struct page_words {
    uintptr_t start;
    uint64_t *words;
    uint32_t sharers; /* as in struct tally */
};

static void
fill_word(void *arg, uintptr_t va, pfn_t page, unsigned flags)
{
    const struct page_words *words = arg;
    const struct frame *frame = frame_of(page);
    bool cached = frame->owner == FRAME_CACHE, zero = page.n == vm_zero_page.n;
    uint64_t word = PAGEMAP_PRESENT | page.n;

    (void)flags;
    if (zero)
        word |= PAGEMAP_ZERO;
    else if ((frame->count - cached) * words->sharers == 1)
        word |= PAGEMAP_EXCLUSIVE;
    if (cached)
        word |= PAGEMAP_FILE;
    words->words[pages_of(words->start, va)] = word;
}

void
space_fill_pagemap(struct address_space *space, uintptr_t start, size_t pages, uint64_t *words)
{
    struct page_words fill = {.start = start, .words = words};
    uintptr_t end = start + (pages << PAGE_SHIFT);

    memset(words, 0, pages * sizeof(*words));
    rw_lock(&space->lock);
    for (uintptr_t va = start; va < end; va = table_end(va, end)) {
        bool own;
        pfn_t table = table_at(space, va, &own);

        fill.sharers = table.n != 0 ? frame_of(table)->count : 1;
        tables_walk(space, va, table_end(va, end), fill_word, &fill);
    }
    rw_unlock(&space->lock);
}

/* ---- page tables ---- */

/* Entries in a row whose frames follow each other and whose flags are the same. */
struct run {
    struct printer *out;
    uintptr_t start, end;
    pfn_t first;
    unsigned flags;
};

static void
print_run(const struct run *run)
{
    if (run->start == run->end)
        return;
    print(run->out, "  %08lx-%08lx -> %08llx %s%s%s%s%s%s\n", (unsigned long)run->start,
          (unsigned long)run->end, (unsigned long long)pfn_to_paddr(run->first),
          run->flags & PT_PRESENT ? "r" : "-", run->flags & PT_WRITE ? "w" : "-",
          paging_noexec == 0 ? "" : run->flags & PT_NOEXEC ? "-" : "x",
          run->flags & PT_ACCESSED ? " accessed" : "", run->flags & PT_DIRTY ? " dirty" : "",
          run->first.n == vm_zero_page.n ? " zero-page"
          : run->flags & PTE_OBJECT      ? " shared"
                                         : "");
}

static void
add_to_run(void *arg, uintptr_t va, pfn_t page, unsigned flags)
{
    struct run *run = arg;
    bool zero = page.n == vm_zero_page.n;
    unsigned long expected = run->first.n + (zero ? 0 : pages_of(run->start, va));

    if (va != run->end || flags != run->flags || page.n != expected) {
        print_run(run);
        run->start = va;
        run->first = page;
        run->flags = flags;
    }
    run->end = va + PAGE_SIZE;
}

void
space_print_tables(struct printer *out, struct address_space *space)
{
    for (uintptr_t base = 0; base < USER_END; base += paging->reach) {
        struct run run = {.out = out};
        bool own;
        pfn_t table = table_at(space, base, &own);

        if (table.n == 0)
            continue;
        print(out, "%08lx table at %08llx, %u entries, led to by %u, %s\n", (unsigned long)base,
              (unsigned long long)pfn_to_paddr(table), frame_of(table)->live,
              (unsigned)frame_of(table)->count, own ? "own" : "read-only");
        tables_walk(space, base, base + paging->reach, add_to_run, &run);
        print_run(&run);
    }
}

/* ---- counters ---- */

void
vm_print_vmstat(struct printer *out)
{
    const struct {
        const char *name;
        unsigned long value;
    } lines[] = {
        {"nr_free_pages", pmm_free_frames()},
        {"nr_file_pages", object_cached_pages()},
        {"pgalloc", vm_counted(pgalloc)},
        {"pgfree", vm_counted(pgfree)},
        {"pgfault", vm_counted(pgfault)},
        {"pgmajfault", vm_counted(pgmajfault)},
        {"demand_zero", vm_counted(demand_zero)},
        {"zero_page", vm_counted(zero_page)},
        {"cow_copy", vm_counted(cow_copy)},
        {"cow_reuse", vm_counted(cow_reuse)},
        {"file_mapped", vm_counted(file_mapped)},
        {"fault_around", vm_counted(fault_around)},
        {"stack_grown", vm_counted(stack_grown)},
        {"forks", vm_counted(forks)},
        {"tables_shared", vm_counted(tables_shared)},
        {"tables_unshared", vm_counted(tables_unshared)},
        {"tlb_flush_page", vm_counted(tlb_flush_page)},
        {"tlb_flush_all", vm_counted(tlb_flush_all)},
        {"cr3_loads", vm_counted(cr3_loads)},
        {"tlb_shootdowns", vm_counted(tlb_shootdowns)},
        {"tlb_answers", vm_counted(tlb_answers)},
        {"bytes_copied", vm_counted(bytes_copied)},
        {"bytes_cleared", vm_counted(bytes_cleared)},
        {"pgscan", vm_counted(pgscan)},
        {"pgsteal", vm_counted(pgsteal)},
        {"slabs_scanned", vm_counted(slabs_scanned)},
        {"oom_kill", vm_counted(oom_kill)},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
        print(out, "%s %lu\n", lines[i].name, lines[i].value);
}
