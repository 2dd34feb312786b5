/* elfs.c - programs whose headers are wrong: execve says so, or the new program is killed.
 *
 *   0        52          116                          4096 + 16
 *   | header | 2 program | code: exit(42), then hlt     | data |
 *   |        | headers   | up to the end of the page    |
 *
 * One that nobody touched runs and exits with 42. Then bytes and words of the headers are changed,
 * a few at a time, and the file is cut at every length. A program that starts in the wrong place
 * runs into hlt, which ends it.
 *
 *   elfs [VARIANTS [SEED]]
 */
#include "witness.h"

#define SIZE 4112u

static u8 good[SIZE], bad[SIZE];
static u32 ran, refused, killed, hung;
static long strange;

static void
put32(u8 *at, u32 value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (u8)(value >> 8 * i);
}

static void
build(void)
{
    static const u8 ident[] = {0x7f, 'E', 'L', 'F', 1, 1, 1};
    static const u8 code[] = {0xb8, 1, 0, 0, 0, 0xbb, 42, 0, 0, 0, 0xcd, 0x80};
    static const u32 header[] = {2 | 3 << 16, 1, 0x08048074,    52, 0,
                                 0,           52 | 32 << 16, 2 | 40 << 16, 0};
    static const u32 programs[2][8] = {{1, 0, 0x08048000, 0x08048000, 4096, 4096, 5, 4096},
                                       {1, 4096, 0x0804a000, 0x0804a000, 16, 5000, 6, 4096}};

    set_all(good, 0xf4, SIZE);
    set_all(good, 0, 52);
    for (u32 i = 0; i < sizeof ident; i++)
        good[i] = ident[i];
    for (u32 i = 0; i < sizeof header / 4; i++)
        put32(good + 16 + 4 * i, header[i]);
    for (u32 i = 0; i < 16; i++)
        put32(good + 52 + 4 * i, programs[i / 8][i % 8]);
    for (u32 i = 0; i < sizeof code; i++)
        good[116 + i] = code[i];
}

/* Runs the file in a child; one that does not end is ended. */
static int
run_file(void)
{
    char *argv[] = {"/tmp/elf", 0};
    int status = 0;
    long pid = k_fork();

    if (pid == 0) {
        long r = SC3(NR_execve, argv[0], argv, argv + 1);

        shared->calls = (u32)-r;
        k_exit(99);
    }
    for (u32 i = 0; SC4(NR_wait4, pid, &status, 1, 0) == 0; i++) {
        if (i < 200) {
            k_yield();
        } else if (i < 240) {
            nap(5);
        } else {
            SC2(NR_kill, pid, SIG_KILL);
            k_wait(pid, &status);
            hung++;
            break;
        }
    }
    return status;
}

static int
try(const u8 *bytes, u32 size)
{
    long fd = SC3(NR_open, "/tmp/elf", 01101, 0755);
    int status;

    k_write((int)fd, bytes, size);
    k_close((int)fd);
    shared->calls = 0;
    status = run_file();
    if (status == 42 << 8)
        ran++;
    else if (W_SIG(status) != 0)
        killed++;
    else if (status == 99 << 8 &&
             (shared->calls == ENOEXEC_ || shared->calls == ENOMEM_ /* much too large */ ||
              shared->calls == ENOENT_ /* no such interpreter */))
        refused++;
    else if (status == 99 << 8)
        strange = -(long)shared->calls;
    else
        strange = status;
    return status;
}

static void
change(u32 *state)
{
    static const u32 edges[] = {0,          1,          2,          3,      0xffffffff, 0x7fffffff,
                                0x80000000, 0xbffff000, 0xc0000000, 0xfff,  0x1000,     0xfffff000,
                                0x10000,    0xffff,     0x08048001, 0x40000000};
    u32 at = (rnd(state) >> 4) % 116;

    if (rnd(state) & 16)
        bad[at] = (u8)(rnd(state) >> 4);
    else
        put32(bad + (at & ~3u), rnd(state) & 32 ? edges[(rnd(state) >> 4) % 16] : rnd(state));
}

int
main(int argc, char **argv)
{
    u32 variants = (u32)parse_num(argc > 1 ? argv[1] : 0, 3000);
    u32 state = (u32)parse_num(argc > 2 ? argv[2] : 0, 7);
    struct memory before, after;

    start_witness();
    build();
    note("seed %u", state);
    ok(try(good, SIZE) == 42 << 8, "a program as it should be runs");
    SC1(NR_unlink, "/tmp/elf");
    measure_exactly(&before);
    for (u32 size = 0; size <= 180; size++)
        try(good, size);
    for (u32 i = 0; i < variants; i++) {
        for (u32 k = 0; k < SIZE; k++)
            bad[k] = good[k];
        for (u32 n = 1 + (rnd(&state) >> 4) % 3; n; n--)
            change(&state);
        try(bad, SIZE);
    }
    note("%u ran, %u were refused, %u killed, %u of them for not ending", ran, refused, killed,
         hung);
    ok(strange == 0, "wrong programs are refused or killed (else: %ld)", strange);
    ok(refused > variants / 8, "many are refused");
    SC1(NR_unlink, "/tmp/elf");
    measure_exactly(&after);
    compare_memory(&before, &after, 0);
    ask_witness();
    return done("elfs");
}
