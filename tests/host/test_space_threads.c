/* test_space_threads.c - threads of one process in its memory at the same time: each thread is a
 * CPU and has the space active. They fault in the same pages, map and unmap, change rights, let
 * pages go and fork, and each finds what it wrote where nobody else writes. At the end every page
 * has its holders and every promise its area.
 *
 *   |  common: all fault, read, let go, change rights  | own of 0 | own of 1 | ...
 */
#include <pthread.h>

#include "ktest.h"
#include "machine.h"
#include "mm.h"
#include "object.h"
#include "reclaim.h"
#include "space.h"
#include "uapi/mman.h"
#include "../mm/numbered_file.h"
#include "../mm/testing.h"

#define COMMON       0x20000000u
#define COMMON_PAGES 48u
#define OWN          0x28000000u
#define OWN_REACH    0x00800000u
#define OWN_PAGES    24u
#define FILE_AT      0x30000000u
#define FILE_PAGES   32u
#ifdef __SANITIZE_THREAD__
#define STEPS 1500
#else
#define STEPS 10000
#endif

static struct worker {
    pthread_t thread;
    unsigned cpu, wrong;
    uint32_t state, written[OWN_PAGES]; /* 0: nothing that must be there */
} workers[CPU_MAX];

static struct address_space *space;
static struct object file;
static bool forks;
static unsigned running;

static uintptr_t
own_page(const struct worker *worker, uint32_t page)
{
    return OWN + worker->cpu * OWN_REACH + page * PAGE_SIZE;
}

/* ---- what they do ---- */

static void
touch_common(struct worker *worker)
{
    uintptr_t at = COMMON + random_below(&worker->state, COMMON_PAGES) * PAGE_SIZE;
    bool write = ktest_random(&worker->state) >> 16 & 1;
    enum fault_result result = space_fault(space, at, write ? FAULT_WRITE_ACCESS : FAULT_READ);

    worker->wrong += result != FAULT_DONE && !(write && result == FAULT_ACCERR);
}

static void
change_common(struct worker *worker)
{
    uint32_t page = random_below(&worker->state, COMMON_PAGES);
    uint32_t pages = 1 + random_below(&worker->state, COMMON_PAGES - page);
    uintptr_t at = COMMON + page * PAGE_SIZE;
    unsigned prot = ktest_random(&worker->state) >> 16 & 1 ? PROT_READ : PROT_READ | PROT_WRITE;

    if (ktest_random(&worker->state) >> 16 & 1)
        worker->wrong += space_madvise(space, at, pages * PAGE_SIZE, MADV_DONTNEED) != 0;
    else
        worker->wrong += space_mprotect(space, at, pages * PAGE_SIZE, prot) != 0;
}

static void
write_own(struct worker *worker)
{
    uint32_t page = random_below(&worker->state, OWN_PAGES), value = worker->state | 1;

    if (space_write(space, own_page(worker, page), &value, sizeof(value)) != sizeof(value))
        worker->wrong++;
    worker->written[page] = value;
}

static void
read_own(struct worker *worker)
{
    uint32_t page = random_below(&worker->state, OWN_PAGES), value = 0;

    if (space_read(space, own_page(worker, page), &value, sizeof(value)) != sizeof(value) ||
        value != worker->written[page])
        worker->wrong++;
}

static void
remap_own(struct worker *worker)
{
    uint32_t page = random_below(&worker->state, OWN_PAGES);
    uint32_t pages = 1 + random_below(&worker->state, OWN_PAGES - page);
    uintptr_t at = own_page(worker, page);

    worker->wrong += space_munmap(space, at, pages * PAGE_SIZE) != 0;
    worker->wrong += space_mmap(space, at, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, true) != (long)at;
    for (uint32_t i = page; i < page + pages; i++)
        worker->written[i] = 0;
}

static void
read_file(struct worker *worker)
{
    uint32_t page = random_below(&worker->state, FILE_PAGES);
    uint8_t bytes[16];

    if (space_read(space, FILE_AT + page * PAGE_SIZE, bytes, sizeof(bytes)) != sizeof(bytes) ||
        !has_pattern(bytes, sizeof(bytes), page))
        worker->wrong++;
}

/* The child sees what the thread itself wrote, whatever the others do. */
static void
fork_and_look(struct worker *worker)
{
    uint32_t page = random_below(&worker->state, OWN_PAGES), value = 0, mine = 7;
    struct address_space *child = space_fork(space);

    if (child == NULL) {
        worker->wrong++;
        return;
    }
    if (space_read(child, own_page(worker, page), &value, sizeof(value)) != sizeof(value) ||
        value != worker->written[page] ||
        space_write(child, own_page(worker, page), &mine, sizeof(mine)) != sizeof(mine))
        worker->wrong++;
    space_put(child);
}

static void *
work(void *argument)
{
    struct worker *worker = argument;

    hosted_set_cpu(worker->cpu);
    space_activate(space);
    for (unsigned step = 0; step < STEPS; step++) {
        uint32_t kind = ktest_random(&worker->state) >> 16 & 63;

        tlb_answer();
        if (kind < 20)
            touch_common(worker);
        else if (kind < 34)
            write_own(worker);
        else if (kind < 46)
            read_own(worker);
        else if (kind < 52)
            read_file(worker);
        else if (kind < 56)
            remap_own(worker);
        else if (kind < 60)
            change_common(worker);
        else if (kind == 60)
            (void)reclaim_frames(4);
        else if (kind == 61 && forks)
            fork_and_look(worker);
    }
    machine_leave_space(&running);
    return NULL;
}

static void
run(unsigned count, bool with_forks)
{
    const struct machine machine = {.base = 4096};

    machine_start(&machine);
    for (unsigned cpu = 1; cpu < count; cpu++)
        CHECK(mm_cpu_up(cpu));
    forks = with_forks;
    space = space_create();
    CHECK(space);
    object_init(&file, &numbered_file, FILE_PAGES * PAGE_SIZE);
    CHECK_EQ(space_mmap(space, COMMON, COMMON_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0, true), COMMON);
    CHECK_EQ(space_mmap(space, FILE_AT, FILE_PAGES * PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED,
                        &file, 0, false), FILE_AT);
    hosted_online = (1u << count) - 1;
    running = count;
    for (unsigned cpu = 0; cpu < count; cpu++) {
        workers[cpu] = (struct worker){.cpu = cpu, .state = ktest_seed() + cpu};
        CHECK_EQ(space_mmap(space, own_page(&workers[cpu], 0), OWN_PAGES * PAGE_SIZE,
                            PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL,
                            0, true), (long)own_page(&workers[cpu], 0));
        space_get(space);
    }
    for (unsigned cpu = 0; cpu < count; cpu++)
        CHECK_EQ(pthread_create(&workers[cpu].thread, NULL, work, &workers[cpu]), 0);
    for (unsigned cpu = 0; cpu < count; cpu++) {
        pthread_join(workers[cpu].thread, NULL);
        CHECK_EQ(workers[cpu].wrong, 0);
        space_put(space);
    }
    hosted_online = 1;
    CHECK_EQ(space->cpus, 0);
    CHECK(space_check_everything());
    space_put(space);
    object_put(&file);
    CHECK(space_check_everything());
    machine_start_usual();
}

KTEST(space_threads, faults_and_calls_2)
{
    run(2, false);
}

KTEST(space_threads, faults_calls_and_forks_2)
{
    run(2, true);
}

KTEST(space_threads, faults_calls_and_forks_4)
{
    run(4, true);
}

/* ---- two threads need the same page table at the same time ---- */

#define TABLES 500u
#define REACH  0x00400000u

static unsigned arrived;

static void *
need_tables(void *argument)
{
    struct worker *worker = argument;

    hosted_set_cpu(worker->cpu);
    for (unsigned i = 0; i < TABLES; i++) {
        uintptr_t at = COMMON + i * REACH + worker->cpu * PAGE_SIZE;

        __atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL);
        /* who waits goes on at the same moment, unless he has to wait long */
        for (unsigned spins = 1; __atomic_load_n(&arrived, __ATOMIC_ACQUIRE) < 2 * (i + 1); spins++)
            if (spins % 10000 == 0)
                spin_relax();
        worker->wrong += space_fault(space, at, FAULT_WRITE_ACCESS) != FAULT_DONE;
    }
    return NULL;
}

/* It is made once: what each of them put into it stays. */
KTEST(space_threads, one_table)
{
    machine_start_usual();
    CHECK(mm_cpu_up(1));
    space = space_create();
    CHECK(space);
    CHECK_EQ(space_mmap(space, COMMON, TABLES * REACH, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, NULL, 0, true),
             COMMON);
    arrived = 0;
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        workers[cpu] = (struct worker){.cpu = cpu};
        CHECK_EQ(pthread_create(&workers[cpu].thread, NULL, need_tables, &workers[cpu]), 0);
    }
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        pthread_join(workers[cpu].thread, NULL);
        CHECK_EQ(workers[cpu].wrong, 0);
    }
    CHECK_EQ(space_resident(space), 2 * TABLES);
    space_put(space);
    CHECK(space_check_everything());
    machine_start_usual();
}

/* ---- smaps of a space that shares tables, while pages are taken by way of the other ---- */

#define TOLD_PAGES 512u
#define TELLINGS   100u

static unsigned turn, taken; /* how often pages were to be taken, and were */

static void *
take_pages(void *unused)
{
    hosted_set_cpu(1);
    for (unsigned now = 1; now <= TELLINGS; now++) {
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) < now)
            spin_relax();
        (void)reclaim_frames(2 * TOLD_PAGES);
        __atomic_store_n(&taken, now, __ATOMIC_RELEASE);
    }
    return unused;
}

static void
print_nothing(struct printer *printer, const char *format, va_list args)
{
    (void)printer, (void)format, (void)args;
}

KTEST(space_threads, smaps_of_shared_tables)
{
    struct printer nowhere = {print_nothing};
    pthread_t taker;

    machine_start_usual();
    CHECK(mm_cpu_up(1));
    space = space_create();
    CHECK(space);
    object_init(&file, &numbered_file, TOLD_PAGES * PAGE_SIZE);
    CHECK_EQ(space_mmap(space, FILE_AT, TOLD_PAGES * PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED,
                        &file, 0, false), FILE_AT);
    turn = taken = 0;
    hosted_online = 2; /* this CPU answers nobody */
    CHECK_EQ(pthread_create(&taker, NULL, take_pages, NULL), 0);
    for (unsigned now = 1; now <= TELLINGS; now++) {
        for (unsigned i = 0; i < TOLD_PAGES; i++)
            CHECK_EQ(space_fault(space, FILE_AT + i * PAGE_SIZE, FAULT_READ), FAULT_DONE);
        struct address_space *child = space_fork(space);
        CHECK(child);
        __atomic_store_n(&turn, now, __ATOMIC_RELEASE);
        while (__atomic_load_n(&taken, __ATOMIC_ACQUIRE) < now)
            space_print_smaps(&nowhere, space);
        space_put(child);
    }
    pthread_join(taker, NULL);
    hosted_online = 1;
    space_put(space);
    object_put(&file);
    machine_start_usual();
}
