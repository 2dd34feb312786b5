/* test_trace_ring.c - the rings of the trace and who reads them: that no event goes missing
 * unsaid. */
#include <string.h>

#include "../mm/trace_reader.h"
#include "../../mm/pmm_private.h"

/* ---- words ---- */

KTEST(trace_ring, lists_of_groups)
{
    static const struct {
        const char *list;
        bool good;
        uint32_t groups;
    } cases[] = {
        {"alloc", true, 1},      {"page", true, 2},       {"alloc,page", true, 3},
        {"page,alloc", true, 3}, {"irq", true, 0x100},    {"all", true, 0x1FF},
        {"off", true, 0},        {"fault,map", true, 48}, {"", false, 0},
        {"alloc,", false, 0},    {",alloc", false, 0},    {"allo", false, 0},
        {"allocs", false, 0},    {"alloc page", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        uint32_t groups = 77;
        CHECK_EQ(trace_parse(cases[i].list, &groups), cases[i].good);
        CHECK_EQ(groups, cases[i].good ? cases[i].groups : 77);
    }
    for (unsigned i = 0; trace_group_name(i); i++) {
        uint32_t groups;
        CHECK(trace_parse(trace_group_name(i), &groups));
        CHECK_EQ(groups, 1u << i);
    }
}

KTEST(trace_ring, header)
{
    struct trace_header header;
    if (!begin(ROOM, 5))
        return;
    trace_get_header(&header);
    trace_stop();
    CHECK_EQ(memcmp(header.magic, "OctTrace", 8), 0);
    CHECK_EQ(header.version, 1);
    CHECK_EQ(header.event_size, 32);
    CHECK_EQ(header.groups, 5);
    CHECK_EQ(header.word, sizeof(void *));
    CHECK_EQ(header.end_frame - header.first_frame, (uint64_t)mm_block_count * BLOCK_FRAMES);
}

/* ---- the ring ---- */

/* Whoever reads learns exactly how many he missed, and gets the newest that there is room for. */
KTEST(trace_ring, full_ring_counts_what_it_loses)
{
    static const unsigned counts[] = {1, RING - 1, RING, RING + 1, 3 * RING + 5};
    for (size_t c = 0; c < ARRAY_LENGTH(counts); c++) {
        struct trace_counts sums;
        if (!begin(ROOM, 0))
            return;
        take_all();
        CHECK_EQ(seen_count, 1); /* TRACE_CHOSEN */
        for (unsigned i = 0; i < counts[c]; i++)
            trace_record(TRACE_IRQ, 1000 + i, i, i, NULL);
        trace_get_counts(&sums);
        take_all();
        trace_stop();
        unsigned lost = counts[c] > RING ? counts[c] - RING : 0;
        CHECK_EQ(sums.lost, lost);
        CHECK_EQ(sums.recorded, counts[c] + 1);
        CHECK_EQ(sums.room, RING);
        CHECK_EQ(seen_count, counts[c] - lost + (lost > 0));
        if (lost) {
            CHECK_EQ(seen[0].type, TRACE_LOST);
            CHECK_EQ(seen[0].size, lost);
        }
        for (unsigned i = 0; i < counts[c] - lost; i++) {
            const struct trace_event *event = &seen[i + (lost > 0)];
            CHECK_EQ(event->size, lost + i);
            CHECK_EQ(event->address, 1000 + lost + i);
            CHECK_EQ(event->type, TRACE_IRQ);
        }
    }
}

/* What is read in pieces is what is read at once, and half an event is never given. */
KTEST(trace_ring, read_in_pieces)
{
    uint8_t bytes[3 * sizeof(struct trace_event) - 1];
    unsigned next = 0;
    size_t size;
    if (!begin(ROOM, 0))
        return;
    take_all();
    for (unsigned i = 0; i < 50; i++)
        trace_record(TRACE_IRQ, 0, i, 0, NULL);
    while ((size = trace_read(bytes, sizeof(bytes))) > 0) {
        CHECK(size <= 2 * sizeof(struct trace_event) && size % sizeof(struct trace_event) == 0);
        for (size_t at = 0; at < size; at += sizeof(struct trace_event)) {
            struct trace_event event;
            memcpy(&event, bytes + at, sizeof(event));
            CHECK_EQ(event.size, next++);
        }
    }
    trace_stop();
    CHECK_EQ(next, 50);
}

static size_t sunk;
static unsigned nested;

/* A sink that makes events itself, as an interrupt in the middle would. */
static void
sink(const void *bytes, size_t size)
{
    if (sunk == 0 && size == sizeof(struct trace_header))
        sunk = 1;
    else
        for (size_t at = 0; at < size && seen_count < MOST; at += sizeof(*seen))
            memcpy(&seen[seen_count++], (const char *)bytes + at, sizeof(*seen));
    if (nested > 0 && sunk) {
        nested--;
        trace_record(TRACE_IRQ, 0, 7, 0, NULL);
    }
}

KTEST(trace_ring, sink_takes_everything_at_once)
{
    const struct trace_setup setup = {.bytes = ROOM, .sink = sink};
    struct trace_counts sums;
    sunk = nested = 0;
    if (!begin_with(&setup, 0))
        return;
    CHECK_EQ(seen_count, 1);
    seen_count = 0;
    nested = 3;
    for (unsigned i = 0; i < 2 * RING; i++)
        trace_record(TRACE_IRQ, 0, 100 + i, 0, NULL);
    trace_get_counts(&sums);
    trace_stop();
    CHECK_EQ(sunk, 1);
    CHECK_EQ(sums.lost, 0);
    CHECK_EQ(seen_count, 2 * RING + 3);
    CHECK_EQ(seen[0].size, 100);
    for (unsigned i = 1; i <= 3; i++)
        CHECK_EQ(seen[i].size, 7);
    CHECK_EQ(seen[seen_count - 1].size, 100 + 2 * RING - 1);
}

static uint64_t ticks;

static uint64_t
stamp(void)
{
    return ticks += 10;
}

static uint64_t
uptime(void)
{
    return ticks * 1000;
}

/* A reader learns how fast the stamps count, again and again. */
KTEST(trace_ring, clock_is_told)
{
    const struct trace_setup setup = {.bytes = 2 * ROOM, .stamp = stamp, .uptime = uptime};
    if (!begin_with(&setup, 0))
        return;
    for (unsigned i = 0; i < 200; i++)
        trace_record(TRACE_IRQ, 0, i, 0, NULL);
    look_for(TRACE_CLOCK);
    trace_stop();
    CHECK(seen_count >= 3);
    for (size_t i = 0; i < seen_count; i++)
        CHECK_EQ(seen[i].address, seen[i].time * 1000);
}

/* No memory for the rings: nothing has happened. */
KTEST(trace_ring, start_without_memory)
{
    const struct trace_setup setup = {.bytes = ROOM};
    if (!begin(ROOM, 0))
        return;
    trace_stop();
    unsigned long free = settled_frames();
    (void)mm_fail_nth(1);
    bool started = trace_start(&setup);
    (void)mm_fail_nth(0);
    CHECK(!started);
    CHECK(!trace_started());
    CHECK_EQ(settled_frames(), free);
    CHECK(begin(ROOM, 0));
    trace_stop();
    CHECK_EQ(settled_frames(), free);
}
