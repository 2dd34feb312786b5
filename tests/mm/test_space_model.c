/* test_space_model.c - random programs against the model of what they may expect (space_model.h).
 *
 * A round is a list of operations, drawn beforehand from a seed: calls on up to MODEL_SPACES
 * address spaces that come from one another by fork, loads and stores through a software CPU, files
 * that shrink and grow, reclaim, and now and then a failing allocation. Each means something in any
 * state, so that a list from which operations were taken is a list again. After each, what the call
 * answered must be what the model allows; contents, faults and maps must agree.
 *
 * A failing list is cut down, where tests can run apart (ktest_apart): every part of it that is not
 * needed for a failure is dropped, down to single operations, and what is left is printed.
 */
#include "commit.h"
#include "kmalloc.h"
#include "mm.h"
#include "reclaim.h"
#include "softcpu.h"
#include "space_model.h"
#include "testing.h"

#ifdef __SANITIZE_THREAD__
#define ROUNDS 200
#elif defined(__SANITIZE_ADDRESS__)
#define ROUNDS 2000
#else
#define ROUNDS 8000
#endif
#define KERNEL_ROUNDS 12
#define OPERATIONS    300

enum kind {
    LOAD, STORE, SWEEP, PEEK, POKE, MAP, UNMAP, PROTECT, REMAP, BRK, ADVISE, LOCK, FORK, EXIT,
    ACTIVATE, FILE_LOAD, FILE_STORE, FILE_SIZE, RECLAIM, KINDS
};

/* How often each comes, of 256. */
static const uint8_t weight[KINDS] = {40, 56, 10, 6, 6, 26, 14, 16, 16, 8,
                                      14, 5,  8,  5, 8, 6,  6,  3,  3};
static const char *const kind_name[KINDS] = {
    "load", "store", "sweep", "peek", "poke", "mmap", "munmap", "mprotect", "mremap", "brk",
    "madvise", "mlock", "fork", "exit", "activate", "file load", "file store", "file size",
    "reclaim"};

struct operation {
    uint8_t kind, space, object, fail;
    uint16_t page, count, target, new_count;
    uint32_t bits; /* flags, words, sizes: whatever else is to be chosen */
};

static struct model *model;
static struct operation operations[OPERATIONS];
static bool verbose; /* say what is wrong */
static bool wrong;   /* something was */
static bool starved; /* the operation at hand may find no memory */
static unsigned long made; /* operations, of those that met a space and pages they are for */

static void
complain(const char *format, ...)
{
    va_list args;

    wrong = true;
    if (!verbose)
        return;
    va_start(args, format);
    klog_v(format, args);
    va_end(args);
}

/* ---- objects ---- */

static int
fill_page(struct object *object, uint32_t index, void *page)
{
    uint32_t number = 0;
    uint32_t *words = page;

    while (model->objects[number].pointer != object)
        number++;
    for (uint32_t i = 0; i < PAGE_SIZE / sizeof(*words); i++)
        words[i] = 0;
    for (uint32_t word = 0; word < WORDS; word++)
        if (index * PAGE_SIZE + word_offset(word) < object->size)
            words[word_offset(word) / sizeof(*words)] = filled_word(number, index, word);
    return 0;
}

static const struct object_ops fill_ops = {.fill = fill_page};

static void
make_fill_object(uint8_t number)
{
    struct model_object *object = &model->objects[number];

    object->pointer = &object->object;
    object->size = (OBJECT_PAGES - 3 * number) * PAGE_SIZE - 1400;
    object_init(&object->object, &fill_ops, object->size);
    for (uint32_t i = 0; i < pages_in_object(object); i++)
        for (uint32_t word = 0; word < WORDS; word++)
            if (i * PAGE_SIZE + word_offset(word) < object->size)
                object->words[i][word] = filled_word(number, i, word);
}

static bool
make_kept_object(uint8_t number)
{
    struct model_object *object = &model->objects[number];

    object->size = OBJECT_PAGES / 2 * PAGE_SIZE;
    object->pointer = object_create_anonymous(object->size, true);
    return object->pointer != NULL;
}

static bool
is_mapped_anywhere(uint8_t number)
{
    for (uint32_t s = 0; s < MODEL_SPACES; s++)
        for (uint32_t i = 0; i < SPACE_PAGES; i++)
            if (model->spaces[s].pages[i].object == number)
                return true;
    return false;
}

/* A number for an object that the kernel is about to make; NO_OBJECT when all are in use. */
static uint8_t
free_object(void)
{
    for (uint8_t number = KEPT_OBJECTS; number < MODEL_OBJECTS; number++)
        if (!is_mapped_anywhere(number))
            return number;
    return NO_OBJECT;
}

/* ---- comparing maps ---- */

static bool
same_page(const struct area *area, uintptr_t at, const struct model_page *page)
{
    const struct object *object = NULL;

    if (page->object != NO_OBJECT)
        object = model->objects[page->object].pointer;
    if (!page->mapped || (area->flags & MODEL_FLAGS) != page->flags || area->object != object)
        return false;
    return !object || area->index + (uint32_t)((at - area->start) >> PAGE_SHIFT) == page->index;
}

/* Two areas that could be one would make calls fail that must not (mremap), and cost memory. */
static bool
could_be_one(const struct area *area)
{
    const struct area *next = area->next;

    if (!next || area->end != next->start || area->flags != next->flags ||
        area->object != next->object)
        return false;
    return !area->object ||
           area->index + (uint32_t)((area->end - area->start) >> PAGE_SHIFT) == next->index;
}

static void
compare_area(const struct model_space *space, const struct area *area, uint32_t *pages)
{
    if (could_be_one(area))
        complain("areas up to and from %lx could be one\n", (unsigned long)area->end);
    for (uintptr_t at = area->start; at < area->end && !wrong; at += PAGE_SIZE, ++*pages) {
        uint32_t page = page_at(at);

        if (page == SPACE_PAGES || !same_page(area, at, &space->pages[page]))
            complain("page %lx: mapped with flags %x, index %lu; the model says %s, %x, %u of %u\n",
                     (unsigned long)at, area->flags, (unsigned long)area->index,
                     page != SPACE_PAGES && space->pages[page].mapped ? "mapped" : "not mapped",
                     page != SPACE_PAGES ? space->pages[page].flags : 0,
                     page != SPACE_PAGES ? space->pages[page].index : 0,
                     page != SPACE_PAGES ? space->pages[page].object : 0);
    }
}

static void
compare_maps(const struct model_space *space)
{
    uint32_t pages = 0;

    for (const struct area *a = space->space->areas.first; a && !wrong; a = a->next)
        compare_area(space, a, &pages);
    if (wrong)
        return;
    if (pages != model_mapped(space->pages, SPACE_PAGES))
        complain("%u pages mapped, the model has %u\n", pages,
                 model_mapped(space->pages, SPACE_PAGES));
    if (pages != space->space->total_pages)
        complain("%u pages mapped, %lu counted\n", pages, space->space->total_pages);
    if (space->brk != space->space->brk)
        complain("the break is %lx, not %lx\n", (unsigned long)space->space->brk,
                 (unsigned long)space->brk);
}

static void
check_all(void)
{
    for (uint32_t s = 0; s < MODEL_SPACES && !wrong; s++)
        if (model->spaces[s].space)
            compare_maps(&model->spaces[s]);
    if (!wrong && !space_check_all())
        complain("space_check_all says no\n");
}

/* ---- what operations share ---- */

/* True when an answer is the shortage that the operation was given. */
static bool
is_shortage(long answer)
{
    return starved && answer == -ENOMEM;
}

/* Unmaps again what was mapped outside of the windows. */
static void
trim(struct model_space *space, uintptr_t start, uint32_t count)
{
    mm_fail_nth(0);
    for (; count--; start += PAGE_SIZE)
        if (page_at(start) == SPACE_PAGES && space_munmap(space->space, start, PAGE_SIZE) != 0)
            complain("what lies outside the windows cannot be unmapped\n");
}

/* How many areas' pages in a row from `page` on are mapped by the area that maps the first. */
static uint32_t
pages_in_area(const struct model_space *space, uint32_t page, uint32_t count)
{
    uintptr_t at = page_address(page);
    const struct area *area = area_find(&space->space->areas, at);
    uint32_t left;

    if (!area || area->start > at)
        return 0;
    left = (uint32_t)((area->end - at) >> PAGE_SHIFT);
    return count < left ? count : left;
}

static bool
is_stack(uint32_t page)
{
    return page / WINDOW_PAGES == WINDOW_STACK;
}

/* A stack grew: it must have reached the page, and not pass its limit. */
static bool
follow_stack(struct model_space *space, uint32_t page)
{
    uintptr_t at = page_address(page);
    const struct area *area = area_find(&space->space->areas, at);

    if (!area || area->start > at || area->end - area->start > STACK_PAGES * PAGE_SIZE)
        return false;
    for (; page < SPACE_PAGES && !space->pages[page].mapped; page++)
        model_map(&space->pages[page], 1, area->flags & MODEL_FLAGS, NO_OBJECT, 0);
    return true;
}

/* ---- loads and stores ---- */

/* False when the access failed as it may or must. */
static bool
judge_fault(struct model_space *space, uint32_t page, bool write, enum fault_result result)
{
    enum fault_result wanted;

    /* A stack may have grown before there was no page for it. */
    if (result == FAULT_NOMEM && starved) {
        if (is_stack(page) && !space->pages[page].mapped)
            follow_stack(space, page);
        return false;
    }
    if (!space->pages[page].mapped && is_stack(page) && page >= SPACE_PAGES - STACK_PAGES &&
        !follow_stack(space, page))
        complain("the stack did not grow to page %u\n", page);
    wanted = expected_fault(model, &space->pages[page], write);
    if (result != wanted)
        complain("%s page %lx: fault result %d, wanted %d\n", write ? "store to" : "load from",
                 (unsigned long)page_address(page), (int)result, (int)wanted);
    return result == FAULT_DONE && !wrong;
}

static void
load(struct model_space *space, uint32_t page, uint32_t word)
{
    uint32_t value = 0;
    enum fault_result result =
        cpu_load(space->space, page_address(page) + word_offset(word), &value);

    if (judge_fault(space, page, false, result) &&
        !may_hold(model, &space->pages[page], word, value))
        complain("page %lx word %u holds %lx, wanted %lx\n", (unsigned long)page_address(page),
                 word, (unsigned long)value,
                 (unsigned long)expected_word(model, &space->pages[page], word));
}

/* What a lazy page holds must be known before part of it changes. */
static void
settle(struct model_space *space, uint32_t page)
{
    mm_fail_nth(0);
    for (uint32_t word = 0; word < WORDS && !wrong; word++)
        load(space, page, word);
}

static void
store(struct model_space *space, uint32_t page, uint32_t word, uint32_t value)
{
    enum fault_result result;

    if (is_past_the_end(model, &space->pages[page], word))
        return;
    if (space->pages[page].lazy)
        settle(space, page);
    result = cpu_store(space->space, page_address(page) + word_offset(word), value);
    if (judge_fault(space, page, true, result))
        model_store(model, &space->pages[page], word, value);
}

static void
do_load(struct model_space *space, const struct operation *o)
{
    for (uint32_t word = 0; word < WORDS && !wrong; word++)
        load(space, o->page, word);
}

static void
do_store(struct model_space *space, const struct operation *o)
{
    store(space, o->page, o->bits % WORDS, o->bits);
}

/* A run of pages, each loaded from or stored to. */
static void
do_sweep(struct model_space *space, const struct operation *o)
{
    for (uint32_t i = 0; i < o->count && !wrong; i++) {
        if (o->bits & 16)
            store(space, o->page + i, o->bits % WORDS, o->bits + i);
        else
            load(space, o->page + i, (o->bits + i) % WORDS);
    }
}

/* From outside: one word, as a debugger does. */
static void
do_peek(struct model_space *space, const struct operation *o)
{
    uint32_t value = 0, word = o->bits % WORDS;
    struct model_page *page = &space->pages[o->page];
    bool grows = is_stack(o->page) && !page->mapped;
    size_t done;

    done = space_read(space->space, page_address(o->page) + word_offset(word), &value, 4);

    if (done == 0 && (grows || starved)) {
        if (grows)
            follow_stack(space, o->page);
        return;
    }
    if (grows && !follow_stack(space, o->page))
        complain("the stack did not grow to page %u\n", o->page);
    else if ((done == 4) != (expected_fault(model, page, false) == FAULT_DONE))
        complain("space_read of page %lx did %lu bytes\n", (unsigned long)page_address(o->page),
                 (unsigned long)done);
    else if (done && !may_hold(model, page, word, value))
        complain("space_read of page %lx word %u gave %lx\n", (unsigned long)page_address(o->page),
                 word, (unsigned long)value);
}

static void
do_poke(struct model_space *space, const struct operation *o)
{
    uint32_t word = o->bits % WORDS;
    struct model_page *page = &space->pages[o->page];
    size_t done;

    if ((is_stack(o->page) && !page->mapped) || is_past_the_end(model, page, word))
        return;
    if (page->lazy)
        settle(space, o->page);
    done = space_write(space->space, page_address(o->page) + word_offset(word), &o->bits, 4);
    if (done == 0 && starved)
        return;
    if ((done == 4) != (expected_fault(model, page, true) == FAULT_DONE))
        complain("space_write to page %lx did %lu bytes\n", (unsigned long)page_address(o->page),
                 (unsigned long)done);
    else if (done)
        model_store(model, page, word, o->bits);
}

/* ---- mmap and munmap ---- */

/* What to map: the model's number of the object, its flags and those of the call. */
static bool
choose_mapping(const struct operation *o, uint8_t *object, unsigned *flags, unsigned *map)
{
    unsigned prot = o->bits & AREA_PROT;
    bool shared = o->bits & 8;

    *object = o->bits & 16 ? o->object % KEPT_OBJECTS : NO_OBJECT;
    if (shared && *object == NO_OBJECT && (*object = free_object()) == NO_OBJECT)
        return false;
    if (shared && *object < FILL_OBJECTS)
        prot &= ~(unsigned)PROT_WRITE;
    *flags = prot | (shared ? AREA_SHARED : 0);
    *map = shared ? MAP_SHARED : MAP_PRIVATE;
    *map |= o->bits & 16 ? 0 : MAP_ANONYMOUS;
    *map |= (o->bits & 0xE0) == 0xE0 ? MAP_POPULATE : 0;
    if ((o->bits & 0x300) == 0)
        *map |= MAP_FIXED_NOREPLACE;
    else if (o->bits & 0x300 && o->bits & 0x400)
        *map |= MAP_FIXED;
    return true;
}

static long
call_mmap(struct model_space *space, const struct operation *o, uint8_t object, unsigned prot,
          unsigned map)
{
    bool named = !(map & MAP_ANONYMOUS);

    return space_mmap(space->space, o->bits & 0x800 ? page_address(o->page) : 0,
                      (o->count - 1) * PAGE_SIZE + 1 + o->bits % PAGE_SIZE, prot, map,
                      named ? model->objects[object].pointer : NULL, named ? o->target % 16 : 0,
                      object >= FILL_OBJECTS);
}

/* Writes a new mapping into the model. */
static void
note_mapping(struct model_space *space, const struct operation *o, uintptr_t at, uint8_t object,
             unsigned flags, unsigned map)
{
    uint32_t index = map & MAP_ANONYMOUS ? 0 : o->target % 16;

    if (flags & AREA_SHARED && map & MAP_ANONYMOUS) {
        model->objects[object].pointer = area_find(&space->space->areas, at)->object;
        model->objects[object].size = (uint32_t)(o->count * PAGE_SIZE);
        for (uint32_t i = 0; i < OBJECT_PAGES * WORDS; i++)
            model->objects[object].words[i / WORDS][i % WORDS] = 0;
    }
    for (uint32_t i = 0; i < o->count; i++) {
        uint32_t page = page_at(at + i * PAGE_SIZE);

        if (page == SPACE_PAGES)
            continue;
        if (space->pages[page].mapped && !(map & MAP_FIXED))
            complain("mmap gave %lx, which is in use\n", (unsigned long)at);
        model_map(&space->pages[page], 1, flags, object, index + i);
        if (map & MAP_POPULATE)
            model_may_copy(model, &space->pages[page]);
    }
    trim(space, at, o->count);
}

static void
do_map(struct model_space *space, const struct operation *op)
{
    struct operation o = *op;
    uint8_t object;
    unsigned flags, map;
    long answer;
    bool fixed;

    if (!choose_mapping(&o, &object, &flags, &map) || is_stack(o.page))
        return;
    fixed = map & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    if (fixed)
        o.bits |= 0x800;
    if (fixed && o.page / WINDOW_PAGES == WINDOW_HEAP)
        o.count = 1 + o.count % 4;
    o.count = o.count < OBJECT_PAGES - 16 ? o.count : OBJECT_PAGES - 16;
    o.count = (uint16_t)in_window(o.page, o.count);
    o.bits &= ~(uint32_t)PAGE_MASK | 0xFFF;
    answer = call_mmap(space, &o, object, flags & AREA_PROT, map);
    if (is_shortage(answer))
        return;
    if (map & MAP_FIXED_NOREPLACE && model_mapped(&space->pages[o.page], o.count)) {
        if (answer != -EEXIST)
            complain("mmap over a mapping, NOREPLACE, answered %ld\n", answer);
        return;
    }
    if (answer < 0 && answer > -4096)
        complain("mmap answered %ld\n", answer);
    else if (fixed && (uintptr_t)(unsigned long)answer != page_address(o.page))
        complain("a fixed mmap answered %lx\n", (unsigned long)answer);
    else
        note_mapping(space, &o, (uintptr_t)(unsigned long)answer, object, flags, map);
}

static void
do_unmap(struct model_space *space, const struct operation *o)
{
    long answer = space_munmap(space->space, page_address(o->page), o->count * PAGE_SIZE);

    if (is_shortage(answer))
        return;
    if (answer != 0)
        complain("munmap answered %ld\n", answer);
    model_unmap(&space->pages[o->page], o->count);
}

/* ---- mprotect, madvise, mlock ---- */

static bool
forbids(const struct model_page *page, unsigned prot)
{
    return prot & PROT_WRITE && page->flags & AREA_SHARED && page->object < FILL_OBJECTS;
}

static void
do_protect(struct model_space *space, const struct operation *o)
{
    struct model_page *pages = &space->pages[o->page];
    unsigned prot = o->bits & AREA_PROT;
    bool hole = model_mapped(pages, o->count) < o->count, forbidden = false;
    long answer = space_mprotect(space->space, page_address(o->page), o->count * PAGE_SIZE, prot);

    for (uint32_t i = 0; i < o->count; i++)
        forbidden |= pages[i].mapped && forbids(&pages[i], prot);
    if (is_shortage(answer))
        return;
    if (hole || forbidden) {
        if (!(hole && answer == -ENOMEM) && !(forbidden && answer == -EACCES))
            complain("mprotect that cannot be answered %ld\n", answer);
        return;
    }
    if (answer != 0)
        complain("mprotect answered %ld\n", answer);
    for (uint32_t i = 0; i < o->count; i++)
        pages[i].flags = (uint16_t)((pages[i].flags & ~(unsigned)AREA_PROT) | prot);
}

static bool
advice_fits(int advice, const struct model_page *page)
{
    switch (advice) {
    case MADV_DONTNEED:
        return !(page->flags & AREA_LOCKED);
    case MADV_FREE:
        return page->object == NO_OBJECT && !(page->flags & AREA_LOCKED);
    case MADV_WIPEONFORK:
        return page->object == NO_OBJECT;
    default:
        return true;
    }
}

static void
follow_advice(int advice, struct model_page *page)
{
    switch (advice) {
    case MADV_DONTNEED:
        page->copied = page->lazy = false;
        break;
    case MADV_FREE:
        page->lazy = true;
        break;
    case MADV_DONTFORK:
        page->flags |= AREA_DONTFORK;
        break;
    case MADV_DOFORK:
        page->flags &= (uint16_t)~AREA_DONTFORK;
        break;
    case MADV_WIPEONFORK:
        page->flags |= AREA_WIPEONFORK;
        break;
    case MADV_KEEPONFORK:
        page->flags &= (uint16_t)~AREA_WIPEONFORK;
        break;
    }
}

/* Advice may have been followed in part when memory ran out. */
static void
advice_in_part(const struct model_space *space, int advice, struct model_page *page, uintptr_t at)
{
    const struct area *area = area_find(&space->space->areas, at);

    if (!page->mapped || !area)
        return;
    page->lazy |= advice == MADV_DONTNEED || advice == MADV_FREE;
    page->flags &= (uint16_t)~(AREA_DONTFORK | AREA_WIPEONFORK);
    page->flags |= area->flags & (AREA_DONTFORK | AREA_WIPEONFORK);
}

static void
do_advise(struct model_space *space, const struct operation *o)
{
    static const int8_t advices[] = {MADV_DONTNEED, MADV_DONTNEED, MADV_DONTNEED, MADV_FREE,
                                     MADV_DONTFORK, MADV_DOFORK, MADV_WIPEONFORK, MADV_KEEPONFORK,
                                     MADV_WILLNEED, MADV_COLD};
    struct model_page *pages = &space->pages[o->page];
    int advice = advices[o->bits % ARRAY_LENGTH(advices)];
    long answer, wanted = model_mapped(pages, o->count) < o->count ? -ENOMEM : 0;

    for (uint32_t i = 0; i < o->count; i++)
        if (pages[i].mapped && !advice_fits(advice, &pages[i]))
            return;
    if (is_stack(o->page) && advice != MADV_DONTNEED) /* a stack in pieces has a limit each */
        return;
    answer = space_madvise(space->space, page_address(o->page), o->count * PAGE_SIZE, advice);
    if (starved && (answer == -ENOMEM || answer == -EAGAIN)) {
        for (uint32_t i = 0; i < o->count; i++)
            advice_in_part(space, advice, &pages[i], page_address(o->page + i));
        return;
    }
    if (answer != wanted)
        complain("madvise %d answered %ld, wanted %ld\n", advice, answer, wanted);
    for (uint32_t i = 0; i < o->count; i++)
        if (pages[i].mapped)
            follow_advice(advice, &pages[i]);
}

static void
do_lock(struct model_space *space, const struct operation *o)
{
    struct model_page *pages = &space->pages[o->page];
    bool lock = o->bits & 1;
    long answer;

    for (uint32_t i = 0; i < o->count; i++)
        if (expected_fault(model, &pages[i], false) != FAULT_DONE)
            return;
    answer = space_mlock(space->space, page_address(o->page), o->count * PAGE_SIZE, lock,
                         o->bits & 2);
    for (uint32_t i = 0; i < o->count; i++)
        model_may_copy(model, &pages[i]);
    if (is_shortage(answer))
        return;
    if (answer != 0)
        complain("mlock answered %ld\n", answer);
    for (uint32_t i = 0; i < o->count; i++)
        pages[i].flags = (uint16_t)((pages[i].flags & ~AREA_LOCKED) | (lock ? AREA_LOCKED : 0));
}

/* ---- mremap ---- */

/* Moves the model's pages; the target's were unmapped. */
static void
model_move(struct model_space *space, uint32_t from, uintptr_t to, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t page = page_at(to + i * PAGE_SIZE);
        struct model_page moved = space->pages[from + i];

        model_unmap(&space->pages[from + i], 1);
        if (page != SPACE_PAGES)
            space->pages[page] = moved;
    }
}

/* The pages that a mapping grew by, [from, to) of it, continue the one at `last`. */
static void
model_grow(struct model_space *space, const struct model_page *last, uintptr_t at, uint32_t from,
           uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        uint32_t page = page_at(at + i * PAGE_SIZE);

        if (page != SPACE_PAGES)
            model_map(&space->pages[page], 1, last->flags, last->object,
                      last->index + 1 + i - from);
    }
}

static void
note_remap(struct model_space *space, const struct operation *o, uintptr_t at, uint32_t count)
{
    struct model_page last = space->pages[o->page + count - 1];
    uint32_t kept = count < o->new_count ? count : o->new_count;

    if (count > kept)
        model_unmap(&space->pages[o->page + kept], count - kept);
    if (at != page_address(o->page)) {
        for (uint32_t i = 0; i < o->new_count; i++)
            if (page_at(at + i * PAGE_SIZE) != SPACE_PAGES)
                model_unmap(&space->pages[page_at(at + i * PAGE_SIZE)], 1);
        model_move(space, o->page, at, kept);
    }
    model_grow(space, &last, at, kept, o->new_count);
    trim(space, at, o->new_count);
}

/* Whether [at, at + count) overlaps a mapping other than the one that moves away. */
static bool
target_is_free(const struct model_space *space, uintptr_t at, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t page = page_at(at + i * PAGE_SIZE);

        if (page != SPACE_PAGES && space->pages[page].mapped)
            return false;
    }
    return true;
}

static void
judge_remap(struct model_space *space, const struct operation *o, uint32_t count, unsigned flags,
            long answer)
{
    uintptr_t old = page_address(o->page), at = (uintptr_t)(unsigned long)answer;
    bool in_place = target_is_free(space, old + count * PAGE_SIZE,
                                   o->new_count > count ? o->new_count - count : 0);

    if (answer == -ENOMEM && !(flags & MREMAP_MAYMOVE) && !in_place)
        return;
    if (answer < 0 && answer > -4096)
        complain("mremap answered %ld\n", answer);
    else if (flags & MREMAP_FIXED ? at != page_address(o->target)
                                  : at != old && (!(flags & MREMAP_MAYMOVE) || in_place))
        complain("mremap of %lx answered %lx\n", (unsigned long)old, (unsigned long)at);
    else if (at != old && !(flags & MREMAP_FIXED) && !target_is_free(space, at, o->new_count))
        complain("mremap moved to %lx, which is in use\n", (unsigned long)at);
    else
        note_remap(space, o, at, count);
}

static void
do_remap(struct model_space *space, const struct operation *op)
{
    struct operation o = *op;
    unsigned flags = o.bits & (MREMAP_MAYMOVE | MREMAP_FIXED);
    uint32_t count = pages_in_area(space, o.page, o.count);
    long answer;

    flags |= flags & MREMAP_FIXED ? MREMAP_MAYMOVE : 0;
    if (is_stack(o.page) || is_stack(o.target))
        return;
    if (count && space->pages[o.page + count - 1].index + o.new_count >= OBJECT_PAGES)
        return;
    o.new_count = (uint16_t)in_window(flags & MREMAP_FIXED ? o.target : o.page, o.new_count);
    answer = space_mremap(space->space, page_address(o.page), (count ? count : 1) * PAGE_SIZE,
                          o.new_count * PAGE_SIZE, flags, page_address(o.target));
    if (is_shortage(answer))
        return;
    if (!count) {
        if (answer != -EFAULT && !(flags & MREMAP_FIXED && answer == -EINVAL))
            complain("mremap of nothing answered %ld\n", answer);
    } else if (flags & MREMAP_FIXED && o.target < o.page + count &&
               o.page < o.target + o.new_count) {
        if (answer != -EINVAL)
            complain("mremap onto itself answered %ld\n", answer);
    } else {
        judge_remap(space, &o, count, flags, answer);
    }
}

/* ---- brk ---- */

/* The pages between two values of the break. */
static void
note_brk(struct model_space *space, uintptr_t from, uintptr_t to)
{
    uint32_t first = (uint32_t)((from - window_start[WINDOW_HEAP] + PAGE_MASK) >> PAGE_SHIFT);
    uint32_t last = (uint32_t)((to - window_start[WINDOW_HEAP] + PAGE_MASK) >> PAGE_SHIFT);

    if (last > first)
        model_map(&space->pages[first], last - first, AREA_READ | AREA_WRITE, NO_OBJECT, 0);
    else
        model_unmap(&space->pages[last], first - last);
    space->brk = to;
}

/* A break may stay where it is when something lies in its way, or in the page after it. */
static bool
is_in_the_way(const struct model_space *space, uintptr_t to)
{
    uint32_t first =
        (uint32_t)((space->brk - window_start[WINDOW_HEAP] + PAGE_MASK) >> PAGE_SHIFT);
    uint32_t last = (uint32_t)((to - window_start[WINDOW_HEAP] + PAGE_MASK) >> PAGE_SHIFT);

    return last >= first && model_mapped(&space->pages[first], last + 1 - first);
}

static void
do_brk(struct model_space *space, const struct operation *o)
{
    uintptr_t heap = window_start[WINDOW_HEAP];
    uintptr_t wanted = heap + o->bits % ((WINDOW_PAGES - 2) * (uint32_t)PAGE_SIZE);
    uintptr_t got = space_brk(space->space, wanted);

    if (got == wanted)
        note_brk(space, space->brk, wanted);
    else if (got != space->brk || !(starved || is_in_the_way(space, wanted)))
        complain("brk(%lx) answered %lx\n", (unsigned long)wanted, (unsigned long)got);
}

/* ---- spaces ---- */

/* The parent stores again where it did before the fork: what the CPU remembers must not serve any
 * more, and the child must not see it. */
static void
part(struct model_space *parent, struct model_space *child, const struct operation *o)
{
    struct operation other = *o;

    other.bits += 64; /* another value for the same words */
    do_sweep(parent, &other);
    for (uint32_t i = 0; i < o->count && !wrong; i++)
        load(child, o->page + i, o->bits % WORDS);
}

static void
do_fork(struct model_space *space, const struct operation *o)
{
    struct model_space *child = model->spaces;

    while (child < model->spaces + MODEL_SPACES && child->space)
        child++;
    if (child == model->spaces + MODEL_SPACES)
        return;
    if (o->bits & 1)
        do_sweep(space, o);
    child->space = space_fork(space->space);
    if (child->space)
        model_fork(child, space);
    else if (!starved)
        complain("fork failed\n");
    if (child->space && o->bits & 1)
        part(space, child, o);
}

static void
end_space(struct model_space *space)
{
    if (space->space == cpu_space)
        cpu_activate(NULL);
    space_put(space->space);
    space->space = NULL;
    model_unmap(space->pages, SPACE_PAGES);
}

/* The last one stays. */
static void
do_exit(struct model_space *space, const struct operation *o)
{
    unsigned alive = 0;

    (void)o;
    for (uint32_t s = 0; s < MODEL_SPACES; s++)
        alive += model->spaces[s].space != NULL;
    if (alive > 1)
        end_space(space);
}

static void
do_activate(struct model_space *space, const struct operation *o)
{
    cpu_activate(o->bits % 8 ? space->space : NULL);
}

/* ---- files ---- */

/* The page as read(2) and write(2) get it. False when there is none, as there must not be. */
static bool
file_page(const struct operation *o, uint8_t number, uint32_t index, pfn_t *frame)
{
    struct model_object *object = &model->objects[number];
    int answer = object_page(object->pointer, index, frame);

    (void)o;
    if (answer == 0 && index < pages_in_object(object))
        return true;
    if (!(starved && answer == -ENOMEM) && (answer != -ENXIO || index < pages_in_object(object)))
        complain("page %u of object %u: answer %d\n", index, number, answer);
    return false;
}

static void
do_file_load(struct model_space *space, const struct operation *o)
{
    uint8_t number = o->object % KEPT_OBJECTS;
    uint32_t index = o->page % OBJECT_PAGES;
    const uint32_t *words;
    pfn_t frame;

    (void)space;
    if (!file_page(o, number, index, &frame))
        return;
    words = frame_map(frame);
    for (uint32_t word = 0; word < WORDS; word++)
        if (words[word_offset(word) / sizeof(*words)] != model->objects[number].words[index][word])
            complain("object %u page %u word %u holds %lx, wanted %lx\n", number, index, word,
                     (unsigned long)words[word_offset(word) / sizeof(*words)],
                     (unsigned long)model->objects[number].words[index][word]);
    frame_unmap(frame, words);
    page_put(frame);
}

static void
do_file_store(struct model_space *space, const struct operation *o)
{
    uint8_t number = FILL_OBJECTS + o->object % (KEPT_OBJECTS - FILL_OBJECTS);
    uint32_t index = o->page % OBJECT_PAGES, word = o->bits % WORDS;
    uint32_t *words;
    pfn_t frame;

    (void)space;
    if (index * PAGE_SIZE + word_offset(word) >= model->objects[number].size ||
        !file_page(o, number, index, &frame))
        return;
    words = frame_map(frame);
    words[word_offset(word) / sizeof(*words)] = o->bits;
    frame_unmap(frame, words);
    page_put(frame);
    model->objects[number].words[index][word] = o->bits;
}

static void
do_file_size(struct model_space *space, const struct operation *o)
{
    uint8_t number = FILL_OBJECTS + o->object % (KEPT_OBJECTS - FILL_OBJECTS);
    uint32_t size = (o->bits >> 4) % (OBJECT_PAGES * (uint32_t)PAGE_SIZE);

    (void)space;
    if (o->bits & 1)
        size &= ~(uint32_t)PAGE_MASK;
    object_set_size(model->objects[number].pointer, size);
    model_set_size(model, number, size);
}

static void
do_reclaim(struct model_space *space, const struct operation *o)
{
    (void)space;
    reclaim_frames(1 + o->bits % 64);
}

/* ---- a round ---- */

typedef void (*operation_runner)(struct model_space *space, const struct operation *o);

static const operation_runner runners[KINDS] = {
    do_load, do_store, do_sweep, do_peek, do_poke, do_map, do_unmap, do_protect, do_remap, do_brk,
    do_advise, do_lock, do_fork, do_exit, do_activate, do_file_load, do_file_store, do_file_size,
    do_reclaim};

static bool
changes_areas(uint8_t kind)
{
    return kind == UNMAP || kind == PROTECT || kind == REMAP || kind == LOCK;
}

/* Calls that make pages writable, locked or both bring locked ones in at once. */
static void
expect_copies(struct model_space *space)
{
    for (uint32_t i = 0; i < SPACE_PAGES; i++)
        if (space->pages[i].flags & AREA_LOCKED)
            model_may_copy(model, &space->pages[i]);
}

static void
draw(uint32_t *state, struct operation *o)
{
    uint32_t choice = random_below(state, 256);

    *o = (struct operation){0};
    while (choice >= weight[o->kind])
        choice -= weight[o->kind++];
    o->space = (uint8_t)random_below(state, MODEL_SPACES);
    o->object = (uint8_t)random_below(state, 64);
    o->page = (uint16_t)random_below(state, SPACE_PAGES);
    if (o->kind >= MAP && random_below(state, 2))
        o->page = (uint16_t)(WINDOW_FIXED * WINDOW_PAGES + random_below(state, WINDOW_PAGES));
    o->count = (uint16_t)(1 + random_below(state, random_below(state, 4) ? 8 : WINDOW_PAGES));
    o->count = (uint16_t)in_window(o->page, o->count);
    o->target = (uint16_t)random_below(state, SPACE_PAGES);
    o->new_count = (uint16_t)(1 + random_below(state, random_below(state, 4) ? 8 : WINDOW_PAGES));
    o->bits = ktest_random(state);
    o->fail = (uint8_t)(random_below(state, 8) ? 0 : 1 + random_below(state, 6));
}

static void
run_operation(struct operation *o, unsigned number)
{
    struct model_space *space = &model->spaces[o->space];

    if (!space->space || (changes_areas(o->kind) && is_stack(o->page)))
        return;
    made++;
    starved = o->fail != 0;
    if (starved)
        reclaim_pools();
    mm_fail_nth(o->fail);
    runners[o->kind](space, o);
    mm_fail_nth(0);
    if (changes_areas(o->kind))
        expect_copies(space);
    if (!wrong && space->space && (starved || number % 16 == 0))
        compare_maps(space);
    if (!wrong && number % 64 == 0)
        check_all();
    if (wrong)
        complain("at operation %u\n", number);
}

static bool
begin_round(void)
{
    struct model_space *first = &model->spaces[0];

    for (uint8_t s = 0; s < MODEL_SPACES; s++) {
        model->spaces[s].space = NULL;
        model_unmap(model->spaces[s].pages, SPACE_PAGES);
    }
    for (uint8_t i = 0; i < MODEL_OBJECTS; i++)
        model->objects[i] = (struct model_object){0};
    for (uint8_t i = 0; i < FILL_OBJECTS; i++)
        make_fill_object(i);
    for (uint8_t i = FILL_OBJECTS; i < KEPT_OBJECTS; i++)
        if (!make_kept_object(i))
            return false;
    first->space = space_create();
    if (!first->space)
        return false;
    first->brk = first->space->brk_start = first->space->brk = window_start[WINDOW_HEAP];
    first->space->limits[SPACE_LIMIT_STACK] = STACK_PAGES * PAGE_SIZE;
    if (space_add_stack(first->space, USER_END) != 0)
        return false;
    return follow_stack(first, page_at(first->space->areas.first->start));
}

static void
end_round(void)
{
    if (!wrong)
        check_all();
    for (uint32_t s = 0; s < MODEL_SPACES; s++)
        if (model->spaces[s].space && !wrong)
            end_space(&model->spaces[s]);
    for (uint8_t i = 0; i < KEPT_OBJECTS && !wrong; i++)
        object_put(model->objects[i].pointer);
}

/* Free frames, when nobody keeps any for later. */
static unsigned long
free_when_quiet(void)
{
    reclaim_frames(1ul << 20);
    mm_drain();
    return pmm_free_frames();
}

/* Runs the first `count` operations. True when all was as it should be. */
static bool
run_list(unsigned count)
{
    unsigned long free_before = free_when_quiet(), charged = commit_charged();

    wrong = false;
    if (!begin_round())
        complain("a round cannot begin\n");
    for (unsigned i = 0; i < count && !wrong; i++)
        run_operation(&operations[i], i);
    end_round();
    if (!wrong && free_when_quiet() != free_before)
        complain("%lu frames were free before, %lu after\n", free_before, pmm_free_frames());
    if (!wrong && commit_charged() != charged)
        complain("%lu pages were charged before, %lu after\n", charged, commit_charged());
    if (!wrong && !(mm_check() && object_check()))
        complain("mm_check or object_check says no\n");
    return !wrong;
}

static void
draw_round(uint32_t seed, unsigned round)
{
    uint32_t state = seed + round * 7919;

    for (unsigned i = 0; i < OPERATIONS; i++)
        draw(&state, &operations[i]);
}

/* ---- many rounds, and what to do when one fails ---- */

struct run {
    uint32_t seed;
    unsigned first, count; /* rounds */
};

static bool
run_rounds(void *argument)
{
    const struct run *run = argument;

    for (unsigned i = 0; i < run->count; i++) {
        draw_round(run->seed, run->first + i);
        if (run_list(OPERATIONS))
            continue;
        klog("round %u with the test's seed %lu fails\n", run->first + i,
             (unsigned long)run->seed);
        return false;
    }
    klog("%lu operations, %lu of them made\n", run->count * (unsigned long)OPERATIONS, made);
    return true;
}

static bool
run_count(void *argument)
{
    return run_list(*(unsigned *)argument);
}

static void
print_operation(unsigned number)
{
    const struct operation *o = &operations[number];

    klog("%3u space %u %-10s page %lx count %u -> %lx count %u object %u bits %lx%s", number,
         o->space, kind_name[o->kind], (unsigned long)page_address(o->page), o->count,
         (unsigned long)page_address(o->target), o->new_count, o->object % KEPT_OBJECTS,
         (unsigned long)o->bits, o->fail ? "" : "\n");
    if (o->fail)
        klog(" allocation %u fails\n", o->fail);
}

/* Drops [at, at + length) of the list when it fails without them, too. */
static bool
drop(unsigned *count, unsigned at, unsigned length)
{
    static struct operation whole[OPERATIONS];
    unsigned fewer = *count - length;

    for (unsigned i = 0; i < *count; i++)
        whole[i] = operations[i];
    for (unsigned i = at; i < fewer; i++)
        operations[i] = whole[i + length];
    if (!ktest_apart(run_count, &fewer)) {
        *count = fewer;
        return true;
    }
    for (unsigned i = 0; i < *count; i++)
        operations[i] = whole[i];
    return false;
}

/* Delta debugging: drops ever smaller parts as long as what is left fails. */
static unsigned
shrink(unsigned count)
{
    for (unsigned length = count / 2; length; length /= 2)
        for (unsigned at = 0; at + length <= count;)
            if (!drop(&count, at, length))
                at += length;
    for (unsigned at = 0; at < count;)
        at = drop(&count, at, 1) ? 0 : at + 1;
    return count;
}

static void
explain(uint32_t seed, unsigned round)
{
    unsigned count;

    draw_round(seed, round);
    count = shrink(OPERATIONS);
    klog("round %u fails with %u operations:\n", round, count);
    for (unsigned i = 0; i < count; i++)
        print_operation(i);
    verbose = true;
    ktest_apart(run_count, &count);
}

/* The first round that fails by itself. */
static void
find_and_explain(uint32_t seed, unsigned rounds)
{
    for (unsigned round = 0; round < rounds; round++) {
        struct run one = {seed, round, 1};

        if (!ktest_apart(run_rounds, &one)) {
            explain(seed, round);
            return;
        }
    }
    klog("no round fails alone\n");
}

KTEST(space_model, random)
{
    struct run run = {ktest_seed(), 0, ktest_apart ? ROUNDS : KERNEL_ROUNDS};
    bool passed;

    if (!can_spare(1500))
        SKIP("not enough memory");
    model = kmalloc(sizeof(*model));
    CHECK(model);
    verbose = !ktest_apart;
    passed = ktest_apart ? ktest_apart(run_rounds, &run) : run_rounds(&run);
    if (!passed && ktest_apart)
        find_and_explain(run.seed, run.count);
    verbose = false;
    kfree(model);
    CHECK(passed);
}
