/* trace_state.c - what was there when a trace began.
 *
 * Who replays a trace has to know who owned each frame before its first event, and what the numbers
 * of caches mean. Both are told as events of their own. Frames come as runs:
 *
 *     frame table   K K K K H H . . . . . . S S S P P . . .
 *     events        kernel 4, heap 2, free 6, slab 3, program 2, free 3
 *
 * A block that is closed is free as a whole, or has no RAM and is left out; so the number of events
 * is that of the runs, not of the frames. Frames of the allocator's stacks count as free.
 *
 * Cost: about ten instructions a frame of the open blocks, once.
 */
#include "../percpu.h"
#include "../pmm_private.h"
#include "../slab_private.h"
#include "../trace_private.h"

unsigned long
trace_end_frame(void)
{
    return FRAME_BASE + ((unsigned long)mm_block_count << MAX_ORDER);
}

struct run {
    unsigned long first, end; /* from FRAME_BASE on */
    unsigned owner;
};

static void
tell(const struct run *run)
{
    if (run->first != run->end && run->owner != FRAME_FIRMWARE)
        trace_record(TRACE_FRAMES, pfn_to_paddr(pfn(run->first + FRAME_BASE)),
                     run->end - run->first, run->owner, NULL);
}

/* The run goes on with these frames, or is told and another begins. */
static void
go_on(struct run *run, unsigned long first, unsigned long count, unsigned owner)
{
    if (owner == FRAME_CACHED)
        owner = FRAME_NONE;
    if (first != run->end || owner != run->owner) {
        tell(run);
        *run = (struct run){first, first, owner};
    }
    run->end += count;
}

/* Returns how many frames it went past: those of one descriptor, or a closed block. */
static unsigned long
look_at(struct run *run, unsigned long index)
{
    const struct block *block = &mm_blocks[index >> MAX_ORDER];
    if (!block->open) {
        go_on(run, index, BLOCK_FRAMES, block->levels ? FRAME_NONE : FRAME_FIRMWARE);
        return BLOCK_FRAMES;
    }
    const struct frame *frame = &FRAME_TABLE[index];
    unsigned long count = frame_extent(frame);
    go_on(run, index, count, frame->owner);
    return count;
}

void
trace_all_frames(void)
{
    unsigned long end = (unsigned long)mm_block_count << MAX_ORDER;
    struct run run = {0, 0, FRAME_FIRMWARE};
    for (unsigned long index = 0; index < end;)
        index += look_at(&run, index);
    tell(&run);
}

void
trace_all_caches(void)
{
    for (const struct kmem_cache *cache = slab_caches; cache; cache = cache->next)
        trace_record(TRACE_CACHE, (uintptr_t)cache->name, cache->size, cache->number, NULL);
}
