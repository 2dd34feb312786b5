/* copies.c - threads of one space that move bytes between files and memory that is not there yet:
 * copies THREADS ROUNDS.
 *
 *   file, page k: "k" ──pread──► memory, given back before ──► "k"?
 *                                memory, mapped from the file ──pwrite──► another file
 *
 * Each page that is copied to or from makes a fault amid the copy, which has to wait while another
 * thread changes the space. On a machine with high memory the kernel sees the file's page through a
 * window of its CPU meanwhile. */
#include "threads.h"

enum { PAGES = 64, MOST_THREADS = 8 };

static u32 rounds;
static int from;

static struct member {
    int to; /* a file */
    u32 *memory;
    u32 wrong, short_ones;
    char stack[THREAD_STACK] __attribute__((aligned(16)));
} members[MOST_THREADS];

static u32
word_of(u32 k, u32 i)
{
    return k * 2654435761u + i;
}

static void
look_at(struct member *member)
{
    for (u32 k = 0; k < PAGES; k++)
        for (u32 i = 0; i < PG / 4; i += 101)
            member->wrong += member->memory[k * PG / 4 + i] != word_of(k, i);
}

static void
read_and_look(struct member *member, int file)
{
    k_madvise(member->memory, PAGES * PG, ADV_DONTNEED);
    member->short_ones += SC5(NR_pread64, file, member->memory, PAGES * PG, 0, 0) != PAGES * PG;
    look_at(member);
}

static void
copy(void *arg)
{
    struct member *member = arg;

    for (u32 round = 0; round < rounds; round++) {
        void *mapped = (void *)k_mmap(0, PAGES * PG, P_R, M_PRIVATE, from, 0);

        read_and_look(member, from);
        member->short_ones += SC5(NR_pwrite64, member->to, mapped, PAGES * PG, 0, 0) != PAGES * PG;
        k_munmap(mapped, PAGES * PG);
    }
    read_and_look(member, member->to);
}

static int
open_file(const char *name)
{
    return (int)SC3(NR_open, name, 0102 /* O_CREAT | O_RDWR */, 0600);
}

static u32
fill_file(int file)
{
    static u32 page[PG / 4];
    u32 written = 0;

    for (u32 k = 0; k < PAGES; k++) {
        for (u32 i = 0; i < PG / 4; i++)
            page[i] = word_of(k, i);
        written += k_write(file, page, PG) == PG;
    }
    return written;
}

int
main(int argc, char **argv)
{
    int threads = argc > 1 ? (int)parse_num(argv[1], 2) : 2, started = 0;
    char name[] = "/tmp/0";
    u32 wrong = 0, short_ones = 0;

    rounds = argc > 2 ? (u32)parse_num(argv[2], 100) : 100;
    from = open_file("/tmp/from");
    eq(fill_file(from), PAGES, "a file");
    for (int i = 0; i < threads && i < MOST_THREADS; i++) {
        name[5] = (char)('0' + i);
        members[i].to = open_file(name);
        members[i].memory = (u32 *)k_anon(PAGES * PG, P_RW);
    }
    for (int i = 1; i < threads && i < MOST_THREADS; i++)
        started += start_thread(AS_CHILD, copy, &members[i], members[i].stack) > 0;
    copy(&members[0]);
    for (int i = 0; i < started; i++)
        k_wait(-1, 0);
    for (int i = 0; i < threads && i < MOST_THREADS; i++) {
        wrong += members[i].wrong;
        short_ones += members[i].short_ones;
    }
    eq(started, threads - 1, "threads");
    ok(short_ones == 0, "each copy is complete (%u are not)", short_ones);
    ok(wrong == 0, "and right (%u words are not)", wrong);
    return done("copies");
}
