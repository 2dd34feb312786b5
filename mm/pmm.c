/* pmm.c - frames of physical memory: a stack for each CPU, the zones' buddies behind them.
 *
 *   pmm_alloc_page ──► this CPU's stack ──► zone HIGH ──► zone NORMAL ──► zone DMA
 *                          (no lock)            (one lock for a batch)
 *
 * A frame's descriptor tells its state at any time: FRAME_NONE in the buddy, FRAME_CACHED on a
 * stack, anything from FRAME_ALLOCATED on in somebody's hands. Every free looks at it first, so
 * a frame that is freed twice, or was never handed out, or has another size, is always caught.
 *
 * Before an allocation fails, the stacks of this CPU go back to the buddy, where they may merge,
 * and the search starts again; then those of the other CPUs (drain.c): no "out of memory" while a
 * CPU sits on what is asked for. Then others are asked to do without something (reclaim.h), and it
 * starts once more.
 *
 * Locks: a zone's lock, for the buddy alone. The stacks are the CPU's own (percpu.h).
 */
#include <string.h>
#include "bits.h"
#include "buddy.h"
#include "debug/debug_private.h"
#include "percpu.h"
#include "pmm.h"
#include "pmm_fast.h"
#include "pmm_private.h"
#include "slab_private.h"
#include "trace.h"

struct zone mm_zones[ZONE_COUNT];
struct block *mm_blocks;
uint32_t mm_block_count;
uintptr_t mm_direct_bytes;
struct mm_cpu *mm_cpus[CPU_MAX];
unsigned long (*pmm_reclaim)(unsigned long frames);

/* Which zone pmm_best has for these flags. */
static uint8_t first_zone[PMM_ZONES + 1];
struct best_zone pmm_best[PMM_ZONES + 1];

void
pmm_choose_zones(void)
{
    for (unsigned flags = 0; flags <= PMM_ZONES; flags++) {
        unsigned zone = flags & PMM_DMA ? ZONE_DMA : flags & PMM_DIRECT ? ZONE_NORMAL : ZONE_HIGH;
        while (zone > ZONE_DMA && !mm_zones[zone].count)
            zone--; /* one that has blocks may get its first frame later (pmm_adopt) */
        first_zone[flags] = (uint8_t)zone;
        const struct zone *best = &mm_zones[zone];
        pmm_best[flags] = (struct best_zone){.first = best->base,
                                             .count = (unsigned long)best->count << MAX_ORDER,
                                             .frames = frame_of(pfn(best->base)),
                                             .row = first_zone[0] - zone};
    }
    pmm_watch(false);
}

/* Somebody wants to hear of each chunk of frames: the trace; it, or the frames' debugging aid. */
static bool traced, watched;

void
pmm_watch(bool on)
{
    traced = on;
    watched = on || debug_on(DEBUG_PAGES);
    for (unsigned i = 0; i < CPU_MAX; i++)
        if (mm_cpus[i])
            pmm_set_limits(mm_cpus[i]);
}

struct zone *
pmm_zone_of(pfn_t frame)
{
    if ((frame.n - FRAME_BASE) >> MAX_ORDER >= mm_block_count)
        return NULL;
    unsigned zone = mm_blocks[(frame.n - FRAME_BASE) >> MAX_ORDER].zone;
    return zone < ZONE_COUNT ? &mm_zones[zone] : NULL;
}

static inline void
mark_allocated(struct frame *frame, size_t count)
{
    *frame = (struct frame){.owner = FRAME_ALLOCATED, .count = (uint32_t)count};
}

/* ---- Stacks ---- */

struct frame_stack *
pmm_stack(struct mm_cpu *cpu, unsigned zone, unsigned stack)
{
    return zone > first_zone[0] ? NULL : &cpu->stacks[first_zone[0] - zone][stack];
}

/* Takes chunks that came last off a stack, `most` at most, as far as they lie in PCP_WORDS words.
 * Returns how many words these are. Before the lock is taken: the cost is in the descriptors. */
static unsigned
stack_gather(struct frame *frames, struct frame_stack *stack, unsigned order, uint32_t most,
             struct buddy_word *words)
{
    const uint32_t *chunk = &stack->frames[stack->count], *end = chunk - most;
    uint32_t ones = (1u << (1u << order)) - 1, last = ~chunk[-1];
    struct buddy_word *word = words;
    for (; chunk > end; chunk--) {
        uint32_t number = chunk[-1];
        if ((number ^ last) >= WORD_PAGES) {
            if (word == words + PCP_WORDS)
                break;
            *word++ = (struct buddy_word){.first = number & ~(WORD_PAGES - 1)};
            last = number;
        }
        word[-1].pages |= ones << (number & (WORD_PAGES - 1));
        word[-1].count += 1u << order;
        frames[number] = (struct frame){.owner = FRAME_NONE};
    }
    stack->count = (uint32_t)(chunk - stack->frames);
    return (unsigned)(word - words);
}

/* The same for chunks that are larger than a word, all of them. */
static void
stack_flush_large(struct zone *zone, struct frame_stack *stack, unsigned order, uint32_t most)
{
    for (; most > 0; most--) {
        pfn_t chunk = pfn(zone_origin(zone) + stack->frames[--stack->count]);
        unsigned long flags = spin_lock(&zone->lock);
        *frame_of(chunk) = (struct frame){.owner = FRAME_NONE};
        buddy_free(zone, chunk, order);
        spin_unlock(&zone->lock, flags);
    }
}

/* Puts chunks that came last back into the buddy, `most` at most. Claimed by the caller. */
static void
stack_flush(struct zone *zone, struct frame_stack *stack, unsigned order, uint32_t most)
{
    struct buddy_word words[PCP_WORDS];
    if (order >= MANY_ORDERS)
        return stack_flush_large(zone, stack, order, most);
    unsigned count = stack_gather(frame_of(pfn(zone_origin(zone))), stack, order, most, words);
    unsigned long flags = spin_lock(&zone->lock);
    buddy_free_words(zone, words, count, order);
    spin_unlock(&zone->lock, flags);
}

/* How many chunks a full stack gives at once: a batch, or half of a small stack. */
static uint32_t
flush_of(const struct frame_stack *stack)
{
    return stack->limit < 2 * PCP_BATCH ? (stack->limit + 1) / 2 : PCP_BATCH;
}

static inline void
mark_cached(struct frame *frames, const uint32_t *chunks, uint32_t count, unsigned order)
{
    if (order > 0)
        for (uint32_t i = 0; i < count; i++)
            frames[chunks[i]].count = 1u << order;
#pragma GCC unroll 4
    for (uint32_t i = 0; i < count; i++)
        frames[chunks[i]].owner = FRAME_CACHED;
}

/* Brings a batch of chunks from the buddy to an empty stack. False when there is none. */
static bool
stack_refill(struct zone *zone, struct frame_stack *stack, unsigned order)
{
    uint32_t most = 2 * PCP_BATCH >> order; /* a word, and what is thin */
    struct frame *frames = frame_of(pfn(zone_origin(zone)));
    unsigned long flags = spin_lock(&zone->lock);
    if (order < MANY_ORDERS) {
        stack->count = buddy_alloc_many(zone, order, stack->frames,
                                        most < stack->limit ? most : stack->limit);
    } else {
        pfn_t chunk = buddy_alloc(zone, order);
        if (chunk.n)
            stack->frames[stack->count++] = (uint32_t)(chunk.n - zone_origin(zone));
    }
    spin_unlock(&zone->lock, flags);
    mark_cached(frames, stack->frames, stack->count, order);
    return stack->count > 0;
}

static void
drain(struct mm_cpu *cpu)
{
    for (unsigned zone = 0; zone <= first_zone[0]; zone++)
        for (unsigned i = 0; i < PCP_STACKS; i++)
            for (struct frame_stack *stack = pmm_stack(cpu, zone, i); stack->count;)
                stack_flush(&mm_zones[zone], stack, pcp_order(i),
                            stack->count < PCP_BATCH ? stack->count : PCP_BATCH);
}

__attribute__((no_sanitize("thread"))) bool
pmm_keeps_frames(const struct mm_cpu *cpu)
{
    uint32_t chunks = 0;
    for (unsigned zone = 0; zone <= first_zone[0]; zone++)
        for (unsigned i = 0; i < PCP_STACKS; i++)
            chunks |= cpu->stacks[zone][i].count;
    return chunks > 0;
}

bool
pmm_drain_of(struct mm_cpu *cpu, void *unused)
{
    (void)unused;
    if (!cpu_claim(&cpu->frames_busy))
        return false;
    drain(cpu);
    cpu_release(&cpu->frames_busy);
    return true;
}

bool
pmm_drain_cpu(void)
{
    struct mm_cpu *cpu = mm_this_cpu();
    return pmm_keeps_frames(cpu) && pmm_drain_of(cpu, NULL);
}

void
pmm_set_limits(struct mm_cpu *cpu)
{
    bool closed = traced || cpu->fail_in;
    unsigned long flags = interrupts_disable();
    drain(cpu);
    for (unsigned zone = 0; zone <= first_zone[0]; zone++)
        for (unsigned i = 0; i < PCP_STACKS; i++) {
            struct frame_stack *stack = pmm_stack(cpu, zone, i);
            stack->limit = closed ? 0 : stack->places;
        }
    interrupts_restore(flags);
}

size_t
pmm_cpu_words(void)
{
    size_t words = 0;
    for (unsigned zone = 0; zone < ZONE_COUNT; zone++)
        for (unsigned i = 0; i < PCP_STACKS; i++)
            words += pmm_stack_limit(zone, i);
    return words;
}

/* A stack may keep 1/64 of its zone: 1024 single frames, 32 chunks of up to 8, 8 of 16, 2 of 512;
 * one chunk where that is a quarter of the zone at most; none when each frame is looked at. */
uint32_t
pmm_stack_limit(unsigned zone, unsigned stack)
{
    static const uint16_t most[PCP_STACKS] = {1024, 32, 32, 32, 8, 2};
    if (debug_on(DEBUG_PAGES))
        return 0;
    unsigned long chunks = mm_zones[zone].managed >> pcp_order(stack);
    unsigned long share = chunks >= 4 && chunks < 64 ? 1 : chunks / 64;
    return (uint32_t)(share < most[stack] ? share : most[stack]);
}

void
pmm_cpu_init(struct mm_cpu *cpu)
{
    uint32_t *words = cpu->singles;
    for (unsigned zone = first_zone[0] + 1u; zone-- > 0;)
        for (unsigned i = 0; i < PCP_STACKS; i++) {
            uint32_t places = pmm_stack_limit(zone, i);
            *pmm_stack(cpu, zone, i) = (struct frame_stack){.places = places, .frames = words};
            words += places;
        }
    pmm_set_limits(cpu);
}

/* ---- Allocation ---- */

/* From this zone's buddy, past the stacks. Frame 0 when it has none. */
static pfn_t
zone_alloc(struct zone *zone, size_t count)
{
    unsigned long flags = spin_lock(&zone->lock);
    pfn_t head = buddy_alloc_count(zone, count);
    spin_unlock(&zone->lock, flags);
    if (head.n)
        mark_allocated(frame_of(head), count);
    return head;
}

static __attribute__((cold, noinline)) void
trace_page(enum trace_type type, pfn_t head, size_t count, const void *caller)
{
    if (trace_on(type))
        trace_record(type, pfn_to_paddr(head), count, pmm_zone_of(head)->id, caller);
}

static __attribute__((cold, noinline)) void
tell_allocated(pfn_t head, size_t count, const void *caller)
{
    trace_page(TRACE_PAGE_ALLOC, head, count, caller);
    if (debug_on(DEBUG_PAGES))
        debug_frames_allocated(head, count, caller);
}

static __attribute__((cold, noinline)) void
tell_freed(paddr_t first, size_t count, const void *caller)
{
    trace_page(TRACE_PAGE_FREE, paddr_to_pfn(first), count, caller);
    if (debug_on(DEBUG_PAGES))
        debug_frames_freed(paddr_to_pfn(first), count, caller);
}

paddr_t
pmm_alloc_spare(size_t count)
{
    pfn_t head = pfn(0);
    for (int zone = first_zone[PMM_DIRECT]; zone >= 0 && !head.n; zone--)
        head = zone_alloc(&mm_zones[zone], count);
    if (head.n)
        trace_page(TRACE_PAGE_ALLOC, head, count, __builtin_return_address(0));
    return pfn_to_paddr(head);
}

/* Pops a chunk, after a refill if need be. Claimed by the caller. */
static pfn_t
stack_alloc(struct zone *zone, struct frame_stack *stack, unsigned order)
{
    if (!stack->count && (!stack->limit || !stack_refill(zone, stack, order)))
        return pfn(0);
    pfn_t head = pfn(zone_origin(zone) + stack->frames[--stack->count]);
    mark_allocated(frame_of(head), (size_t)1 << order);
    return head;
}

/* From one zone. A stack that finds nothing has asked the buddy. */
static pfn_t
try_zone(struct mm_cpu *cpu, unsigned zone, size_t count)
{
    unsigned kind = pmm_stack_for(count);
    if (kind != PCP_NONE && cpu_claim(&cpu->frames_busy)) {
        struct frame_stack *stack = pmm_stack(cpu, zone, kind);
        bool in_use = stack->limit > 0;
        pfn_t head = stack_alloc(&mm_zones[zone], stack, pcp_order(kind));
        cpu_release(&cpu->frames_busy);
        if (head.n || in_use)
            return head;
    }
    return zone_alloc(&mm_zones[zone], count);
}

/* One pass over the zones that will do, best first. */
static pfn_t
try_zones(struct mm_cpu *cpu, size_t count, unsigned flags)
{
    pfn_t head = pfn(0);
    for (int zone = first_zone[flags & PMM_ZONES]; zone >= 0 && !head.n; zone--)
        head = try_zone(cpu, (unsigned)zone, count);
    return head;
}

/* The search once more when this CPU keeps nothing back, when no other does, and again as long as
 * others can do without something: a few frames first, then more, since what comes back may be in
 * pieces, or in a zone that does not do. */
static pfn_t
try_harder(struct mm_cpu *cpu, size_t count, unsigned flags)
{
    pfn_t head = pfn(0);
    bool some = slab_reap_cpu() > 0;
    if (pmm_drain_cpu() || some)
        head = try_zones(cpu, count, flags);
    if (!head.n && pmm_drain_others())
        head = try_zones(cpu, count, flags);
    if (!pmm_reclaim || !cpu_interruptible() || count > BLOCK_FRAMES)
        return head;
    for (size_t wanted = count; !head.n && pmm_reclaim(wanted); wanted *= 2) {
        pmm_drain_cpu();
        pmm_drain_others();
        head = try_zones(cpu, count, flags);
    }
    return head;
}

/* (To hand on where the callers below were called from would cost the short ways a stack frame.) */
static JUMPED_TO paddr_t
alloc_slow(size_t count, unsigned flags)
{
    struct mm_cpu *cpu = mm_this_cpu();
    if (count == 0 || mm_fail_now(cpu))
        return 0;
    if (flags & PMM_ZERO)
        flags |= PMM_DIRECT;
    pfn_t head = try_zones(cpu, count, flags);
    if (!head.n)
        head = try_harder(cpu, count, flags);
    if (!head.n)
        return 0;
    if (UNLIKELY(watched))
        tell_allocated(head, count, __builtin_return_address(0));
    if (flags & PMM_ZERO)
        memset(frame_to_ptr(head), 0, count << PAGE_SHIFT);
    return pfn_to_paddr(head);
}

paddr_t
pmm_alloc_page(void)
{
    pfn_t frame;
    return LIKELY(pmm_take_ready(&frame)) ? pfn_to_paddr(frame) : alloc_slow(1, 0);
}

paddr_t
pmm_alloc_page_flags(unsigned flags)
{
    return flags ? pmm_alloc_pages_flags(1, flags) : pmm_alloc_page();
}

paddr_t
pmm_alloc_pages(size_t count)
{
    pfn_t head;
    if (LIKELY(pmm_take_chunk(pmm_best, 0, count, &head)))
        return pfn_to_paddr(head);
    return alloc_slow(count, 0);
}

paddr_t
pmm_alloc_pages_flags(size_t count, unsigned flags)
{
    pfn_t head;
    if (LIKELY(!(flags & PMM_ZERO)) &&
        LIKELY(pmm_take_chunk(&pmm_best[flags], pmm_best[flags].row, count, &head)))
        return pfn_to_paddr(head);
    return alloc_slow(count, flags);
}

paddr_t
pmm_alloc_pages_aligned(size_t count, unsigned order, unsigned flags)
{
    if (count == 0)
        return 0;
    const void *caller = __builtin_return_address(0);
    if (order <= log2_up(count))
        return pmm_alloc_pages_flags(count, flags);
    paddr_t first = alloc_slow((size_t)1 << order, flags);
    if (!first)
        return 0;
    pfn_t head = paddr_to_pfn(first), rest = pfn(head.n + count);
    size_t rest_count = ((size_t)1 << order) - count;
    struct zone *zone = pmm_zone_of(head);
    frame_of(head)->count = (uint32_t)count;
    if (UNLIKELY(watched))
        tell_freed(pfn_to_paddr(rest), rest_count, caller);
    unsigned long state = spin_lock(&zone->lock);
    buddy_free_range(zone, rest, rest_count);
    spin_unlock(&zone->lock, state);
    return first;
}

/* ---- Free ---- */

/* The panic's backtrace names the caller. */
static _Noreturn __attribute__((noinline)) void
report_bad_free(paddr_t first, size_t count, const void *caller)
{
    const struct zone *zone = pmm_zone_of(paddr_to_pfn(first));
    if (!zone || first & PAGE_MASK)
        kpanic("pmm: free of %#llx: no frame of ours", (unsigned long long)first);
    const struct block *block = &mm_blocks[(paddr_to_pfn(first).n - FRAME_BASE) >> MAX_ORDER];
    const struct frame *frame = frame_of(paddr_to_pfn(first));
    unsigned long extent = frame_is_page(frame->owner) ? frame->count : frame_extent(frame);
    bool is_free = !block->open || frame->owner <= FRAME_CACHED;
    debug_bad_free(paddr_to_pfn(first), is_free ? "double free" : "bad free", caller);
    if (is_free)
        kpanic("pmm: double free of frame %#lx (%zu frames): it is free, or inside an allocation",
               paddr_to_pfn(first).n, count);
    kpanic("pmm: free of frame %#lx as %zu frames: it is %lu frames of '%s'", paddr_to_pfn(first).n,
           count, extent, frame_owner_name(frame->owner));
}

/* The descriptor of an allocation that may be freed with this count; NULL for anything else. */
static inline struct frame *
checked_frame(paddr_t first, size_t count)
{
    unsigned long index = paddr_to_pfn(first).n - FRAME_BASE;
    if (UNLIKELY(index >> MAX_ORDER >= mm_block_count || first & PAGE_MASK))
        return NULL;
    struct frame *frame = &FRAME_TABLE[index];
    return LIKELY(frame->owner >= FRAME_ALLOCATED && frame->count == count) ? frame : NULL;
}

/* To the buddy, past the stacks. */
static void
zone_free(struct zone *zone, pfn_t head, size_t count)
{
    unsigned long flags = spin_lock(&zone->lock);
    *frame_of(head) = (struct frame){.owner = FRAME_NONE};
    if (count <= BLOCK_FRAMES && !(count & (count - 1)))
        buddy_free(zone, head, (unsigned)__builtin_ctzl(count));
    else
        buddy_free_range(zone, head, count);
    spin_unlock(&zone->lock, flags);
}

/* `head` may be freed. */
static inline void
free_to_stack(pfn_t head, size_t count)
{
    struct mm_cpu *cpu = mm_this_cpu();
    struct zone *zone = &mm_zones[mm_blocks[(head.n - FRAME_BASE) >> MAX_ORDER].zone];
    unsigned kind = pmm_stack_for(count);
    if (kind == PCP_NONE || UNLIKELY(!cpu_claim(&cpu->frames_busy)))
        return zone_free(zone, head, count);
    struct frame_stack *stack = pmm_stack(cpu, zone->id, kind);
    if (UNLIKELY(stack->count >= stack->limit)) {
        if (!stack->limit) {
            cpu_release(&cpu->frames_busy);
            return zone_free(zone, head, count);
        }
        stack_flush(zone, stack, pcp_order(kind), flush_of(stack));
    }
    *frame_of(head) = (struct frame){.owner = FRAME_CACHED,
                                     .count = (uint32_t)(count > 1 ? count : 0)};
    stack->frames[stack->count++] = (uint32_t)(head.n - zone_origin(zone));
    cpu_release(&cpu->frames_busy);
}

static JUMPED_TO void
free_slow(paddr_t first, size_t count)
{
    if (UNLIKELY(!checked_frame(first, count)))
        report_bad_free(first, count, __builtin_return_address(0));
    if (UNLIKELY(watched))
        tell_freed(first, count, __builtin_return_address(0));
    free_to_stack(paddr_to_pfn(first), count);
}

/* Of the frame with this number. */
static JUMPED_TO void
free_single(unsigned long number)
{
    free_slow(pfn_to_paddr(pfn(number + pmm_origin(pmm_best))), 1);
}

/* Of the kernel's own memory, where high memory is the best for others. */
static JUMPED_TO void
free_direct(paddr_t first, size_t count)
{
    const struct best_zone *zone = &pmm_best[PMM_DIRECT];
    bool tried = zone->row == 0; /* it is the best of all */
    if (tried || UNLIKELY((uint32_t)first & PAGE_MASK) ||
        UNLIKELY(!pmm_keep_chunk(zone, zone->row, paddr_to_pfn(first), count)))
        free_slow(first, count);
}

void
pmm_free_pages(paddr_t first, size_t count)
{
    if (UNLIKELY((uint32_t)first & PAGE_MASK) ||
        UNLIKELY(!pmm_keep_chunk(pmm_best, 0, paddr_to_pfn(first), count)))
        free_direct(first, count);
}

void
pmm_free_page(paddr_t page)
{
    if (UNLIKELY((uint32_t)page & PAGE_MASK))
        return free_slow(page, 1);
    unsigned long number = same_number(paddr_to_pfn(page).n - pmm_origin(pmm_best));
    if (UNLIKELY(!pmm_keep_ready(number)))
        free_single(number);
}

bool
pmm_frame_known(pfn_t frame)
{
    unsigned long index = frame.n - FRAME_BASE;
    return index >> MAX_ORDER < mm_block_count && mm_blocks[index >> MAX_ORDER].open &&
           frame_of(frame)->owner != FRAME_FIRMWARE;
}

void
pmm_adopt(pfn_t frame)
{
    struct zone *zone = pmm_zone_of(frame);
    struct frame *descriptor = frame_of(frame);
    ASSERT(descriptor->owner > FRAME_FIRMWARE && descriptor->owner < FRAME_SLAB);
    unsigned long flags = spin_lock(&zone->lock);
    mm_blocks[(frame.n - FRAME_BASE) >> MAX_ORDER].frames++;
    zone->managed++;
    mark_allocated(descriptor, 1);
    spin_unlock(&zone->lock, flags);
}

/* ---- Tests of memory ---- */

/* Takes the chunk out of the zone in which `index` is; all of it becomes single allocations. */
static unsigned long
take_free_of(uint32_t index, pfn_t *first, unsigned long most)
{
    struct zone *zone = &mm_zones[mm_blocks[index].zone];
    unsigned long flags = spin_lock(&zone->lock);
    uint32_t of_zone = index - (uint32_t)((zone->base - FRAME_BASE) >> MAX_ORDER);
    unsigned long count = buddy_take_from(zone, of_zone, first, most);
    for (unsigned long i = 0; i < count; i++)
        mark_allocated(frame_of(pfn(first->n + i)), 1);
    spin_unlock(&zone->lock, flags);
    if (count)
        trace_page(TRACE_PAGE_ALLOC, *first, count, __builtin_return_address(0));
    return count;
}

unsigned long
pmm_take_free(pfn_t *first, unsigned long most)
{
    *first = pfn(first->n > FRAME_BASE ? first->n : FRAME_BASE);
    for (;;) {
        uint32_t index = (uint32_t)((first->n - FRAME_BASE) >> MAX_ORDER);
        if (index >= mm_block_count)
            return 0;
        unsigned long count = mm_blocks[index].levels ? take_free_of(index, first, most) : 0;
        if (count)
            return count;
        *first = pfn(FRAME_BASE + ((unsigned long)(index + 1) << MAX_ORDER));
    }
}

void
pmm_retire(pfn_t frame)
{
    struct zone *zone = pmm_zone_of(frame);
    struct frame *descriptor = frame_of(frame);
    unsigned long flags = spin_lock(&zone->lock);
    ASSERT(descriptor->owner >= FRAME_ALLOCATED && descriptor->count == 1);
    *descriptor = (struct frame){.owner = FRAME_BAD};
    trace(TRACE_PAGE_OWNER, pfn_to_paddr(frame), 1, FRAME_BAD, __builtin_return_address(0));
    mm_blocks[(frame.n - FRAME_BASE) >> MAX_ORDER].frames--;
    zone->managed--;
    spin_unlock(&zone->lock, flags);
}

/* ---- Counts ---- */

__attribute__((no_sanitize("thread"))) unsigned long
pmm_cached_frames(unsigned zone)
{
    unsigned long frames = 0;
    for (unsigned i = 0; i < CPU_MAX; i++)
        for (unsigned s = 0; mm_cpus[i] && zone <= first_zone[0] && s < PCP_STACKS; s++)
            frames += (unsigned long)pmm_stack(mm_cpus[i], zone, s)->count << pcp_order(s);
    return frames;
}

__attribute__((no_sanitize("thread"))) unsigned long
pmm_free_frames(void)
{
    unsigned long frames = 0;
    for (unsigned zone = 0; zone < ZONE_COUNT; zone++)
        frames += mm_zones[zone].free + pmm_cached_frames(zone);
    return frames;
}

unsigned long
pmm_managed_frames(void)
{
    unsigned long frames = 0;
    for (unsigned zone = 0; zone < ZONE_COUNT; zone++)
        frames += mm_zones[zone].managed;
    return frames;
}

unsigned long
pmm_high_frames(unsigned long *free)
{
    *free = mm_zones[ZONE_HIGH].free;
    return mm_zones[ZONE_HIGH].managed;
}
