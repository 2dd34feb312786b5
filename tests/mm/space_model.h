/* space_model.h - what programs may expect of their memory, as simply as it can be said: pages in
 * arrays, each with its protection, what lies behind it and what it holds.
 *
 *   heap window   fixed window   top window   stack window      WINDOW_PAGES pages each, the only
 *      brk        mmap FIXED        mmap       grows down       places where areas may be
 *
 * Of each page WORDS words are followed, at its ends and between. A page of private memory holds
 * what lies behind it until somebody stores to it (`copied`). One that was given back, or may have
 * been copied early (`lazy`), holds either from then on, until it is seen.
 */
#ifndef OCTAVO_TESTS_SPACE_MODEL_H
#define OCTAVO_TESTS_SPACE_MODEL_H

#include "object.h"
#include "space.h"

#define MODEL_SPACES  4
#define WINDOW_PAGES  64u
#define SPACE_PAGES   (WINDOWS * WINDOW_PAGES)
#define STACK_PAGES   40u /* the limit of the stack */
#define WORDS         4

enum window { WINDOW_HEAP, WINDOW_FIXED, WINDOW_TOP, WINDOW_STACK, WINDOWS };

/* Objects: some whose pages can be had again, some kept by the test, and those that the kernel made
 * for shared memory without a file. */
#define FILL_OBJECTS  2
#define KEPT_OBJECTS  4 /* with the ones before */
#define MODEL_OBJECTS 10
#define OBJECT_PAGES  48u
#define NO_OBJECT     0xFF

/* Flags of areas that the model knows. */
#define MODEL_FLAGS (AREA_PROT | AREA_SHARED | AREA_LOCKED | AREA_DONTFORK | AREA_WIPEONFORK)

struct model_page {
    bool mapped, copied, lazy;
    uint8_t object;
    uint16_t index;
    uint16_t flags;
    uint32_t words[WORDS];
};

struct model_space {
    struct address_space *space; /* NULL: not in use */
    uintptr_t brk;
    struct model_page pages[SPACE_PAGES];
};

struct model_object {
    struct object object;   /* with fill: the test's own */
    struct object *pointer; /* NULL: not in use */
    uint32_t size;
    uint32_t words[OBJECT_PAGES][WORDS];
};

struct model {
    struct model_space spaces[MODEL_SPACES];
    struct model_object objects[MODEL_OBJECTS];
};

/* The windows' first bytes: heap and fixed one reach over the border of a page table. */
static const uintptr_t window_start[WINDOWS] = {
    HEAP_START + 0x400000 - 20 * PAGE_SIZE,
    0x20000000 - WINDOW_PAGES / 2 * PAGE_SIZE,
    MMAP_TOP - WINDOW_PAGES * PAGE_SIZE,
    USER_END - WINDOW_PAGES * PAGE_SIZE,
};

static inline size_t
word_offset(uint32_t word)
{
    return word * 1364; /* 0, 1364, 2728, 4092 */
}

static inline uintptr_t
page_address(uint32_t page)
{
    return window_start[page / WINDOW_PAGES] + (page % WINDOW_PAGES) * PAGE_SIZE;
}

/* The page of the model at an address; SPACE_PAGES when it lies in no window. */
static inline uint32_t
page_at(uintptr_t address)
{
    for (uint32_t w = 0; w < WINDOWS; w++) {
        uintptr_t offset = address - window_start[w];

        if (offset < WINDOW_PAGES * PAGE_SIZE)
            return w * WINDOW_PAGES + (uint32_t)(offset >> PAGE_SHIFT);
    }
    return SPACE_PAGES;
}

/* Pages from `page` to the end of its window, at most `count`. */
static inline uint32_t
in_window(uint32_t page, uint32_t count)
{
    uint32_t left = WINDOW_PAGES - page % WINDOW_PAGES;

    return count < left ? count : left;
}

static inline uint32_t
pages_in_object(const struct model_object *object)
{
    return (object->size + (uint32_t)PAGE_MASK) >> PAGE_SHIFT;
}

/* ---- contents ---- */

static inline uint32_t
filled_word(uint32_t object, uint32_t index, uint32_t word)
{
    return 0xF1000000u | object << 16 | index << 4 | word;
}

/* What lies behind a page: zeros or the object. */
static inline uint32_t
backing_word(const struct model *model, const struct model_page *page, uint32_t word)
{
    if (page->object == NO_OBJECT)
        return 0;
    return model->objects[page->object].words[page->index][word];
}

static inline uint32_t
expected_word(const struct model *model, const struct model_page *page, uint32_t word)
{
    return page->copied ? page->words[word] : backing_word(model, page, word);
}

/* True when a load may give `value`; what that tells about a lazy page is noted. */
static inline bool
may_hold(const struct model *model, struct model_page *page, uint32_t word, uint32_t value)
{
    if (value == expected_word(model, page, word))
        return true;
    if (!page->lazy || value != backing_word(model, page, word))
        return false;
    page->copied = page->lazy = false;
    return true;
}

static inline void
model_store(struct model *model, struct model_page *page, uint32_t word, uint32_t value)
{
    if (page->flags & AREA_SHARED) {
        model->objects[page->object].words[page->index][word] = value;
        return;
    }
    for (uint32_t i = 0; i < WORDS; i++)
        page->words[i] = expected_word(model, page, i);
    page->words[word] = value;
    page->copied = true;
    page->lazy = false;
}

/* In the last page of a file, where nobody promises what becomes of a store. */
static inline bool
is_past_the_end(const struct model *model, const struct model_page *page, uint32_t word)
{
    const struct model_object *object = &model->objects[page->object];
    size_t at = page->index * PAGE_SIZE + word_offset(word);

    return page->flags & AREA_SHARED && page->index < pages_in_object(object) && at >= object->size;
}

/* Locking a private page, or bringing it in early, may copy it. */
static inline void
model_may_copy(const struct model *model, struct model_page *page)
{
    if (!page->mapped || page->copied || page->object == NO_OBJECT ||
        (page->flags & (AREA_SHARED | AREA_WRITE)) != AREA_WRITE ||
        page->index >= pages_in_object(&model->objects[page->object]))
        return;
    for (uint32_t word = 0; word < WORDS; word++)
        page->words[word] = backing_word(model, page, word);
    page->copied = page->lazy = true;
}

/* How an access must end, but for a shortage of memory and for the growth of a stack. */
static inline enum fault_result
expected_fault(const struct model *model, const struct model_page *page, bool write)
{
    if (!page->mapped)
        return FAULT_MAPERR;
    if (write ? !(page->flags & AREA_WRITE) : !(page->flags & AREA_PROT))
        return FAULT_ACCERR;
    if (page->object != NO_OBJECT && !page->copied &&
        page->index >= pages_in_object(&model->objects[page->object]))
        return FAULT_BUSERR;
    return FAULT_DONE;
}

/* ---- mappings ---- */

static inline void
model_unmap(struct model_page *page, uint32_t count)
{
    while (count--)
        *page++ = (struct model_page){.object = NO_OBJECT};
}

static inline void
model_map(struct model_page *page, uint32_t count, unsigned flags, uint8_t object, uint32_t index)
{
    for (; count--; page++)
        *page = (struct model_page){.mapped = true,
                                    .flags = (uint16_t)flags,
                                    .object = object,
                                    .index = (uint16_t)(object == NO_OBJECT ? 0 : index++)};
}

/* How many of the pages are mapped. */
static inline uint32_t
model_mapped(const struct model_page *page, uint32_t count)
{
    uint32_t mapped = 0;

    while (count--)
        mapped += page++->mapped;
    return mapped;
}

static inline void
model_fork(struct model_space *child, const struct model_space *parent)
{
    child->brk = parent->brk;
    for (uint32_t i = 0; i < SPACE_PAGES; i++) {
        struct model_page *page = &child->pages[i];

        *page = parent->pages[i];
        page->flags &= (uint16_t)~AREA_LOCKED;
        if (page->flags & AREA_DONTFORK)
            model_unmap(page, 1);
        if (page->flags & AREA_WIPEONFORK)
            page->copied = page->lazy = false;
    }
}

/* What is cut off an object is gone for all who map it, copies of their own too. */
static inline void
model_set_size(struct model *model, uint8_t number, uint32_t size)
{
    struct model_object *object = &model->objects[number];

    for (uint32_t i = 0; i < OBJECT_PAGES; i++)
        for (uint32_t word = 0; word < WORDS; word++)
            if (i * PAGE_SIZE + word_offset(word) >= size)
                object->words[i][word] = 0;
    object->size = size;
    for (uint32_t i = 0; i < MODEL_SPACES * SPACE_PAGES; i++) {
        struct model_page *page = &model->spaces[i / SPACE_PAGES].pages[i % SPACE_PAGES];

        if (page->object == number && page->index >= pages_in_object(object))
            page->copied = page->lazy = false;
    }
}

#endif
