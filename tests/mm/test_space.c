/* test_space.c - what the memory calls do and answer, case by case, as drawings and tables.
 *
 * A space is drawn with one letter a page from BASE on:
 *
 *     .  nothing        n  PROT_NONE       r  read      w  read and write     x  read and execute
 *     s  shared memory  f  private, file   F  shared, file that may not be written
 *     L  w, locked      D  w, not for children          W  w, empty in children
 *
 * Alike neighbours are one area: a drawing tells how many there are. Page i of a file is drawn at
 * page i, so a piece of an area that shows the wrong part of its file is seen.
 */
#include "commit.h"
#include "mm.h"
#include "object.h"
#include "reclaim.h"
#include "softcpu.h"
#include "testing.h"

#define BASE  (0x20000000u - 4 * PAGE_SIZE) /* the drawing's middle is the border of two tables */
#define PAGES 16u

static struct object file;
static struct address_space *space;

static int
fill_page(struct object *object, uint32_t index, void *page)
{
    uint32_t *words = page;

    (void)object;
    for (uint32_t i = 0; i < PAGE_SIZE / sizeof(*words); i++)
        words[i] = index * 1024 + i;
    return 0;
}

static const struct object_ops file_ops = {.fill = fill_page};

static uintptr_t
at(unsigned page)
{
    return BASE + page * PAGE_SIZE;
}

/* ---- drawing ---- */

static long
map_letter(char letter, unsigned first, unsigned pages)
{
    unsigned prot = letter == 'n'   ? PROT_NONE
                    : letter == 'x' ? PROT_READ | PROT_EXEC
                    : letter == 'r' || letter == 'f' || letter == 'F' ? PROT_READ
                                                                      : PROT_READ | PROT_WRITE;
    unsigned flags = letter == 's' || letter == 'F' ? MAP_SHARED : MAP_PRIVATE;
    bool named = letter == 'f' || letter == 'F';
    long answer = space_mmap(space, at(first), pages * PAGE_SIZE, prot,
                             flags | MAP_FIXED | (named ? 0 : MAP_ANONYMOUS), named ? &file : NULL,
                             named ? first : 0, !named);

    if (letter == 'L')
        return space_mlock(space, at(first), pages * PAGE_SIZE, true, true);
    if (letter == 'D' || letter == 'W')
        return space_madvise(space, at(first), pages * PAGE_SIZE,
                             letter == 'D' ? MADV_DONTFORK : MADV_WIPEONFORK);
    return answer == (long)at(first) ? 0 : answer;
}

static bool
map_drawing(const char *drawing)
{
    for (unsigned first = 0, end; drawing[first]; first = end) {
        for (end = first; drawing[end] == drawing[first]; end++)
            ;
        if (drawing[first] != '.' && map_letter(drawing[first], first, end - first) != 0)
            return false;
    }
    return true;
}

static char
letter_of(const struct area *area, unsigned page)
{
    unsigned prot = area->flags & AREA_PROT;

    if (area->object == &file) {
        if (area->index + ((at(page) - area->start) >> PAGE_SHIFT) != page)
            return '?';
        return area->flags & AREA_SHARED ? 'F' : 'f';
    }
    if (area->flags & AREA_SHARED)
        return 's';
    if (area->flags & (AREA_LOCKED | AREA_DONTFORK | AREA_WIPEONFORK))
        return area->flags & AREA_LOCKED ? 'L' : area->flags & AREA_DONTFORK ? 'D' : 'W';
    return prot == PROT_NONE                ? 'n'
           : prot == PROT_READ              ? 'r'
           : prot == (PROT_READ | PROT_EXEC) ? 'x'
                                             : 'w';
}

static void
draw_into(const struct address_space *from, char *drawing)
{
    for (unsigned page = 0; page < PAGES; page++) {
        const struct area *area = area_find(&from->areas, at(page));

        drawing[page] = area && area->start <= at(page) ? letter_of(area, page) : '.';
    }
    drawing[PAGES] = '\0';
}

/* True when the space looks like the drawing (holes at its end left out), in as few areas as can
 * be, and all its counts are right. */
static bool
looks_like(const struct address_space *from, const char *wanted)
{
    char drawing[PAGES + 1];
    unsigned runs = 0;
    bool same = true;

    draw_into(from, drawing);
    for (unsigned i = 0, ended = 0; i < PAGES; i++) {
        ended = ended || !wanted[i];
        same &= drawing[i] == (ended ? '.' : wanted[i]);
        runs += drawing[i] != '.' && (i == 0 || drawing[i] != drawing[i - 1]);
    }
    if (!same || from->areas.count != runs)
        klog("drawn: %s in %lu areas, wanted: %s\n", drawing, (unsigned long)from->areas.count,
             wanted);
    return same && from->areas.count == runs && space_check_all();
}

/* ---- before and after a test ---- */

static unsigned long free_before;

static unsigned long
free_when_quiet(void)
{
    reclaim_frames(1ul << 20);
    mm_drain();
    return pmm_free_frames();
}

static bool
begin(void)
{
    free_before = free_when_quiet();
    object_init(&file, &file_ops, PAGES * PAGE_SIZE);
    space = space_create();
    return space != NULL;
}

static bool
end(void)
{
    space_put(space);
    object_put(&file);
    return free_when_quiet() == free_before && mm_check();
}

static bool
start_over(const char *drawing)
{
    return space_munmap(space, USER_START, USER_END - USER_START) == 0 &&
           space->total_pages == 0 && map_drawing(drawing);
}

/* ---- overlaps, drawn ---- */

struct overlap {
    const char *before;
    unsigned first, end; /* pages that the call is about */
    long answer;
    const char *after;
};

/*     mapping   #########       #########       #########       #########       #########
 *     call         ###          ###                   ###    ###                          ###
 */
KTEST(space, munmap_overlaps)
{
    static const struct overlap cases[] = {
        {"wwwwwwwww", 3, 6, 0, "www...www"}, {"wwwwwwwww", 0, 3, 0, "...wwwwww"},
        {"wwwwwwwww", 6, 9, 0, "wwwwww"},    {"wwwwwwwww", 0, 9, 0, ""},
        {"..wwwwww", 0, 4, 0, "....wwww"},   {"wwwwww", 4, 12, 0, "wwww"},
        {"ww.rr.nn", 1, 7, 0, "w......n"},   {"wwrrnnss", 2, 6, 0, "ww....ss"},
        {"........", 2, 6, 0, ""},           {"ffffffff", 2, 4, 0, "ff..ffff"},
        {"FFFFFFFF", 3, 7, 0, "FFF....F"},   {"ssssssss", 1, 2, 0, "s.ssssss"},
        {"wLLLLw", 2, 4, 0, "wL..Lw"},       {"DDWW", 1, 3, 0, "D..W"},
    };

    CHECK(begin());
    for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct overlap *c = &cases[i];

        CHECK(start_over(c->before));
        CHECK_EQ(space_munmap(space, at(c->first), (c->end - c->first) * PAGE_SIZE), c->answer);
        CHECK(looks_like(space, c->after));
    }
    CHECK(end());
}

KTEST(space, mprotect_overlaps)
{
    static const struct overlap cases[] = {
        {"wwwwwwwww", 3, 6, 0, "wwwrrrwww"},       {"wwwwwwwww", 0, 9, 0, "rrrrrrrrr"},
        {"rrxxrr", 2, 4, 0, "rrrrrr"},             {"nnxxxx", 1, 5, 0, "nrrrrx"},
        {"xxrrnn", 0, 6, 0, "rrrrrr"},
        {"ww.ww", 0, 5, -ENOMEM, "ww.ww"},         {"..ww", 1, 3, -ENOMEM, "..ww"},
        {"wwww", 2, 5, -ENOMEM, "wwww"},           {".....", 1, 2, -ENOMEM, ""},
        {"ffff", 1, 2, 0, "ffff"},                 {"FFFF", 1, 2, 0, "FFFF"},
    };

    CHECK(begin());
    for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct overlap *c = &cases[i];

        CHECK(start_over(c->before));
        CHECK_EQ(space_mprotect(space, at(c->first), (c->end - c->first) * PAGE_SIZE, PROT_READ),
                 c->answer);
        CHECK(looks_like(space, c->after));
    }
    CHECK(start_over("wwwwww"));
    CHECK_EQ(space_mprotect(space, at(2), 2 * PAGE_SIZE, PROT_READ), 0);
    CHECK_EQ(space_mprotect(space, at(0), PAGE_SIZE, PROT_READ), 0);
    CHECK(looks_like(space, "rwrrww"));
    CHECK_EQ(space_mprotect(space, at(1), PAGE_SIZE, PROT_READ), 0);
    CHECK(looks_like(space, "rrrrww"));
    CHECK_EQ(space_mprotect(space, at(0), 5 * PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
    CHECK(looks_like(space, "wwwwww"));
    CHECK(end());
}

/* A new mapping, private and writable, over what is there. */
KTEST(space, mmap_overlaps)
{
    static const struct overlap cases[] = {
        {"rrrrrrrrr", 3, 6, 0, "rrrwwwrrr"}, {"wwwwwwwww", 3, 6, 0, "wwwwwwwww"},
        {"rrrr", 2, 7, 0, "rrwwwww"},        {"..rrrr", 0, 4, 0, "wwwwrr"},
        {"ww..ww", 2, 4, 0, "wwwwww"},       {"ww....ww", 3, 4, 0, "ww.w..ww"},
        {"ww....ww", 2, 4, 0, "wwww..ww"},   {"ww....ww", 4, 6, 0, "ww..wwww"},
        {"rsfFnx", 1, 5, 0, "rwwwwx"},       {"ffffff", 2, 3, 0, "ffwfff"},
        {"LLLL", 1, 3, 0, "LwwL"},           {"", 0, 16, 0, "wwwwwwwwwwwwwwww"},
    };

    CHECK(begin());
    for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct overlap *c = &cases[i];

        CHECK(start_over(c->before));
        CHECK_EQ(map_letter('w', c->first, c->end - c->first), c->answer);
        CHECK(looks_like(space, c->after));
    }
    CHECK(end());
}

KTEST(space, noreplace_overlaps)
{
    static const struct overlap cases[] = {
        {"rr..rr", 2, 4, 0, "rrwwrr"},         {"rr..rr", 1, 4, -EEXIST, "rr..rr"},
        {"rr..rr", 2, 5, -EEXIST, "rr..rr"},   {"rrrrrr", 2, 4, -EEXIST, "rrrrrr"},
        {"..rr..", 1, 5, -EEXIST, "..rr.."},   {"..nn..", 4, 6, 0, "..nnww"},
    };

    CHECK(begin());
    for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct overlap *c = &cases[i];
        long answer;

        CHECK(start_over(c->before));
        answer = space_mmap(space, at(c->first), (c->end - c->first) * PAGE_SIZE,
                            PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, NULL, 0, true);
        CHECK_EQ(answer == (long)at(c->first) ? 0 : answer, c->answer);
        CHECK(looks_like(space, c->after));
    }
    CHECK(end());
}

/* What goes on behind a hole, and what does not. */
KTEST(space, advice_overlaps)
{
    static const struct overlap cases[] = {
        {"wwww", 1, 3, 0, "wDDw"},           {"ww.ww", 1, 4, -ENOMEM, "wD.Dw"},
        {"wDDw", 0, 4, 0, "DDDD"},           {"....", 0, 2, -ENOMEM, ""},
        {"wwWW", 0, 2, 0, "DDWW"},           {".www", 0, 4, -ENOMEM, ".DDD"},
    };

    CHECK(begin());
    for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct overlap *c = &cases[i];

        CHECK(start_over(c->before));
        CHECK_EQ(space_madvise(space, at(c->first), (c->end - c->first) * PAGE_SIZE, MADV_DONTFORK),
                 c->answer);
        CHECK(looks_like(space, c->after));
    }
    CHECK(end());
}

KTEST(space, mlock_overlaps)
{
    static const struct overlap cases[] = {
        {"wwwwww", 2, 4, 0, "wwLLww"},     {"wLLLLw", 2, 4, 0, "wLLLLw"},
        {"wwLLww", 1, 5, 0, "wLLLLw"},     {"ww.ww", 1, 4, -ENOMEM, "ww.ww"},
        {"wwww", 3, 5, -ENOMEM, "wwww"},
    };

    CHECK(begin());
    for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct overlap *c = &cases[i];

        CHECK(start_over(c->before));
        CHECK_EQ(space_mlock(space, at(c->first) + 1, (c->end - c->first) * PAGE_SIZE - 2, true,
                             false),
                 c->answer);
        CHECK(looks_like(space, c->after));
    }
    CHECK(start_over("wLLLw"));
    CHECK_EQ(space_mlock(space, at(2), PAGE_SIZE, false, false), 0);
    CHECK(looks_like(space, "wLwLw"));
    CHECK_EQ(space->locked_pages, 2);
    CHECK_EQ(space_munlockall(space), 0);
    CHECK(looks_like(space, "wwwww"));
    CHECK_EQ(space->locked_pages, 0);
    CHECK(end());
}

/* ---- mremap ---- */

struct remap {
    const char *before;
    unsigned old, old_pages, new_pages, flags, target;
    long answer; /* a page, or -errno */
    const char *after;
};

/*   grow in place       #####....       shrink  #########       move   ####........
 *                       #########               #####....              ....####....   (FIXED)
 */
KTEST(space, mremap_drawn)
{
    enum { MAY = MREMAP_MAYMOVE, FIX = MREMAP_MAYMOVE | MREMAP_FIXED };
    static const struct remap cases[] = {
        {"ww......", 0, 2, 5, 0, 0, 0, "wwwww"},
        {"ww...rr.", 0, 2, 6, 0, 0, -ENOMEM, "ww...rr."},
        {"ww...ww.", 0, 2, 5, 0, 0, 0, "wwwwwww"},
        {"wwwwwwww", 0, 8, 3, 0, 0, 0, "www"},
        {"wwwwwwww", 2, 4, 2, 0, 0, 2, "wwww..ww"},
        {"wwwwwwww", 2, 2, 2, 0, 0, 2, "wwwwwwww"},
        {"wwww", 0, 2, 3, 0, 0, -ENOMEM, "wwww"},
        {"wwrr", 0, 3, 5, MAY, 0, -EFAULT, "wwrr"},
        {"..ww", 0, 2, 3, MAY, 0, -EFAULT, "..ww"},
        {"ffff....", 0, 4, 6, 0, 0, 0, "ffffff"},
        {"rr......", 0, 2, 2, FIX, 5, 5, ".....rr"},
        {"rr......", 0, 2, 3, FIX, 5, 5, ".....rrr"},
        {"rrrrr...", 0, 5, 2, FIX, 6, 6, "......rr"},
        {"rrrr....", 1, 2, 2, FIX, 5, 5, "r..r.rr"},
        {"wwnnnn..", 0, 2, 2, FIX, 3, 3, "..nwwn.."},
        {"ww.ww...", 0, 2, 2, FIX, 1, -EINVAL, "ww.ww"},
        {"ww......", 0, 2, 4, FIX, 2, 2, "..wwww"},      /* beside itself: alike, yet it moves */
        {"..ww....", 2, 2, 2, FIX, 0, 0, "ww"},
        {"wwwww...", 2, 1, 1, FIX, 5, 5, "ww.www"},
        {"w.......", 0, 1, 1, FIX, 15, 15, "...............w"},
        {"wwrr.nnx", 0, 7, 2, 0, 0, 0, "ww.....x"},      /* what goes may be anything */
        {"wwrr.nnx", 0, 7, 3, 0, 0, 0, "wwr....x"},
        {"wwrr.nnx", 0, 7, 7, 0, 0, 0, "wwrr.nnx"},
        {"wwrr.nnx", 0, 7, 2, FIX, 9, 9, ".......x.ww"},
        {"wwrr.nnx", 0, 7, 3, FIX, 9, -EFAULT, "wwrr.nnx"},
        {"wwrr.nnx", 0, 7, 7, FIX, 9, -EFAULT, "wwrr.nnx"},
    };

    CHECK(begin());
    for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct remap *c = &cases[i];
        long answer;

        CHECK(start_over(c->before));
        answer = space_mremap(space, at(c->old), c->old_pages * PAGE_SIZE,
                              c->new_pages * PAGE_SIZE, c->flags, at(c->target));
        CHECK_EQ(answer, c->answer < 0 ? c->answer : (long)at((unsigned)c->answer));
        CHECK(looks_like(space, c->after));
    }
    CHECK(end());
}

/* Pages go along, also over the border of a page table, and what is new is empty. */
KTEST(space, mremap_takes_pages_along)
{
    uint32_t value;

    CHECK(begin());
    for (unsigned to = 8; to <= 11; to++) {
        CHECK(start_over("wwww"));
        for (unsigned page = 0; page < 4; page++)
            CHECK_EQ(cpu_store(space, at(page), 70 + page), FAULT_DONE);
        CHECK_EQ(space_mremap(space, at(0), 4 * PAGE_SIZE, 5 * PAGE_SIZE,
                              MREMAP_MAYMOVE | MREMAP_FIXED, at(to)),
                 (long)at(to));
        for (unsigned page = 0; page < 5; page++) {
            CHECK_EQ(cpu_load(space, at(to + page), &value), FAULT_DONE);
            CHECK_EQ(value, page < 4 ? 70 + page : 0);
        }
        CHECK_EQ(cpu_load(space, at(0), &value), FAULT_MAPERR);
    }
    CHECK(end());
}

KTEST(space, mremap_keeps_or_doubles)
{
    uint32_t value;
    long copy;

    CHECK(begin());
    CHECK(start_over("ww"));
    CHECK_EQ(cpu_store(space, at(1), 5), FAULT_DONE);
    CHECK_EQ(space_mremap(space, at(0), 2 * PAGE_SIZE, 2 * PAGE_SIZE,
                          MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, at(6)),
             (long)at(6));
    CHECK(looks_like(space, "ww....ww"));
    CHECK_EQ(cpu_load(space, at(7), &value), FAULT_DONE);
    CHECK_EQ(value, 5);
    CHECK_EQ(cpu_load(space, at(1), &value), FAULT_DONE);
    CHECK_EQ(value, 0);

    CHECK(start_over("ss"));
    CHECK_EQ(cpu_store(space, at(1), 6), FAULT_DONE);
    CHECK_EQ(space_mremap(space, at(1), 0, PAGE_SIZE, 0, 0), -ENOMEM);
    copy = space_mremap(space, at(1), 0, PAGE_SIZE, MREMAP_MAYMOVE, 0);
    CHECK(copy > 0);
    CHECK_EQ(cpu_load(space, (uintptr_t)copy, &value), FAULT_DONE);
    CHECK_EQ(value, 6);
    CHECK(start_over("w"));
    CHECK_EQ(space_mremap(space, at(0), 0, PAGE_SIZE, MREMAP_MAYMOVE, 0), -EINVAL);
    CHECK(end());
}

/* ---- arguments ---- */

static long
mmap_(uintptr_t hint, size_t length, unsigned flags)
{
    return space_mmap(space, hint, length, PROT_READ, flags, NULL, 0, true);
}

KTEST(space, mmap_arguments)
{
    enum { ANY = MAP_PRIVATE | MAP_ANONYMOUS, FIX = ANY | MAP_FIXED };
    static const struct {
        uintptr_t hint;
        size_t length;
        unsigned flags;
        long answer;
    } cases[] = {
        {0, 0, ANY, -EINVAL},
        {0, PAGE_SIZE, MAP_ANONYMOUS, -EINVAL},
        {0, 0xFFFFFFFFu, ANY, -ENOMEM},
        {0, 0xFFFFF000u, ANY, -ENOMEM},
        {0, 0xC0000000u, ANY, -ENOMEM},
        {0, 0xBFFFFFFFu, ANY, -ENOMEM},
        {BASE + 1, PAGE_SIZE, FIX, -EINVAL},
        {0, PAGE_SIZE, FIX, -EPERM},
        {USER_START - PAGE_SIZE, PAGE_SIZE, FIX, -EPERM},
        {USER_END, PAGE_SIZE, FIX, -ENOMEM},
        {USER_END - PAGE_SIZE, 2 * PAGE_SIZE, FIX, -ENOMEM},
        {0xFFFFF000u, PAGE_SIZE, FIX, -ENOMEM},
        {0xFFFFF000u, 2 * PAGE_SIZE, FIX, -ENOMEM},
        {BASE, 0xF0000000u, FIX, -ENOMEM},
    };

    CHECK(begin());
    for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++)
        CHECK_EQ(mmap_(cases[i].hint, cases[i].length, cases[i].flags), cases[i].answer);
    CHECK_EQ(space_mmap(space, 0, PAGE_SIZE, PROT_WRITE, MAP_SHARED, &file, 0, false), -EACCES);
    CHECK_EQ(space_mmap(space, 0, 2 * PAGE_SIZE, PROT_READ, MAP_PRIVATE, &file, 0xFFFFFFFFu, false),
             -EOVERFLOW);
    CHECK_EQ(space_mmap(space, 0, 2 * PAGE_SIZE, PROT_READ, MAP_PRIVATE, &file, 0xFFFFFFFEu, false),
             -EOVERFLOW);
    CHECK(looks_like(space, ""));
    CHECK(end());
}

KTEST(space, where_mmap_maps)
{
    enum { ANY = MAP_PRIVATE | MAP_ANONYMOUS };

    CHECK(begin());
    CHECK_EQ(mmap_(0, PAGE_SIZE, ANY), (long)(MMAP_TOP - PAGE_SIZE));
    CHECK_EQ(mmap_(0, 1, ANY), (long)(MMAP_TOP - 2 * PAGE_SIZE));
    CHECK_EQ(space_munmap(space, MMAP_TOP - PAGE_SIZE, PAGE_SIZE), 0);
    CHECK_EQ(mmap_(0, 2 * PAGE_SIZE, ANY), (long)(MMAP_TOP - 4 * PAGE_SIZE));
    CHECK_EQ(mmap_(0, PAGE_SIZE, ANY), (long)(MMAP_TOP - PAGE_SIZE));
    CHECK_EQ(mmap_(BASE, PAGE_SIZE, ANY), (long)BASE);
    CHECK_EQ(mmap_(BASE, PAGE_SIZE, ANY), (long)(MMAP_TOP - 5 * PAGE_SIZE));
    CHECK_EQ(mmap_(MMAP_TOP - 4 * PAGE_SIZE, PAGE_SIZE, ANY), (long)(MMAP_TOP - 6 * PAGE_SIZE));
    /* more than there is between heap and top: above it */
    CHECK_EQ(mmap_(0, 0x40000000, ANY), (long)MMAP_TOP);
    CHECK(space_check_all());
    CHECK(end());
}

KTEST(space, ranges_that_wrap)
{
    static const uintptr_t starts[] = {BASE, USER_END - PAGE_SIZE, 0xFFFFF000u};
    static const size_t lengths[] = {0xFFFFFFFFu, 0xFFFFF001u, 0xF0000000u, 0xC0000000u};

    CHECK(begin());
    CHECK(start_over("wwww"));
    for (unsigned i = 0; i < ARRAY_LENGTH(starts) * ARRAY_LENGTH(lengths); i++) {
        uintptr_t start = starts[i / ARRAY_LENGTH(lengths)];
        size_t length = lengths[i % ARRAY_LENGTH(lengths)];
        uint8_t byte;

        CHECK_EQ(space_munmap(space, start, length), -EINVAL);
        CHECK_EQ(space_mprotect(space, start, length, PROT_READ), -ENOMEM);
        CHECK_EQ(space_msync(space, start, length, MS_SYNC), -ENOMEM);
        CHECK(space_madvise(space, start, length, MADV_DONTNEED) < 0);
        CHECK(space_mlock(space, start, length, true, true) < 0);
        CHECK_EQ(space_mincore(space, start, length >> PAGE_SHIFT, &byte), -ENOMEM);
        CHECK(space_mremap(space, start, length, PAGE_SIZE, MREMAP_MAYMOVE, 0) < 0);
        CHECK(space_mremap(space, start, PAGE_SIZE, length, MREMAP_MAYMOVE, 0) < 0);
    }
    CHECK_EQ(space_mincore(space, BASE, 0x100000, NULL), -ENOMEM);
    CHECK(looks_like(space, "wwww"));
    CHECK(end());
}

KTEST(space, arguments_of_the_others)
{
    CHECK(begin());
    CHECK(start_over("wwwwFFss"));
    CHECK_EQ(space_munmap(space, at(0), 0), -EINVAL);
    CHECK_EQ(space_munmap(space, at(0) + 1, PAGE_SIZE), -EINVAL);
    CHECK_EQ(space_mprotect(space, at(0) + 1, PAGE_SIZE, PROT_READ), -EINVAL);
    CHECK_EQ(space_mprotect(space, at(0), PAGE_SIZE, 0x40), -EINVAL);
    CHECK_EQ(space_mprotect(space, at(9), 0, PROT_READ), 0);
    CHECK_EQ(space_mprotect(space, at(4), PAGE_SIZE, PROT_READ | PROT_WRITE), -EACCES);
    CHECK_EQ(space_mprotect(space, at(6), PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
    CHECK_EQ(space_madvise(space, at(0) + 1, PAGE_SIZE, MADV_DONTNEED), -EINVAL);
    CHECK_EQ(space_madvise(space, at(0), PAGE_SIZE, 77), -EINVAL);
    CHECK_EQ(space_madvise(space, at(9), 0, MADV_DONTNEED), 0);
    CHECK_EQ(space_madvise(space, at(6), PAGE_SIZE, MADV_FREE), -EINVAL);
    CHECK_EQ(space_madvise(space, at(6), PAGE_SIZE, MADV_WIPEONFORK), -EINVAL);
    CHECK_EQ(space_msync(space, at(0) + 1, PAGE_SIZE, MS_SYNC), -EINVAL);
    CHECK_EQ(space_msync(space, at(0), PAGE_SIZE, MS_SYNC | MS_ASYNC), -EINVAL);
    CHECK_EQ(space_msync(space, at(0), PAGE_SIZE, 8), -EINVAL);
    CHECK_EQ(space_msync(space, at(0), 8 * PAGE_SIZE, MS_SYNC), 0);
    CHECK_EQ(space_msync(space, at(0), 9 * PAGE_SIZE, MS_SYNC), -ENOMEM);
    CHECK_EQ(space_mremap(space, at(0) + 1, PAGE_SIZE, PAGE_SIZE, 0, 0), -EINVAL);
    CHECK_EQ(space_mremap(space, at(0), PAGE_SIZE, 0, 0, 0), -EINVAL);
    CHECK_EQ(space_mremap(space, at(0), PAGE_SIZE, PAGE_SIZE, 8, 0), -EINVAL);
    CHECK_EQ(space_mremap(space, at(0), PAGE_SIZE, PAGE_SIZE, MREMAP_FIXED, at(9)), -EINVAL);
    CHECK_EQ(space_mremap(space, at(0), PAGE_SIZE, 2 * PAGE_SIZE,
                          MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0),
             -EINVAL);
    CHECK_EQ(space_mlockall(space, 0), -EINVAL);
    CHECK_EQ(space_mlockall(space, 64), -EINVAL);
    CHECK_EQ(space_mlockall(space, MCL_ONFAULT), -EINVAL);
    CHECK(looks_like(space, "wwwwFFss"));
    CHECK_EQ(space_mlock(space, at(0), PAGE_SIZE, true, false), 0);
    CHECK_EQ(space_madvise(space, at(0), PAGE_SIZE, MADV_DONTNEED), -EINVAL);
    CHECK_EQ(space_msync(space, at(0), PAGE_SIZE, MS_SYNC | MS_INVALIDATE), -EBUSY);
    CHECK_EQ(space_msync(space, at(0), 9 * PAGE_SIZE, MS_INVALIDATE), -EBUSY);
    CHECK_EQ(space_msync(space, at(1), 9 * PAGE_SIZE, MS_INVALIDATE), -ENOMEM);
    CHECK(end());
}

/* ---- limits ---- */

KTEST(space, limits)
{
    CHECK(begin());
    CHECK(start_over("wwww"));
    space->limits[SPACE_LIMIT_AS] = 6 * PAGE_SIZE;
    CHECK_EQ(map_letter('w', 4, 3), -ENOMEM);
    CHECK_EQ(map_letter('n', 4, 3), -ENOMEM);
    CHECK_EQ(map_letter('r', 4, 2), 0);
    CHECK_EQ(map_letter('w', 0, 6), 0); /* in the place of others */
    CHECK_EQ(space_mremap(space, at(0), 6 * PAGE_SIZE, 7 * PAGE_SIZE, MREMAP_MAYMOVE, 0), -ENOMEM);
    CHECK_EQ(space_mremap(space, at(0), 6 * PAGE_SIZE, 6 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
                          at(8)),
             (long)at(8));
    CHECK_EQ(space_brk(space, HEAP_START + 1), HEAP_START);
    CHECK_EQ(space_mprotect(space, at(8), 6 * PAGE_SIZE, PROT_READ), 0);
    CHECK_EQ(space_mprotect(space, at(8), 6 * PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
    space->limits[SPACE_LIMIT_AS] = LIMIT_INFINITE;

    CHECK(start_over("wwrrr"));
    space->limits[SPACE_LIMIT_DATA] = 4 * PAGE_SIZE;
    CHECK_EQ(map_letter('w', 8, 3), -ENOMEM);
    CHECK_EQ(map_letter('r', 8, 3), 0);
    CHECK_EQ(map_letter('s', 11, 3), 0);
    CHECK_EQ(space_mprotect(space, at(2), 3 * PAGE_SIZE, PROT_READ | PROT_WRITE), -ENOMEM);
    CHECK_EQ(space_mprotect(space, at(2), 2 * PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
    CHECK_EQ(space_brk(space, HEAP_START + 1), HEAP_START);
    CHECK(looks_like(space, "wwwwr...rrrsss"));
    space->limits[SPACE_LIMIT_DATA] = LIMIT_INFINITE;

    CHECK(start_over("wwww"));
    space->limits[SPACE_LIMIT_MEMLOCK] = 2 * PAGE_SIZE;
    CHECK_EQ(space_mlock(space, at(0), 3 * PAGE_SIZE, true, false), -ENOMEM);
    CHECK_EQ(space_mlock(space, at(0), 2 * PAGE_SIZE, true, false), 0);
    CHECK(looks_like(space, "LLww"));
    CHECK_EQ(space_mlockall(space, MCL_CURRENT), -ENOMEM);
    CHECK_EQ(mmap_(at(8), 3 * PAGE_SIZE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_LOCKED),
             -EAGAIN);
    CHECK(end());
}

/* ---- brk ---- */

KTEST(space, brk_by_the_byte)
{
    uint32_t value;

    CHECK(begin());
    CHECK_EQ(space_brk(space, 0), HEAP_START);
    CHECK_EQ(space_brk(space, HEAP_START - 1), HEAP_START);
    CHECK_EQ(space_brk(space, HEAP_START + 1), HEAP_START + 1);
    CHECK_EQ(space->total_pages, 1);
    CHECK_EQ(space_brk(space, HEAP_START + PAGE_SIZE), HEAP_START + PAGE_SIZE);
    CHECK_EQ(space->total_pages, 1);
    CHECK_EQ(cpu_store(space, HEAP_START, 9), FAULT_DONE);
    CHECK_EQ(cpu_load(space, HEAP_START + PAGE_SIZE, &value), FAULT_MAPERR);
    CHECK_EQ(space_brk(space, HEAP_START + PAGE_SIZE + 1), HEAP_START + PAGE_SIZE + 1);
    CHECK_EQ(space->total_pages, 2);
    CHECK_EQ(cpu_store(space, HEAP_START + PAGE_SIZE, 8), FAULT_DONE);
    CHECK_EQ(space_brk(space, HEAP_START + 5), HEAP_START + 5);
    CHECK_EQ(space->total_pages, 1);
    CHECK_EQ(space_brk(space, HEAP_START + 2 * PAGE_SIZE), HEAP_START + 2 * PAGE_SIZE);
    CHECK_EQ(cpu_load(space, HEAP_START, &value), FAULT_DONE);
    CHECK_EQ(value, 9);
    CHECK_EQ(cpu_load(space, HEAP_START + PAGE_SIZE, &value), FAULT_DONE);
    CHECK_EQ(value, 0); /* what shrank away does not come back */
    CHECK_EQ(space->areas.count, 1);
    CHECK_EQ(space_brk(space, 0xFFFFFFFFu), HEAP_START + 2 * PAGE_SIZE);
    CHECK_EQ(space_brk(space, USER_END + 1), HEAP_START + 2 * PAGE_SIZE);
    CHECK_EQ(space_brk(space, HEAP_START), HEAP_START);
    CHECK_EQ(space->areas.count, 0);
    CHECK(end());
}

/* One page stays free below the next mapping. */
KTEST(space, brk_meets_a_mapping)
{
    uintptr_t wall = HEAP_START + 8 * PAGE_SIZE;

    CHECK(begin());
    CHECK_EQ(mmap_(wall, PAGE_SIZE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), (long)wall);
    CHECK_EQ(space_brk(space, wall - PAGE_SIZE), wall - PAGE_SIZE);
    CHECK_EQ(space_brk(space, wall - PAGE_SIZE + 1), wall - PAGE_SIZE);
    CHECK_EQ(space_brk(space, wall + 1), wall - PAGE_SIZE);
    CHECK_EQ(space_munmap(space, wall, PAGE_SIZE), 0);
    CHECK_EQ(space_brk(space, wall + 1), wall + 1);
    CHECK(space_check_all());
    CHECK(end());
}

/* ---- the stack ---- */

KTEST(space, stack_grows_to_its_limit)
{
    uintptr_t limit = 16 * PAGE_SIZE, below = USER_END - limit - STACK_GAP;

    CHECK(begin());
    space->limits[SPACE_LIMIT_STACK] = limit;
    CHECK_EQ(space_add_stack(space, USER_END), 0);
    CHECK_EQ(cpu_store(space, USER_END - 4, 1), FAULT_DONE);
    CHECK_EQ(cpu_store(space, USER_END - 9 * PAGE_SIZE, 2), FAULT_DONE);
    CHECK_EQ(space->areas.count, 1);
    CHECK_EQ(space->total_pages, 9);
    CHECK_EQ(cpu_store(space, USER_END - limit - 4, 3), FAULT_MAPERR);
    CHECK_EQ(cpu_store(space, USER_END - limit, 3), FAULT_DONE);
    CHECK_EQ(space->total_pages, 16);

    /* a mapping within the gap below where it wants to grow stops it */
    CHECK_EQ(space_munmap(space, USER_END - limit, 8 * PAGE_SIZE), 0);
    CHECK_EQ(mmap_(below + PAGE_SIZE, PAGE_SIZE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
             (long)(below + PAGE_SIZE));
    CHECK_EQ(cpu_store(space, USER_END - limit + PAGE_SIZE, 3), FAULT_MAPERR);
    CHECK_EQ(cpu_store(space, USER_END - limit + 2 * PAGE_SIZE, 3), FAULT_DONE);
    CHECK(space_check_all());
    CHECK(end());
}

/* ---- faults ---- */

KTEST(space, execution)
{
    static const struct {
        unsigned prot;
        bool allowed;
    } cases[] = {
        {PROT_READ, false},        {PROT_READ | PROT_WRITE, false},
        {PROT_EXEC, true},         {PROT_READ | PROT_EXEC, true},
        {PROT_READ, false},        {PROT_READ | PROT_WRITE | PROT_EXEC, true},
    };
    uint32_t value;

    CHECK(begin());
    CHECK_EQ(space_mmap(space, at(0), PAGE_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, true), at(0));
    for (unsigned touched = 0; touched < 2; touched++) {
        for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
            CHECK_EQ(space_mprotect(space, at(0), PAGE_SIZE, cases[i].prot), 0);
            CHECK_EQ(space_fault(space, at(0), FAULT_FETCH_ACCESS),
                     cases[i].allowed || !space_obeys_exec() ? FAULT_DONE : FAULT_ACCERR);
            CHECK_EQ(cpu_load(space, at(0), &value), FAULT_DONE);
            CHECK_EQ(cpu_executes(space, at(0)), cases[i].allowed || !space_obeys_exec());
        }
        CHECK_EQ(cpu_store(space, at(0), 1), FAULT_DONE);
    }
    CHECK(space_check_all());
}

KTEST(space, what_faults)
{
    uint32_t value;

    CHECK(begin());
    CHECK(start_over("wrnxsfF"));
    CHECK_EQ(cpu_load(space, at(9), &value), FAULT_MAPERR);
    CHECK_EQ(cpu_load(space, at(2), &value), FAULT_ACCERR);
    for (unsigned page = 1; page < 7; page++)
        CHECK_EQ(cpu_store(space, at(page), 1), page == 4 ? FAULT_DONE : FAULT_ACCERR);
    CHECK_EQ(cpu_load(space, at(5) + 8, &value), FAULT_DONE);
    CHECK_EQ(value, 5 * 1024 + 2);
    CHECK_EQ(cpu_load(space, at(6) + 8, &value), FAULT_DONE);
    CHECK_EQ(value, 6 * 1024 + 2);
    CHECK_EQ(cpu_load(space, at(3), &value), FAULT_DONE);
    CHECK_EQ(value, 0);
    CHECK_EQ(space_fault(space, 0, FAULT_READ), FAULT_MAPERR);
    CHECK_EQ(space_fault(space, USER_END, FAULT_READ), FAULT_MAPERR);
    CHECK_EQ(space_fault(space, 0xFFFFFFFFu, FAULT_WRITE_ACCESS), FAULT_MAPERR);
    /* past the end of the file */
    CHECK_EQ(space_mmap(space, at(0), PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED, &file, PAGES,
                        false),
             (long)at(0));
    CHECK_EQ(cpu_load(space, at(0), &value), FAULT_BUSERR);
    CHECK(space_check_all());
    CHECK(end());
}

/* A page that only one side of a fork has left is not copied; one that both have is, once. */
KTEST(space, copy_on_write_counts)
{
    struct address_space *child;
    unsigned long copies = vm_counted(cow_copy);
    uint32_t value;

    CHECK(begin());
    CHECK(start_over("wwDW"));
    for (unsigned page = 0; page < 4; page++)
        CHECK_EQ(cpu_store(space, at(page), 10 + page), FAULT_DONE);
    child = space_fork(space);
    CHECK(child);
    CHECK(looks_like(child, "ww.W"));
    CHECK_EQ(cpu_load(child, at(3), &value), FAULT_DONE);
    CHECK_EQ(value, 0);
    CHECK_EQ(cpu_load(space, at(3), &value), FAULT_DONE);
    CHECK_EQ(value, 13);
    CHECK_EQ(cpu_store(child, at(0), 20), FAULT_DONE);
    CHECK_EQ(vm_counted(cow_copy), copies + 1);
    CHECK_EQ(cpu_load(space, at(0), &value), FAULT_DONE);
    CHECK_EQ(value, 10);
    CHECK_EQ(cpu_store(space, at(0), 30), FAULT_DONE);
    CHECK_EQ(vm_counted(cow_copy), copies + 1);
    space_put(child);
    CHECK_EQ(cpu_store(space, at(1), 31), FAULT_DONE);
    CHECK_EQ(vm_counted(cow_copy), copies + 1);
    CHECK(end());
}

KTEST(space, mincore_tells_what_is_there)
{
    uint8_t there[4] = {9, 9, 9, 9};

    CHECK(begin());
    CHECK(start_over("wwww"));
    CHECK_EQ(space_mincore(space, at(0), 4, there), 0);
    CHECK(is_filled(there, 4, 0));
    CHECK_EQ(cpu_store(space, at(2), 1), FAULT_DONE);
    CHECK_EQ(space_mincore(space, at(0), 4, there), 0);
    CHECK(!there[0] && !there[1] && there[2] && !there[3]);
    CHECK_EQ(space_mincore(space, at(3), 2, there), -ENOMEM);
    CHECK_EQ(space_mincore(space, at(0) + 1, 1, there), -EINVAL);
    CHECK_EQ(space_madvise(space, at(2), PAGE_SIZE, MADV_DONTNEED), 0);
    CHECK_EQ(space_mincore(space, at(2), 1, there), 0);
    CHECK_EQ(there[0], 0);
    CHECK(end());
}

/* ---- each allocation fails in turn ---- */

struct state {
    char drawing[PAGES + 1];
    unsigned long areas, total, data, locked, charged, odd, commit;
    uintptr_t brk;
    uint32_t words[PAGES];
};

static struct state
state_now(void)
{
    struct state state = {.areas = space->areas.count,
                          .total = space->total_pages,
                          .data = space->data_pages,
                          .locked = space->locked_pages,
                          .charged = space->charged_pages,
                          .odd = space->odd_areas,
                          .commit = commit_charged(),
                          .brk = space->brk};

    draw_into(space, state.drawing);
    for (unsigned page = 0; page < PAGES; page++)
        if (space_read(space, at(page), &state.words[page], 4) != 4)
            state.words[page] = 0xDEAD;
    return state;
}

static bool
same_bytes(const void *a, const void *b, size_t size)
{
    const uint8_t *x = a, *y = b;

    while (size && *x == *y)
        x++, y++, size--;
    return size == 0;
}

/* 0 when the call succeeded, -ENOMEM when it said so; anything else is wrong. */
typedef long (*failing_call)(void);

static long
call_map(void)
{
    return map_letter('w', 2, 6);
}

static long
call_map_shared(void)
{
    return map_letter('s', 0, 9);
}

static long
call_populate(void)
{
    long answer = space_mmap(space, at(1), 7 * PAGE_SIZE, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, NULL, 0, true);

    return answer == (long)at(1) ? 0 : answer;
}

static long
call_unmap(void)
{
    return space_munmap(space, at(3), 3 * PAGE_SIZE);
}

static long
call_protect(void)
{
    return space_mprotect(space, at(1), 5 * PAGE_SIZE, PROT_READ);
}

static long
call_move(void)
{
    long answer = space_mremap(space, at(1), 4 * PAGE_SIZE, 6 * PAGE_SIZE,
                               MREMAP_MAYMOVE | MREMAP_FIXED, at(7));

    return answer == (long)at(7) ? 0 : answer;
}

static long
call_grow(void)
{
    long answer = space_mremap(space, at(0), 2 * PAGE_SIZE, 20 * PAGE_SIZE, MREMAP_MAYMOVE, 0);

    return answer > 0 ? 0 : answer;
}

static long
call_shrink(void)
{
    return space_mremap(space, at(0), 6 * PAGE_SIZE, 2 * PAGE_SIZE, 0, 0) == (long)at(0) ? 0
                                                                                          : -ENOMEM;
}

static long
call_keep(void)
{
    long answer = space_mremap(space, at(1), 3 * PAGE_SIZE, 3 * PAGE_SIZE,
                               MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, at(6));

    return answer == (long)at(6) ? 0 : answer;
}

static long
call_double(void)
{
    long answer = space_mremap(space, at(1), 0, 3 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
                               at(3));

    return answer == (long)at(3) ? 0 : answer;
}

/* Where there is no memory, madvise says that it may be tried again. -ENOMEM is what it says of a
 * hole: that would be wrong here, so it comes out as something else. */
static long
advise(int advice)
{
    long answer = space_madvise(space, at(2), 3 * PAGE_SIZE, advice);

    return answer == -EAGAIN ? -ENOMEM : answer == -ENOMEM ? -EAGAIN : answer;
}

static long
call_advise(void)
{
    return advise(MADV_DONTFORK);
}

static long
call_forget(void)
{
    return advise(MADV_DONTNEED);
}

static long
call_brk(void)
{
    return space_brk(space, HEAP_START + 0x401000) == HEAP_START + 0x401000 ? 0 : -ENOMEM;
}

static long
call_lock(void)
{
    return space_mlock(space, at(1), 4 * PAGE_SIZE, true, false);
}

static long
call_fork(void)
{
    struct address_space *child = space_fork(space);

    if (child)
        space_put(child);
    return child ? 0 : -ENOMEM;
}

static long
call_store(void)
{
    enum fault_result result = cpu_store(space, at(5), 0x55);

    return result == FAULT_DONE ? 0 : result == FAULT_NOMEM ? -ENOMEM : -EFAULT;
}

static long
call_vm_alloc(void)
{
    return vm_alloc_map(space, BASE - 0x800000, 0x800000 + 3 * PAGE_SIZE, PROT_READ | PROT_WRITE);
}

static long
call_vm_free(void)
{
    return vm_free_unmap(space, at(2), 5 * PAGE_SIZE);
}

/* The call, with its 1st, 2nd, 3rd ... allocation failing until none does. With `shared`, the page
 * tables are shared with a child, so that they have to be copied. False when it goes wrong. */
static bool
sweep(failing_call call, const char *drawing, bool shared)
{
    for (unsigned n = 1; n < 4000; n++) {
        struct address_space *child = NULL;
        struct state before, after;
        unsigned long counted;
        long answer;

        if (!start_over(drawing) || space_brk(space, HEAP_START) != HEAP_START)
            return false;
        for (unsigned page = 0; page < PAGES; page++)
            (void)cpu_store(space, at(page), 100 + page);
        before = state_now();
        if (shared && !(child = space_fork(space)))
            return false;
        before.commit = commit_charged();
        reclaim_pools();
        mm_fail_nth(n);
        answer = call();
        counted = mm_fail_nth(0);
        after = state_now();
        if (answer == -ENOMEM && !same_bytes(&before, &after, sizeof(before))) {
            klog("allocation %u failed: %s with %lu areas became %s with %lu\n", n, before.drawing,
                 before.areas, after.drawing, after.areas);
            return false;
        }
        if (child)
            space_put(child);
        if ((answer != 0 && answer != -ENOMEM) || !space_check_all() || !mm_check())
            return false;
        if (counted < n)
            return answer == 0;
    }
    return false;
}

KTEST(space, every_failing_allocation)
{
    static const struct {
        failing_call call;
        const char *drawing;
    } cases[] = {
        {call_map, "rrrrrrrrrr"},      {call_map_shared, "wwwwffffwwww"},
        {call_populate, "rrrrrrrrrr"}, {call_unmap, "wwwwwwwwww"},
        {call_unmap, "wffffffffw"},    {call_protect, "wwwwwwwwww"},
        {call_move, "wwwwwwrrrrrrrrr"}, {call_move, "wwwwww"},
        {call_grow, "wwr"},            {call_brk, "ww"},
        {call_shrink, "wwwwwwww"},     {call_keep, "wwwwwrrr"},
        {call_double, "ssssssww"},     {call_advise, "wwwwwwww"},
        {call_forget, "wwwwwwww"},
        {call_lock, "wwwwwwww"},       {call_fork, "wwDDWWssffww"},
        {call_store, "wwwwwwww"},
    };

    if (!can_spare(800))
        SKIP("not enough memory");
    for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++)
        for (unsigned shared = 0; shared < 2; shared++) {
            CHECK(begin());
            CHECK(sweep(cases[i].call, cases[i].drawing, shared));
            CHECK(end());
        }
}

/* All of it or nothing: three page tables and more than two thousand pages, and one of the tables
 * is in use by neighbours and shared with a child. */
KTEST(space, vm_alloc_map_vm_free_unmap_roll_back)
{
    CHECK(begin());
    CHECK_EQ(vm_alloc_map(space, at(0), 0, PROT_READ), -EINVAL);
    CHECK_EQ(vm_alloc_map(space, at(0) + 1, PAGE_SIZE, PROT_READ), -EINVAL);
    CHECK_EQ(vm_alloc_map(space, 0, PAGE_SIZE, PROT_READ), -ENOMEM);
    CHECK_EQ(vm_alloc_map(space, USER_END - PAGE_SIZE, 2 * PAGE_SIZE, PROT_READ), -ENOMEM);
    CHECK(start_over("..ww"));
    CHECK_EQ(vm_alloc_map(space, at(0), 3 * PAGE_SIZE, PROT_READ | PROT_WRITE), -EEXIST);
    CHECK_EQ(vm_alloc_map(space, at(0), 2 * PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
    CHECK(looks_like(space, "wwww"));
    CHECK_EQ(space_resident(space), 2);
    CHECK_EQ(vm_free_unmap(space, at(0), 2 * PAGE_SIZE), 0);
    CHECK_EQ(space_resident(space), 0);
    CHECK(end());
    for (unsigned shared = 0; shared < 2; shared++) {
        CHECK(begin());
        CHECK(sweep(call_vm_free, "wwwwwwwwww", shared));
        CHECK(end());
    }
}

/* A few pages on both sides of a table's border, beside pages of others. */
static long
call_vm_alloc_few(void)
{
    return vm_alloc_map(space, at(2), 6 * PAGE_SIZE, PROT_READ | PROT_WRITE);
}

KTEST(space, vm_alloc_map_every_failure)
{
    if (!can_spare(2600))
        SKIP("not enough memory");
    for (unsigned shared = 0; shared < 2; shared++) {
        CHECK(begin());
        CHECK(sweep(call_vm_alloc_few, "ww......ww", shared));
        CHECK(end());
    }
    CHECK(begin());
    CHECK(start_over("...ww"));
    mm_fail_nth(2040);
    CHECK_EQ(call_vm_alloc(), -ENOMEM);
    mm_fail_nth(0);
    CHECK(looks_like(space, "...ww"));
    CHECK(end());
}
