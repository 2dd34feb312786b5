/* trace.c - the rings of the trace: events in, events out.
 *
 *   hook ──► ring of this CPU ──► sink, at once            (a port: nothing is lost, all waits)
 *                             └─► trace_read, later        (memory: the newest events stay)
 *
 *            read                    written
 *              │  waiting               │
 *   events [ . e e e e e e e e e e e e e . . . . ]     numbers only grow; place = number & mask
 *
 * A full ring gives its oldest event up and counts it. Who reads next finds a TRACE_LOST event in
 * the place of those that are gone, so the sum of what is read and what is lost is what happened:
 *
 *   I1. written - read <= events in the ring.
 *   I2. recorded = read by somebody + waiting + lost, for each ring; TRACE_LOST events, which are
 *       made by the reader, are in none of these.
 *
 * Every 64 events of a ring there is one that says what the machine's own clock shows: stamps may
 * be ticks of a CPU whose speed nobody knows.
 *
 * Locks: a ring's `lock`, with interrupts off, inside any other lock; none is taken inside it. One
 * CPU at a time feeds the sink, and not under a lock of ours: an event that an interrupt or another
 * CPU adds meanwhile waits in its ring, and whoever feeds takes it along.
 *
 * Cost: 105 instructions an event in the kernel, 32 bytes.
 */
#include <string.h>
#include "bits.h"
#include "kmalloc.h"
#include "page.h"
#include "../percpu.h"
#include "trace.h"
#include "../trace_private.h"

#define CLOCK_EVERY 64u
#define SINK_BATCH  4

struct ring {
    struct spinlock lock;
    struct trace_event *events; /* NULL: this CPU has no ring */
    uint32_t mask;              /* events in it - 1 */
    uint32_t written, read;
    unsigned long recorded, lost, told; /* told: of those lost, a reader knows */
};

uint32_t trace_groups;
static struct ring trace_rings[CPU_MAX]; /* debuggers know these two by name */
static struct trace_header trace_head;
static struct trace_setup setup;
static uint32_t ring_events; /* of a ring; 0: no trace was started */
static unsigned long last_number; /* stamps without a clock */
static bool feeding;         /* somebody is at the sink */

#define X(name) #name,
static const char *const group_names[] = {TRACE_GROUPS(X)};
#undef X

const char *
trace_group_name(unsigned index)
{
    return index < ARRAY_LENGTH(group_names) ? group_names[index] : NULL;
}

/* The mask for one word of a list; 0: it is none. */
static uint32_t
group_named(const char *word, size_t length)
{
    for (unsigned i = 0; i < ARRAY_LENGTH(group_names); i++)
        if (strlen(group_names[i]) == length && memcmp(group_names[i], word, length) == 0)
            return (uint32_t)1 << i;
    if (length == 3 && memcmp(word, "all", 3) == 0)
        return ((uint32_t)1 << ARRAY_LENGTH(group_names)) - 1;
    return 0;
}

bool
trace_parse(const char *list, uint32_t *groups)
{
    uint32_t chosen = 0;
    bool off = strcmp(list, "off") == 0;
    for (bool more = !off; more;) {
        const char *comma = strchr(list, ',');
        size_t length = comma ? (size_t)(comma - list) : strlen(list);
        uint32_t group = group_named(list, length);
        if (!group)
            return false;
        chosen |= group;
        list += length + 1;
        more = comma != NULL;
    }
    *groups = chosen;
    return true;
}

/* ---- In ---- */

static uint64_t
stamp(void)
{
    return setup.stamp ? setup.stamp() : __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED);
}

/* Under the ring's lock. */
static void
put(struct ring *ring, const struct trace_event *event)
{
    if (ring->written - ring->read > ring->mask) {
        ring->read++;
        ring->lost++;
    }
    ring->events[ring->written++ & ring->mask] = *event;
    ring->recorded++;
}

static void
put_clock(struct ring *ring, uint64_t time)
{
    struct trace_event event = {.time = time,
                                .address = setup.uptime(),
                                .type = TRACE_CLOCK,
                                .cpu = (uint8_t)(ring - trace_rings)};
    put(ring, &event);
}

static struct ring *oldest_ring(void);

/* Who finds that somebody feeds leaves his event to that one, who looks once more when he has said
 * that he does not any longer. */
static void
feed_sink(void)
{
    struct trace_event batch[SINK_BATCH];
    size_t bytes;
    do {
        if (__atomic_exchange_n(&feeding, true, __ATOMIC_SEQ_CST))
            return;
        while ((bytes = trace_read(batch, sizeof(batch))))
            setup.sink(batch, bytes);
        (void)__atomic_exchange_n(&feeding, false, __ATOMIC_SEQ_CST);
    } while (oldest_ring());
}

void
trace_record(enum trace_type type, uint64_t address, size_t size, unsigned detail, const void *site)
{
    unsigned cpu = cpu_current();
    struct ring *ring = &trace_rings[cpu];
    unsigned long flags = spin_lock(&ring->lock);
    struct trace_event event = {.time = stamp(),
                                .address = address,
                                .site = (uintptr_t)site,
                                .size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size,
                                .detail = (uint16_t)detail,
                                .type = (uint8_t)type,
                                .cpu = (uint8_t)cpu};
    if (ring->events && setup.uptime && !(ring->recorded % CLOCK_EVERY))
        put_clock(ring, event.time);
    if (ring->events)
        put(ring, &event);
    else
        ring->lost++; /* of a CPU that got no memory for a ring */
    spin_unlock(&ring->lock, flags);
    if (setup.sink)
        feed_sink();
}

/* ---- Out ---- */

/* The ring with the oldest event; NULL when all are empty. */
static struct ring *
oldest_ring(void)
{
    struct ring *found = NULL;
    uint64_t oldest = 0;
    for (struct ring *ring = trace_rings; ring < trace_rings + CPU_MAX; ring++) {
        unsigned long flags = spin_lock(&ring->lock);
        bool any = ring->events && ring->written != ring->read;
        uint64_t time = any ? ring->events[ring->read & ring->mask].time : 0;
        spin_unlock(&ring->lock, flags);
        if (any && (!found || time < oldest)) {
            found = ring;
            oldest = time;
        }
    }
    return found;
}

/* The ring's oldest event, or what was lost before it. False when it is empty. */
static bool
take(struct ring *ring, struct trace_event *event)
{
    unsigned long flags = spin_lock(&ring->lock);
    bool any = ring->written != ring->read;
    if (any)
        *event = ring->events[ring->read & ring->mask];
    if (any && ring->told != ring->lost) {
        *event = (struct trace_event){.time = event->time,
                                      .size = (uint32_t)(ring->lost - ring->told),
                                      .type = TRACE_LOST,
                                      .cpu = (uint8_t)(ring - trace_rings)};
        ring->told = ring->lost;
    } else if (any) {
        ring->read++;
    }
    spin_unlock(&ring->lock, flags);
    return any;
}

size_t
trace_read(void *to, size_t size)
{
    size_t done = 0;
    struct ring *ring;
    while (size - done >= sizeof(struct trace_event) && (ring = oldest_ring())) {
        struct trace_event event;
        if (!take(ring, &event))
            continue;
        memcpy((char *)to + done, &event, sizeof(event));
        done += sizeof(event);
    }
    return done;
}

void
trace_get_counts(struct trace_counts *counts)
{
    *counts = (struct trace_counts){.room = 0};
    for (struct ring *ring = trace_rings; ring < trace_rings + CPU_MAX; ring++) {
        unsigned long flags = spin_lock(&ring->lock);
        counts->recorded += ring->recorded;
        counts->waiting += ring->written - ring->read;
        counts->lost += ring->lost;
        counts->room += ring->events ? (unsigned long)ring->mask + 1 : 0;
        spin_unlock(&ring->lock, flags);
    }
}

/* As the rings and what is chosen are now. */
static void
make_header(void)
{
    trace_head = (struct trace_header){.version = TRACE_VERSION,
                                       .header_size = sizeof(trace_head),
                                       .event_size = sizeof(struct trace_event),
                                       .word = sizeof(void *),
                                       .groups = trace_groups,
                                       .image = setup.image,
                                       .anchor = (uintptr_t)trace_start,
                                       .direct_base = DIRECT_BASE,
                                       .direct_frame = FRAME_BASE,
                                       .first_frame = FRAME_BASE,
                                       .end_frame = trace_end_frame()};
    memcpy(trace_head.magic, TRACE_MAGIC, sizeof(trace_head.magic));
}

void
trace_get_header(struct trace_header *header)
{
    *header = trace_head;
}

/* ---- Start and end ---- */

/* False: there is no memory for it. */
static bool
make_ring(struct ring *ring, uint32_t count)
{
    struct trace_event *events = kmalloc(count * sizeof(*events));
    if (!events)
        return false;
    unsigned long flags = spin_lock(&ring->lock);
    ring->mask = count - 1;
    ring->written = ring->read = 0;
    ring->recorded = ring->lost = ring->told = 0;
    ring->events = events;
    spin_unlock(&ring->lock, flags);
    return true;
}

/* Gives a ring's memory back; somebody may be reading it. */
static void
drop_ring(struct ring *ring)
{
    unsigned long flags = spin_lock(&ring->lock);
    struct trace_event *events = ring->events;
    ring->events = NULL;
    ring->written = ring->read = 0;
    ring->recorded = ring->lost = ring->told = 0;
    spin_unlock(&ring->lock, flags);
    kfree(events);
}

void
trace_cpu_up(unsigned id)
{
    if (ring_events)
        (void)make_ring(&trace_rings[id], ring_events);
}

/* Bytes of all rings -> events of one: a power of two. */
static uint32_t
events_for(size_t bytes, unsigned cpus)
{
    size_t events = bytes / sizeof(struct trace_event), each = 1;
    while (each * 2 * cpus <= events && each < 1u << 26)
        each *= 2;
    return (uint32_t)each;
}

bool
trace_start(const struct trace_setup *wanted)
{
    unsigned cpus = 0;
    ASSERT(!ring_events);
    for (unsigned i = 0; i < CPU_MAX; i++)
        cpus += mm_cpus[i] != NULL;
    setup = *wanted;
    uint32_t count = events_for(wanted->bytes, cpus);
    for (unsigned i = 0; i < CPU_MAX; i++) {
        if (mm_cpus[i] && !make_ring(&trace_rings[i], count)) {
            trace_stop();
            return false;
        }
    }
    make_header();
    __atomic_store_n(&ring_events, count, __ATOMIC_RELEASE); /* for readers it is there now */
    if (setup.sink)
        setup.sink(&trace_head, sizeof(trace_head));
    return true;
}

bool
trace_started(void)
{
    return __atomic_load_n(&ring_events, __ATOMIC_ACQUIRE) != 0;
}

void
trace_stop(void)
{
    if (trace_groups)
        trace_choose(0);
    for (struct ring *ring = trace_rings; ring < trace_rings + CPU_MAX; ring++)
        drop_ring(ring);
    ring_events = 0;
}

void
trace_forget(void)
{
    trace_groups = 0;
    page_watch(false);
    memset(trace_rings, 0, sizeof(trace_rings));
    setup = (struct trace_setup){.bytes = 0};
    ring_events = 0;
}

void
trace_choose(uint32_t groups)
{
    uint32_t fresh = groups & ~trace_groups;
    ASSERT(ring_events);
    trace_record(TRACE_CHOSEN, 0, groups, 0, NULL);
    slab_watch(groups & TRACE_GROUP(TRACE_ALLOC));
    pmm_watch(groups & TRACE_GROUP(TRACE_PAGE_ALLOC));
    page_watch(groups & TRACE_GROUP(TRACE_PAGE_ALLOC));
    if (fresh & (TRACE_GROUP(TRACE_ALLOC) | TRACE_GROUP(TRACE_SLAB_GROW)))
        trace_all_caches();
    if (fresh & TRACE_GROUP(TRACE_PAGE_ALLOC))
        trace_all_frames();
    trace_groups = groups;
    make_header();
}
