/* hoard.c - a program that takes names, pipes and files until it gets no more: the kernel's memory
 * is not all its. Others live meanwhile, and in the end all memory is back. */
#include "witness.h"

enum { NR_symlink = 83, NR_setrlimit_ = 75, RL_FILES = 7, ENFILE_ = 23, EMFILE_ = 24, ENOSPC_ = 28,
       O_RDWR_ = 2, O_CREAT_ = 0100 };

#define SLACK      512u /* KiB: slabs */
#define MOST_LINKS 100000u

static char target[4001], bytes[PG];

/* "/tmp/hoard-N" in letters. */
static const char *
name_of(u32 number)
{
    static char name[] = "/tmp/hoard-aaaa";

    for (u32 i = 0; i < 4; i++, number /= 26)
        name[11 + i] = (char)('a' + number % 26);
    return name;
}

/* All bytes that files may have, in one; what the write said for which there is no room. */
static long
fill_file(void)
{
    long fd = SC3(NR_open, "/tmp/hoard", O_RDWR_ | O_CREAT_, 0600), size;

    do
        size = k_write((int)fd, bytes, PG);
    while (size == PG);
    k_close((int)fd);
    return size;
}

/* The longest links there can be, until there is no more room; how many. */
static u32
take_names(long *error)
{
    u32 count = 0;

    while ((*error = SC2(NR_symlink, target, name_of(count))) == 0 && count < MOST_LINKS)
        count++;
    return count;
}

/* Pipes that are full, in one process after the other, each of which keeps its own. */
static long
take_pipes(u32 *count)
{
    int ends[2], st;
    long error, pid;

    while ((error = SC2(NR_pipe2, ends, 0x800)) == 0) {
        k_write(ends[1], bytes, PG);
        ++*count;
    }
    if (error != -EMFILE_)
        return error;
    pid = k_fork();
    if (pid == 0) {
        for (int i = 3; i < 4096; i++)
            k_close(i);
        k_exit((int)-take_pipes(count));
    }
    k_wait(pid, &st);
    return -W_CODE(st);
}

static int
hoards(void *arg)
{
    struct k_rlimit limit = {4096, 4096};

    (void)arg;
    SC2(NR_setrlimit_, RL_FILES, &limit);
    return (int)-take_pipes((u32 *)&shared->number);
}

int
main(void)
{
    struct memory before, after;
    long error;
    u32 names;

    start_witness();
    measure_exactly(&before);
    eq(fill_file(), -ENOSPC_, "a file comes to an end");
    set_all(target, 'x', sizeof(target) - 1);
    names = take_names(&error);
    eq(error, -ENOSPC_, "names come to an end: %u", names);
    eq(in_child(hoards, 0), ENFILE_ << 8, "so do files");
    ok(shared->number > 50, "%u pipes were made", shared->number);
    ok(mem_free() * 8 > before.free, "there is memory for others: %lu KiB", mem_free());
    SC1(NR_unlink, "/tmp/hoard");
    ok(mem_free() * 4 > before.free, "and more without the file: %lu KiB", mem_free());
    while (names-- > 0)
        SC1(NR_unlink, name_of(names));
    measure_exactly(&after);
    compare_memory(&before, &after, SLACK);
    ask_witness();
    return done("hoard");
}
