/* pages.c - who has each frame, who had it, and whether anybody wrote to it in between.
 *
 *   notes:  | allocated, freed | allocated, freed | ...   two stacks for each frame (stacks.c)
 *
 * debug=pages keeps the stack of the calls that allocated a frame last, and of those that freed it
 * last. debug=poison also fills a frame with POISON_PAGE when it is freed, and checks every byte
 * when it is handed out next: a write after free is reported with both stacks. A frame that was not
 * freed yet since the start is not filled and not checked; a bit of its note says so. mm_check
 * looks at all free frames.
 *
 * Frames that go from the free lists to their owner by a way of its own (a CPU's first memory, the
 * test of memory) are not noted.
 *
 * Cost: 8 bytes a frame, from the boot map. The CPUs keep no frames then: every page goes through
 * the buddy, with a saved stack, and a fill and a check of 4 KiB with debug=poison.
 *
 * Lock: none. A note belongs to whoever allocates or frees its frame.
 */
#include <string.h>
#include "../pmm_private.h"
#include "buddy.h"
#include "debug_private.h"
#include "kasan.h"
#include "page.h"

#define FILLED 0x80000000u /* in `freed`: the frame was filled when it was freed */

struct note {
    uint32_t allocated;
    uint32_t freed;
};

static struct note *notes; /* NULL: off */

void
pages_start(struct bootmem *boot)
{
    uint64_t bytes = ((uint64_t)mm_block_count << MAX_ORDER) * sizeof(struct note);
    notes = NULL;
    if (!debug_on(DEBUG_PAGES))
        return;
    paddr_t taken = bootmem_take(boot, bytes, PAGE_SIZE, direct_end(), MEMMAP_METADATA);
    if (!taken) {
        klog("debug: no memory for who has each frame (%llu KiB)\n",
             (unsigned long long)bytes >> 10);
        mm_debug &= ~(unsigned)(DEBUG_PAGES | DEBUG_POISON);
        return;
    }
    notes = frame_to_ptr(paddr_to_pfn(taken));
    memset(notes, 0, (size_t)bytes);
}

static struct note *
note_of(pfn_t frame)
{
    return &notes[frame.n - FRAME_BASE];
}

/* ---- Reports ---- */

static void
print_story(struct printer *out, pfn_t frame)
{
    const struct note *note = note_of(frame);
    stack_print(out, "allocated by", note->allocated, NULL);
    stack_print(out, "freed by", note->freed & ~FILLED, NULL);
}

void
debug_print_frame(struct printer *out, pfn_t frame)
{
    if (notes)
        print_story(out, frame);
}

static void
say_written(pfn_t frame, const unsigned char *page, const unsigned char *at)
{
    uintptr_t address = (uintptr_t)frame_to_ptr(frame);
    struct drawing drawing = {.start = page,
                              .end = page + PAGE_SIZE,
                              .object = page,
                              .object_end = page + PAGE_SIZE,
                              .at = at,
                              .address = address ? address : (uintptr_t)page,
                              .where = "in a frame that is free"};
    klog("page: write after free: frame %#lx, byte %#lx is not 0x%02x\n", frame.n,
         (unsigned long)(at - page), POISON_PAGE);
    debug_draw(&klog_printer, &drawing);
    print_story(&klog_printer, frame);
}

/* The first byte of a filled frame that was written to; NULL when there is none. */
static const unsigned char *
broken_byte(const unsigned char *page)
{
    return debug_first_other(page, page + PAGE_SIZE, POISON_PAGE);
}

/* False after a report. */
static bool
check_filled(pfn_t frame, const unsigned char **wrong)
{
    unsigned char *page = frame_map(frame);
    const unsigned char *at = broken_byte(page);
    if (at) {
        say_written(frame, page, at);
        *wrong = frame_to_ptr(frame) ? at : NULL;
    }
    frame_unmap(frame, page);
    return !at;
}

/* ---- Life of a frame ---- */

void
debug_frames_allocated(pfn_t head, size_t count, const void *caller)
{
    uint32_t stack = stack_save(caller);
    for (pfn_t frame = head; frame.n < head.n + count; frame.n++) {
        struct note *note = note_of(frame);
        const unsigned char *wrong = NULL;
        if (note->freed & FILLED && !check_filled(frame, &wrong)) {
            debug_print_who(&klog_printer, "found by", caller);
            debug_say_how(wrong, caller);
            kpanic("page: write after free: frame %#lx", frame.n);
        }
        note->freed &= ~FILLED;
        note->allocated = stack;
        if (frame_to_ptr(frame))
            kasan_allow(frame_to_ptr(frame), PAGE_SIZE);
    }
}

static void
fill(pfn_t frame)
{
    void *page = frame_map(frame);
    memset(page, POISON_PAGE, PAGE_SIZE);
    frame_unmap(frame, page);
}

void
debug_frames_freed(pfn_t head, size_t count, const void *caller)
{
    uint32_t stack = stack_save(caller);
    bool poison = debug_on(DEBUG_POISON);
    for (pfn_t frame = head; frame.n < head.n + count; frame.n++) {
        if (poison)
            fill(frame);
        note_of(frame)->freed = stack | (poison ? FILLED : 0);
        kasan_forbid_frames(frame_to_ptr(frame), PAGE_SIZE);
    }
}

void
debug_bad_free(pfn_t frame, const char *what, const void *caller)
{
    if (!notes)
        return;
    klog("page: %s: frame %#lx\n", what, frame.n);
    print_story(&klog_printer, frame);
    debug_print_who(&klog_printer, "found by", caller);
    debug_say_how(NULL, caller);
}

/* ---- Looking ---- */

/* A frame that is filled, and was not handed out behind our back. */
static bool
is_filled_free(pfn_t frame)
{
    return note_of(frame)->freed & FILLED && frame_of(frame)->owner == FRAME_NONE &&
           buddy_is_free(pmm_zone_of(frame), frame, 1);
}

bool
debug_pages_check(void)
{
    const unsigned char *wrong;
    for (uint32_t b = 0; notes && b < mm_block_count; b++)
        for (unsigned long i = 0; mm_blocks[b].open && i < BLOCK_FRAMES; i++) {
            pfn_t frame = pfn(FRAME_BASE + ((unsigned long)b << MAX_ORDER) + i);
            if (is_filled_free(frame) && !check_filled(frame, &wrong))
                return false;
        }
    return true;
}
