/* apart.c - two processes on two CPUs that have nothing in common: which locks go from one to the
 * other? On a machine that was started with the option lockstat. `apart together`: they have memory
 * and files in common, and it is found out.
 *
 *   CPU 0   what was counted? ──► work ──► what was counted?
 *   CPU 1                         work
 *
 * For each kind of work: its calls do not wait for the other process, and no lock is taken now by
 * one, now by the other, but by those places that refill what a CPU has for itself, once for a
 * batch; what is taken a few times in thousands of operations does not count.
 */
#include "signals.h"

#define AREA  512u /* pages */
#define TURNS 4u   /* of each kind of work */
#define RARE  12u /* takings in thousands of operations: the tick does something now and then */
#define LINES 200
#define TEXT  32768

enum { NR_sched_setaffinity_ = 241, NR_tgkill_ = 270, NR_memfd_create_ = 356 };

struct line {
    u32 taken, moved, waited;
    const char *name;
};

struct table {
    char text[TEXT];
    struct line lines[LINES];
    u32 count;
};

static struct table before, after;

struct shared {
    volatile u32 begun[2], done[2];
};
static struct shared *shared;

/* ---- the table ---- */

static void
read_table(struct table *table)
{
    int file = (int)SC3(NR_open, "/proc/lockstat", 0, 0);
    long size = 0, got;

    while ((got = k_read(file, table->text + size, (ulong)(TEXT - 1 - size))) > 0)
        size += got;
    table->text[size] = '\0';
    k_close(file);
}

/* A minus stands for a number that nobody knows. */
static char *
number(char *at, u32 *value)
{
    while (*at == ' ')
        at++;
    for (*value = 0; *at >= '0' && *at <= '9'; at++)
        *value = *value * 10 + (u32)(*at - '0');
    return *at == '-' ? at + 1 : at;
}

/* A line of numbers and a name; lines of another kind are not of interest. */
static char *
parse_line(char *at, struct line *line)
{
    u32 unused;

    at = number(at, &line->taken);
    at = number(at, &line->moved);
    at = number(at, &line->waited);
    for (int i = 0; i < 3; i++)
        at = number(at, &unused);
    line->name = *at == ' ' ? ++at : 0;
    while (*at != '\n' && *at != '\0')
        at++;
    if (*at == '\n')
        *at++ = '\0';
    return at;
}

static void
parse(struct table *table)
{
    char *at = table->text;

    for (table->count = 0; *at != '\0' && table->count < LINES;) {
        struct line *line = &table->lines[table->count];

        at = parse_line(at, line);
        table->count += line->taken != 0;
    }
}

static const struct line *
find(const struct table *table, const char *name)
{
    static const struct line none;

    for (u32 i = 0; i < table->count; i++)
        if (str_eq(table->lines[i].name, name))
            return &table->lines[i];
    return &none;
}

/* ---- what may be shared ---- */

static int
begins(const char *text, const char *with)
{
    while (*with != '\0')
        if (*text++ != *with++)
            return 0;
    return 1;
}

/* The zones' locks, for batches of frames to take and to give back, and those of caches, for
 * slabs. */
static int
is_refill(const char *name)
{
    return begins(name, "mm_zones+") || begins(name, "slab_grow+");
}

/* What was counted in between, for `count` operations on each CPU. */
static void
compare(const char *what, u32 count, u32 refills)
{
    u32 taken = 0, moved = 0, waited = 0, refilled = 0;

    for (u32 i = 0; i < after.count; i++) {
        const struct line *now = &after.lines[i], *then = find(&before, now->name);
        u32 times = now->taken - then->taken, more = now->moved - then->moved;

        taken += times;
        if (is_refill(now->name))
            refilled += times;
        if (is_refill(now->name) || times <= RARE)
            continue;
        moved += more;
        waited += now->waited - then->waited;
        if (more != 0)
            note("%s: %s: %u of %u takings by another CPU than before", what, now->name, more,
                 times);
    }
    ok(count != 0 && moved == 0, "%s: %u times on 2 CPUs: of %u takings of locks %u are by another CPU than before",
       what, count, taken, moved);
    ok(waited == 0, "%s: and %u wait", what, waited);
    ok(refilled * 1000 <= 2 * count * refills, "%s: %u refills, at most %u for 1000 operations", what,
       refilled, refills);
}

/* ---- work: each kind answers how many operations it was ---- */

static char *area;
static ulong heap;
static int file, ends[2];

static u32
touch(u32 pages)
{
    for (u32 i = 0; i < pages; i++)
        area[i * PG] = 1;
    return pages;
}

/* Faults alone: what was touched stays. */
static u32
fault_anonymous(u32 turn)
{
    for (u32 i = 0; i < AREA; i++)
        area[(turn * AREA + i) * PG] = 1;
    return AREA;
}

static u32
fault_zero(u32 turn)
{
    u32 sum = 0;

    for (u32 i = 0; i < AREA; i++)
        sum += (u32)area[((TURNS + 1 + turn) * AREA + i) * PG];
    return sum == 0 ? AREA : 0;
}

static u32
fault_file(u32 turn)
{
    char *map = (char *)k_mmap(0, AREA * PG, P_RW, M_PRIVATE, file, 0);

    for (u32 i = 0; i < AREA; i++)
        map[i * PG] = (char)turn;
    k_munmap(map, AREA * PG);
    return AREA;
}

static u32
map_and_unmap(u32 turn)
{
    (void)turn;
    for (u32 i = 0; i < 64; i++) {
        char *map = (char *)k_anon(8 * PG, P_RW);

        for (u32 k = 0; k < 8; k++)
            map[k * PG] = 1;
        k_munmap(map, 8 * PG);
    }
    return 512;
}

static u32
grow_and_shrink(u32 turn)
{
    (void)turn;
    for (u32 i = 0; i < 64; i++) {
        k_brk(heap + 8 * PG);
        for (u32 k = 0; k < 8; k++)
            ((char *)heap)[k * PG] = 1;
        k_brk(heap);
    }
    return 512;
}

static u32
give_and_retouch(u32 turn)
{
    (void)turn;
    k_madvise(area, AREA * PG, ADV_DONTNEED);
    return touch(AREA);
}

static u32
protect(u32 turn)
{
    (void)turn;
    for (u32 i = 0; i < 256; i++)
        k_mprotect(area + i * PG, PG, i % 2 ? P_R : P_RW);
    k_mprotect(area, AREA * PG, P_RW);
    return 256;
}

static u32
write_and_read(u32 turn)
{
    char byte = (char)turn;

    for (u32 i = 0; i < 500; i++) {
        k_write(ends[1], &byte, 1);
        k_read(ends[0], &byte, 1);
    }
    return 1000;
}

/* To the process and to its thread; blocked for a while, and at once. Each is handled. */
static u32
signal_oneself(u32 turn)
{
    int handled = seen_count;
    long thread = SC0(NR_gettid);

    (void)turn;
    for (u32 i = 0; i < 250; i++) {
        raise_(SIG_USR1);
        SC3(NR_tgkill_, me(), thread, SIG_USR1);
        set_mask(BLOCK, bit(SIG_USR2));
        raise_(SIG_USR2);
        set_mask(UNBLOCK, bit(SIG_USR2));
    }
    return (u32)(seen_count - handled) == 750 ? 750 : 0;
}

static u32
ask_who(u32 turn)
{
    (void)turn;
    for (u32 i = 0; i < 1000; i++)
        SC0(NR_getpid);
    return 1000;
}

/* Refills for 1000 operations, frees included. */
static const struct {
    const char *name;
    u32 (*work)(u32 turn);
    u32 refills;
} kinds[] = {
    {"anonymous faults", fault_anonymous, 40}, {"faults of the zero page", fault_zero, 10},
    {"private file pages", fault_file, 60},   {"mmap, touch, munmap", map_and_unmap, 20},
    {"brk", grow_and_shrink, 20},              {"madvise, touch", give_and_retouch, 60},
    {"mprotect", protect, 20},                 {"a pipe to oneself", write_and_read, 4},
    {"signals to oneself", signal_oneself, 4}, {"getpid", ask_who, 4},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- both ---- */

static void
pin(u32 cpu)
{
    ulong mask = 1ul << cpu;

    SC3(NR_sched_setaffinity_, 0, sizeof(mask), &mask);
}

/* Everything that is needed, by each for itself. */
static void
prepare(void)
{
    static char page[PG];

    area = (char *)k_anon(2 * (TURNS + 1) * AREA * PG, P_RW);
    heap = k_brk(0);
    k_pipe(ends);
    on(SIG_USR1, count, 0, 0);
    on(SIG_USR2, tell, F_SIGINFO, 0);
    file = (int)SC2(NR_memfd_create_, "apart", 0);
    for (u32 i = 0; i < AREA; i++)
        k_write(file, page, PG);
}

/* Both are here; without a call. */
static void
meet(volatile u32 *both, u32 me, u32 step)
{
    both[me] = step;
    while (both[!me] < step)
        __asm__ volatile("pause" : : : "memory");
}

/* The first turn, which nobody counts, finds page tables and slabs. */
static void
work(u32 me)
{
    for (u32 k = 0, step = 1; k < KINDS; k++, step += 2) {
        u32 count = 0;

        kinds[k].work(TURNS);
        meet(shared->begun, me, step);
        if (me == 0)
            read_table(&before);
        meet(shared->begun, me, step + 1);
        for (u32 turn = 0; turn < TURNS; turn++)
            count += kinds[k].work(turn);
        meet(shared->done, me, step);
        if (me == 0)
            read_table(&after);
        meet(shared->done, me, step + 1);
        if (me != 0)
            continue;
        parse(&before);
        parse(&after);
        compare(kinds[k].name, count, kinds[k].refills);
    }
}

int
main(int argc, char **argv)
{
    int status = 1, together = argc > 1 && str_eq(argv[1], "together");
    long pid;

    shared = (struct shared *)k_mmap(0, PG, P_RW, M_SHARED | M_ANON, -1, 0);
    if (together)
        prepare();
    pid = k_fork();
    pin(pid == 0);
    if (!together)
        prepare();
    work(pid == 0);
    if (pid == 0)
        k_exit(0);
    k_wait(pid, &status);
    ok(status == 0, "the other process ends well");
    return done("apart");
}
