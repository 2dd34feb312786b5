/* witness.h - what the programs share that harm themselves: a witness process whose memory nobody
 * may touch, the free memory, a pause. */
#ifndef OCTAVO_WITNESS_H
#define OCTAVO_WITNESS_H

#include "clock.h"
#include "tap.h"

#define WITNESS_PAGES 64ul

/* In memory that all processes of the test share. */
struct shared {
    volatile u32 stop, calls, number, count;
};

static struct shared *shared;
static u32 *common; /* what parent and witness share */
static long witness;

static inline int
pattern_holds(const u32 *words, u32 seed)
{
    for (u32 i = 0; i < WITNESS_PAGES * PG / 4; i++)
        if (words[i] != i * 2654435761u + seed)
            return 0;
    return 1;
}

/* Looks at its own memory and at some shared with its parent, again and again. */
static inline void
start_witness(void)
{
    u32 *own = (u32 *)k_anon(WITNESS_PAGES * PG, P_RW);

    common = (u32 *)k_mmap(0, WITNESS_PAGES * PG, P_RW, M_SHARED | M_ANON, -1, 0);
    shared = (struct shared *)k_mmap(0, PG, P_RW, M_SHARED | M_ANON, -1, 0);
    shared->stop = 0; /* its page comes now */
    for (u32 i = 0; i < WITNESS_PAGES * PG / 4; i++) {
        own[i] = i * 2654435761u + 1;
        common[i] = i * 2654435761u + 2;
    }
    witness = k_fork();
    if (witness == 0) {
        SC0(66 /* setsid: a shortage spares leaders, and some of its enemies are */);
        while (!shared->stop && pattern_holds(own, 1) && pattern_holds(common, 2))
            nap(10);
        k_exit(shared->stop && pattern_holds(own, 1) && pattern_holds(common, 2) ? 0 : 1);
    }
}

/* For a child that may write anywhere: takes away what it has in common with the witness. */
static inline void
leave_witness(void)
{
    k_munmap(common, WITNESS_PAGES * PG);
    k_munmap(shared, PG);
}

static inline void
ask_witness(void)
{
    int status = -1;

    shared->stop = 1;
    k_wait(witness, &status);
    ok(status == 0, "another process went on, its memory untouched (status %x)", (u32)status);
}

/* ---- what the kernel's memory is used for ---- */

struct memory {
    ulong free;    /* KiB, as /proc/meminfo has it */
    ulong slabs;   /* KiB */
    ulong objects; /* bytes in objects of the kernel's heap and caches */
    ulong promised; /* KiB: Committed_AS */
};

static char memory_text[8192];

static inline const char *
read_text(const char *path)
{
    long fd = SC3(NR_open, path, 0, 0), length = 0, got;

    while ((got = k_read((int)fd, memory_text + length,
                         sizeof memory_text - 1 - (ulong)length)) > 0)
        length += got;
    memory_text[length] = 0;
    k_close((int)fd);
    return memory_text;
}

/* The n-th word of the line that is a number. */
static inline ulong
number_in(const char *line, u32 n)
{
    for (; *line && *line != '\n'; line++)
        if (line[0] == ' ' && line[1] >= '0' && line[1] <= '9' && n-- == 0)
            return parse_num(line + 1, 0);
    return 0;
}

/* The number behind the name at the start of a line of the text that was read; 0: there is none. */
static inline ulong
number_of(const char *name)
{
    for (const char *line = memory_text; *line; line++) {
        u32 same = 0;

        while (name[same] && line[same] == name[same])
            same++;
        if (!name[same])
            return number_in(line, 0);
        while (*line && *line != '\n')
            line++;
        if (!*line)
            break;
    }
    return 0;
}

/* What /proc/meminfo calls by the name. */
static inline ulong
mem_info(const char *name)
{
    read_text("/proc/meminfo");
    return number_of(name);
}

static inline ulong
mem_free(void)
{
    return mem_info("MemFree:");
}

/* Each line of /proc/slabinfo: name, objects in use, objects, bytes of one. Headers of slabs do not
 * count: they are there for the slabs that are kept. */
static inline ulong
object_bytes(void)
{
    ulong bytes = 0;

    for (const char *line = read_text("/proc/slabinfo"); *line; line++) {
        if (line[0] != 's' || line[5] != 'h')
            bytes += number_in(line, 0) * number_in(line, 2);
        while (*line && *line != '\n')
            line++;
        if (!*line)
            break;
    }
    return bytes;
}

/* Every CPU gives back what it keeps for later; pages of files go, too. */
static inline void
drop_caches(void)
{
    long fd = SC3(NR_open, "/proc/sys/vm/drop_caches", 1, 0);

    k_write((int)fd, "3", 1);
    k_close((int)fd);
}

static inline void
measure(struct memory *memory)
{
    long fd = SC3(NR_open, "/proc/self/fail-nth", 2, 0);

    k_write((int)fd, "1000000", 7);
    drop_caches();
    memory->free = mem_free();
    memory->slabs = mem_info("Slab:");
    memory->objects = object_bytes();
    memory->promised = mem_info("Committed_AS:");
    k_write((int)fd, "0", 1);
    k_close((int)fd);
}

/* When the kernel keeps nothing for later: its pools and caches are emptied by what makes an
 * allocation fail, here one that never comes, and those of other CPUs by drop_caches. The first
 * look makes what looking needs; in the pause behind it a task is let go that ended a moment ago,
 * on another CPU. */
static inline void
measure_exactly(struct memory *memory)
{
    measure(memory);
    nap(50);
    measure(memory);
}

/* KiB that the same objects take more than before because each CPU has slabs of its own; with one
 * CPU none. */
static inline ulong
in_pieces(const struct memory *before, const struct memory *now)
{
    u32 mask = 0;
    ulong more = now->slabs > before->slabs ? now->slabs - before->slabs : 0, most;

    SC3(NR_sched_getaffinity, 0, sizeof mask, &mask);
    most = 64 * (ulong)(__builtin_popcount(mask) - 1);
    return more < most ? more : most;
}

/* Nothing but frames may be gone, and of those no more than `slack` KiB. */
static inline void
compare_memory(const struct memory *before, const struct memory *now, ulong slack)
{
    ok(now->free + slack + in_pieces(before, now) >= before->free,
       "no memory is lost: %lu KiB were free, now %lu", before->free, now->free);
    ok(now->objects == before->objects, "no object: %lu bytes in objects, now %lu", before->objects,
       now->objects);
    ok(now->promised == before->promised, "no promise: %lu KiB promised, now %lu", before->promised,
       now->promised);
}

/* After a short run, whose files are not all there before; a process that is lost takes more. */
static inline void
compare_roughly(const struct memory *before, const struct memory *now, ulong slack)
{
    ok(now->free + slack + in_pieces(before, now) >= before->free,
       "no memory is lost: %lu KiB were free, now %lu", before->free, now->free);
    ok(now->objects <= before->objects + 16384, "no process: %lu bytes in objects, now %lu",
       before->objects, now->objects);
}

#endif
