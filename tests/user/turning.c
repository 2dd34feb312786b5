/* turning.c - what one CPU changes while another tells of it. With debug=heap,quarantine, so that
 * what is freed does not look as before. On two CPUs:
 *
 *   names    CPU 1 renames a file to and fro, by names too long for a line of /proc/self/maps;
 *            CPU 0 reads that line: it ends in one of the names
 *   promises CPU 1 changes how strictly memory is promised; CPU 0 makes what promises nothing
 *            writable, and unmaps it: the account is as before
 *   limits   CPU 1 becomes another program; CPU 0 sets a limit of it meanwhile, which that obeys
 *   trace    all CPUs begin the trace in the same moment, as the first of this machine: those who
 *            come too early for its end are told so (EBUSY), and its memory is taken once
 */
#include <string.h>
#include "signals.h"
#include "threads.h"
#include "witness.h"

enum { NR_rename_ = 38, NAME = 255, LOOKS = 1500, TEXT = 32768, TRACE_FRAMES = 16, PROTECTS = 20000,
       LARGE = 1 << 29, EXECS = 200, WORD = 100000, DESCRIPTOR = 50 };

struct table {
    volatile u32 ended, here, begun, early, wrong;
};
static struct table *table;

/* ---- names ---- */

static char one[] = "/tmp/", paths[2][sizeof(one) + NAME];

static void
make_path(char *path, char letter)
{
    memcpy(path, one, sizeof(one));
    memset(path + sizeof(one) - 1, letter, NAME);
    path[sizeof(one) - 1 + NAME] = '\0';
}

static void
rename_on(void)
{
    while (!table->ended) {
        SC2(NR_rename_, paths[0], paths[1]);
        SC2(NR_rename_, paths[1], paths[0]);
    }
}

/* The length of the run of equal letters that ends in front of `end`. */
static long
run_before(const char *text, const char *end)
{
    const char *at = end;

    while (at > text && at[-1] == end[-1])
        at--;
    return end - at;
}

/* Lines of the maps that are as long as only that of the file is, and do not end in a name. */
static u32
wrong_lines(const char *text, long size, u32 *seen)
{
    u32 wrong = 0;

    for (const char *line = text, *at = text; at < text + size; at++) {
        if (*at != '\n')
            continue;
        if (at - line > NAME / 2) {
            ++*seen;
            wrong += run_before(line, at) != NAME || (at[-1] != 'a' && at[-1] != 'b');
        }
        line = at + 1;
    }
    return wrong;
}

static void
names(void)
{
    static char text[TEXT];
    u32 wrong = 0, seen = 0;
    int status;

    make_path(paths[0], 'a');
    make_path(paths[1], 'b');
    int file = (int)SC3(NR_open, paths[0], 0x42, 0644);
    SC2(NR_ftruncate, file, PG);
    ok(k_mmap(0, PG, P_R, M_SHARED, file, 0) > 0, "a file with a long name is mapped");
    long child = k_fork();
    pin(child == 0);
    if (child == 0) {
        rename_on();
        k_exit(0);
    }
    for (u32 i = 0; i < LOOKS; i++) {
        int maps = (int)SC3(NR_open, "/proc/self/maps", 0, 0);
        long size = 0, got;

        while ((got = k_read(maps, text + size, (ulong)(TEXT - size))) > 0)
            size += got;
        k_close(maps);
        wrong += wrong_lines(text, size, &seen);
    }
    table->ended = 1;
    k_wait(child, &status);
    eq(seen, LOOKS, "each look at the maps shows its line");
    eq(wrong, 0, "with a name it has, whoever renames it");
}

/* ---- promises ---- */

static void
change_modes(void)
{
    int file = (int)SC3(NR_open, "/proc/sys/vm/overcommit_memory", 1, 0);

    while (!table->ended) {
        k_write(file, "2", 1);
        k_write(file, "0", 1);
    }
}

static void
promises(void)
{
    ulong before = mem_info("Committed_AS:");
    int status;

    table->ended = 0;
    long child = k_fork();
    pin(child == 0);
    if (child == 0) {
        change_modes();
        k_exit(0);
    }
    for (u32 i = 0; i < PROTECTS; i++) {
        char *at = (char *)k_mmap(0, LARGE, 0, M_PRIVATE | M_ANON | M_NORESERVE, -1, 0);

        (void)k_mprotect(at, LARGE, P_RW);
        k_munmap(at, LARGE);
    }
    table->ended = 1;
    k_wait(child, &status);
    eq((long)mem_info("Committed_AS:"), (long)before, "what was promised is given back");
}

/* ---- limits ---- */

/* The new program, which can map what its limit says when that has been set. */
static int
disobeys(void)
{
    struct k_rlimit limit;
    char word;

    k_read(DESCRIPTOR, &word, 1);
    SC2(NR_getrlimit, RL_AS, &limit);
    return is_err(k_anon(LARGE, P_NONE)) != (limit.cur < LARGE);
}

/* Long words, so that it takes a while. */
__attribute__((noreturn)) static void
become_another(int descriptor)
{
    static char word[WORD + 1];
    char *words[] = {"/turning", "disobeys", word, word, word, word, word, 0}, *none[] = {0};

    memset(word, 'x', WORD);
    pin(1);
    SC2(NR_dup2, descriptor, DESCRIPTOR);
    SC3(NR_execve, words[0], words, none);
    k_exit(99);
}

static void
limits(void)
{
    const u64 limit[2] = {LARGE / 2, ~0ull};
    u32 seed = 1;
    int wrong = 0;

    pin(0);
    for (u32 i = 0; i < EXECS; i++) {
        int ends[2], status = 0;

        k_pipe(ends);
        long child = k_fork();
        if (child == 0)
            become_another(ends[0]);
        for (u32 left = rnd(&seed) % 8000000; left > 0; left--)
            __asm__ volatile("");
        SC4(NR_prlimit64, child, RL_AS, limit, 0);
        k_write(ends[1], "x", 1);
        k_wait(child, &status);
        k_close(ends[0]);
        k_close(ends[1]);
        wrong += status != 0;
    }
    eq(wrong, 0, "a limit set while a program becomes another is the new one's");
}

/* ---- trace ---- */

static ulong
heap_frames(void)
{
    read_text("/proc/owners");
    return number_of("heap ");
}

static void
begin(u32 cpu, u32 cpus)
{
    pin((int)cpu);
    int file = (int)SC3(NR_open, "/proc/octavo/trace", 1, 0);
    meet_all(&table->here, cpus, 1);
    long got = k_write(file, "fault", 5);

    __atomic_fetch_add(got == 5          ? &table->begun
                       : got == -EBUSY_ ? &table->early
                                        : &table->wrong,
                       1, __ATOMIC_SEQ_CST);
    k_exit(0);
}

static void
trace(u32 cpus)
{
    ulong before = heap_frames();
    int status;

    for (u32 i = 0; i < cpus; i++)
        if (k_fork() == 0)
            begin(i, cpus);
    for (u32 i = 0; i < cpus; i++)
        k_wait(-1, &status);
    ok(table->begun > 0, "of %u that begin the trace at once, some do", cpus);
    eq(table->wrong, 0, "and the others are told that it is being done");
    ok(heap_frames() < before + 2 * TRACE_FRAMES, "its memory is taken once");
}

int
main(int argc, char **argv)
{
    if (argc > 1 && str_eq(argv[1], "disobeys"))
        return disobeys();
    u32 cpus = (u32)parse_num(argc > 1 ? argv[1] : 0, 2);

    table = (struct table *)k_mmap(0, PG, P_RW, M_SHARED | M_ANON, -1, 0);
    trace(cpus);
    names();
    promises();
    limits();
    return done("turning");
}
