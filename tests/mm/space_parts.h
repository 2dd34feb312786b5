/* space_parts.h - one space in parts: each CPU changes pages of its own, next to those of others,
 * and has a model of them.
 *
 *   | 0 0 0 | 1 1 1 | 2 2 2 | 0 0 0 | 1 1 1 | ...      whose page it is
 *   '---- an area ----'  '--- another ---'             areas join and split across the bounds
 *
 * Nobody else touches a part's pages, so what a call answers, what a fault means and what a page
 * holds are known, whatever the others do meanwhile. When all stand still, areas and models must
 * agree, and no two neighbours may be alike.
 */
#ifndef OCTAVO_TESTS_SPACE_PARTS_H
#define OCTAVO_TESTS_SPACE_PARTS_H

#include "area.h"
#include "ktest.h"
#include "numbered_file.h"
#include "object.h"
#include "space.h"
#include "testing.h"
#include "uapi/mman.h"

#define PARTS_RUN   3u  /* pages of a part in a row */
#define PARTS_PAGES 96u
/* Across the bound of a page table. */
#define PARTS_START (0x20000000u - PARTS_PAGES / 2 * PAGE_SIZE)

struct part_page {
    bool mapped, file;
    uint8_t prot;
    uint32_t stored; /* 0: nothing was stored to it */
};

/* Of all parts; each CPU touches its own pages here, too. */
static struct part_page part_pages[PARTS_PAGES];
static unsigned part_count;
static struct address_space *part_space;
static struct object part_file;

struct part {
    unsigned id;
    uint32_t state; /* of what is drawn */
    unsigned wrong;
    const char *what; /* was wrong first */
};

static inline uintptr_t
part_address(uint32_t page)
{
    return PARTS_START + page * PAGE_SIZE;
}

static inline void
part_expect(struct part *part, bool good, const char *what)
{
    part->wrong += !good;
    if (!good && part->what == NULL)
        part->what = what;
}

/* A page of the part, and in *count how many from there on, to the end of their row at most. */
static inline uint32_t
part_draw(struct part *part, uint32_t *count)
{
    uint32_t rows = PARTS_PAGES / PARTS_RUN / part_count;
    uint32_t in_row = random_below(&part->state, PARTS_RUN);
    uint32_t row = random_below(&part->state, rows) * part_count + part->id;

    *count = 1 + random_below(&part->state, PARTS_RUN - in_row);
    return row * PARTS_RUN + in_row;
}

static inline bool
part_all_mapped(uint32_t page, uint32_t count)
{
    while (count--)
        if (!part_pages[page++].mapped)
            return false;
    return true;
}

static inline uint32_t
part_contents(uint32_t page)
{
    uint32_t value = part_pages[page].stored;

    if (value == 0 && part_pages[page].file)
        fill_pattern(&value, sizeof(value), page);
    return value;
}

static inline enum fault_result
part_fault(uint32_t page, unsigned prot)
{
    if (!part_pages[page].mapped)
        return FAULT_MAPERR;
    return part_pages[page].prot & prot ? FAULT_DONE : FAULT_ACCERR;
}

/* ---- what they do ---- */

static inline unsigned
part_draw_prot(struct part *part)
{
    static const uint8_t prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
                                    PROT_READ | PROT_WRITE};

    return prots[random_below(&part->state, 4)];
}

static inline void
part_map(struct part *part)
{
    uint32_t count, page = part_draw(part, &count);
    bool file = random_below(&part->state, 3) == 0;
    unsigned prot = part_draw_prot(part), flags = MAP_PRIVATE | MAP_FIXED;

    part_expect(part, space_mmap(part_space, part_address(page), count * PAGE_SIZE, prot,
                                 file ? flags : flags | MAP_ANONYMOUS, file ? &part_file : NULL,
                                 file ? page : 0, true) == (long)part_address(page), "mmap");
    for (uint32_t i = page; i < page + count; i++)
        part_pages[i] = (struct part_page){.mapped = true, .file = file, .prot = (uint8_t)prot};
}

static inline void
part_unmap(struct part *part)
{
    uint32_t count, page = part_draw(part, &count);

    part_expect(part, space_munmap(part_space, part_address(page), count * PAGE_SIZE) == 0,
                "munmap");
    for (uint32_t i = page; i < page + count; i++)
        part_pages[i] = (struct part_page){.mapped = false};
}

static inline void
part_protect(struct part *part)
{
    uint32_t count, page = part_draw(part, &count);
    unsigned prot = part_draw_prot(part);

    if (!part_all_mapped(page, count))
        return;
    part_expect(part, space_mprotect(part_space, part_address(page), count * PAGE_SIZE, prot) == 0,
                "mprotect");
    for (uint32_t i = page; i < page + count; i++)
        part_pages[i].prot = (uint8_t)prot;
}

static inline void
part_forget(struct part *part)
{
    uint32_t count, page = part_draw(part, &count);
    long wanted = part_all_mapped(page, count) ? 0 : -ENOMEM;

    part_expect(part, space_madvise(part_space, part_address(page), count * PAGE_SIZE,
                                    MADV_DONTNEED) == wanted, "madvise");
    for (uint32_t i = page; i < page + count; i++)
        part_pages[i].stored = 0;
}

/* One page takes the place of another, in another row. */
static inline void
part_move(struct part *part)
{
    uint32_t count, from = part_draw(part, &count), to = part_draw(part, &count);

    if (from == to || !part_pages[from].mapped || part_pages[from].file)
        return;
    part_expect(part, space_mremap(part_space, part_address(from), PAGE_SIZE, PAGE_SIZE,
                                   MREMAP_MAYMOVE | MREMAP_FIXED, part_address(to)) ==
                          (long)part_address(to), "mremap");
    part_pages[to] = part_pages[from];
    part_pages[from] = (struct part_page){.mapped = false};
}

static inline void
part_store(struct part *part)
{
    uint32_t count, page = part_draw(part, &count), value = part->state | 1;
    enum fault_result wanted = part_fault(page, PROT_WRITE);

    part_expect(part, space_fault(part_space, part_address(page), FAULT_WRITE_ACCESS) == wanted,
                "a store's fault");
    if (wanted != FAULT_DONE)
        return;
    part_expect(part, space_write(part_space, part_address(page), &value, sizeof(value)) ==
                          sizeof(value), "a store");
    part_pages[page].stored = value;
}

static inline void
part_load(struct part *part)
{
    uint32_t count, page = part_draw(part, &count), value = 0;
    enum fault_result wanted = part_fault(page, PROT_READ);

    part_expect(part, space_fault(part_space, part_address(page), FAULT_READ) == wanted,
                "a load's fault");
    if (wanted != FAULT_DONE)
        return;
    part_expect(part, space_read(part_space, part_address(page), &value, sizeof(value)) ==
                          sizeof(value), "a load");
    part_expect(part, value == part_contents(page), "what a page holds");
}

/* A child sees what the part's pages hold, and what it writes is its own. */
static inline void
part_fork(struct part *part)
{
    struct address_space *child = space_fork(part_space);
    uint32_t count, page = part_draw(part, &count), value = 0, mine = 7;

    part_expect(part, child != NULL, "fork");
    if (child == NULL)
        return;
    if (part_fault(page, PROT_READ) == FAULT_DONE) {
        part_expect(part, space_read(child, part_address(page), &value, sizeof(value)) ==
                              sizeof(value) && value == part_contents(page), "a child's page");
        (void)space_write(child, part_address(page), &mine, sizeof(mine));
    }
    space_put(child);
}

/* One call or access on the part's pages. */
static inline void
part_step(struct part *part)
{
    static void (*const kinds[])(struct part *part) = {
        part_map,  part_map,   part_map,   part_unmap, part_protect, part_protect, part_forget,
        part_move, part_store, part_store, part_store, part_store,   part_load,    part_load,
        part_load,
    };
    uint32_t kind = random_below(&part->state, 16 * ARRAY_LENGTH(kinds));

    if (kind == 0)
        part_fork(part);
    else
        kinds[kind / 16](part);
}

/* ---- before and after ---- */

/* A space for so many parts, with nothing in it. */
static inline bool
parts_begin(unsigned count)
{
    part_count = count;
    for (uint32_t page = 0; page < PARTS_PAGES; page++)
        part_pages[page] = (struct part_page){.mapped = false};
    object_init(&part_file, &numbered_file, PARTS_PAGES * PAGE_SIZE);
    part_space = space_create();
    return part_space != NULL;
}

static inline bool
part_agrees(const struct area *area, uint32_t page)
{
    const struct part_page *wanted = &part_pages[page];

    return wanted->mapped && (area->flags & AREA_PROT) == wanted->prot &&
           area->object == (wanted->file ? &part_file : NULL) &&
           (!wanted->file ||
            area->index + ((part_address(page) - area->start) >> PAGE_SHIFT) == page);
}

/* Two that touch and are alike have been joined. */
static inline bool
part_could_join(const struct area *area)
{
    const struct area *next = area->next;

    return next != NULL && area->end == next->start && area->flags == next->flags &&
           area->object == next->object &&
           (area->object == NULL ||
            area->index + ((area->end - area->start) >> PAGE_SHIFT) == next->index);
}

/* All stand still: areas and models agree. */
static inline bool
parts_agree(void)
{
    uint32_t page = 0;

    for (const struct area *area = part_space->areas.first; area != NULL; area = area->next) {
        for (; part_address(page) < area->start; page++)
            if (page >= PARTS_PAGES || part_pages[page].mapped)
                return false;
        for (; part_address(page) < area->end; page++)
            if (page >= PARTS_PAGES || !part_agrees(area, page))
                return false;
        if (part_could_join(area))
            return false;
    }
    for (; page < PARTS_PAGES; page++)
        if (part_pages[page].mapped)
            return false;
    return true;
}

static inline void
parts_end(void)
{
    space_put(part_space);
    object_put(&part_file);
}

#endif
