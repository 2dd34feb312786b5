/* memtest.c - the test of memory for people: the monitor's command, memtest at the start, and
 * /dev/memtest, which the program of that name reads. */
#include "boot.h"
#include "cmdline.h"
#include "console.h"
#include "files_private.h"
#include "format.h"
#include "memtest.h"
#include "monitor.h"
#include "timer.h"

#define KIB(frames) ((frames) << (PAGE_SHIFT - 10))

/* Whole percent of all frames that lie below where the test is. */
static unsigned
percent(const struct memtest *test)
{
    unsigned long end = memtest_end().n;

    return (unsigned)(end < 1ul << 24 ? test->next.n * 100 / end : test->next.n / (end / 100));
}

static void
print_progress(struct printer *out, const struct memtest *test, uint32_t start)
{
    uint32_t ticks = timer_ticks() - start;
    unsigned long per_second = ticks > 0 ? (uint32_t)test->tested / ticks * TIMER_HZ : 0;

    print(out, "memtest: %3u %%, %lu KiB tested, %lu MB/s, %lu bad frames\n", percent(test),
          KIB(test->tested), KIB(per_second) >> 10, test->bad);
}

/* Free memory once through, with a line every ten percent. Returns the frames found bad. */
static unsigned long
test_all(struct printer *out, uint32_t seed)
{
    struct memtest test = MEMTEST_START(seed);
    uint32_t start = timer_ticks();
    unsigned next = 10;

    while (memtest_step(&test, out))
        if (percent(&test) >= next) {
            print_progress(out, &test, start);
            next = percent(&test) / 10 * 10 + 10;
        }
    print_progress(out, &test, start);
    return test.bad;
}

void
memtest_at_start(void)
{
    uint64_t fault;

    if (cmdline_number("memtest_fault", &fault))
        memtest_fault = (struct memtest_fault){fault & ~3ull, 0x10};
    if (cmdline_flag("memtest"))
        (void)test_all(&klog_printer, timer_ticks());
}

static int
memtest(int argc, char **argv)
{
    uint64_t seed = timer_ticks();

    if (argc > 2 || (argc == 2 && !cmdline_size(argv[1], &seed)))
        return MONITOR_USAGE;
    return test_all(&console_printer, (uint32_t)seed) == 0 ? MONITOR_DONE : MONITOR_FAILED;
}
MONITOR_COMMAND(memtest, "[SEED]", "test free memory, retire bad frames", memtest);

/* ---- the device ---- */

/* The pass that readers of the device share; one at a time makes a step. */
static struct memtest shared;
static struct mutex shared_mutex STATIC_MUTEX = MUTEX_INIT;

/* Each read is a step and gives a line: where it is, the end (frames), tested, bad. Position 0
 * starts a pass; behind its last step there is nothing to read. */
static int
make_step(char *line, size_t size, bool first)
{
    int length = 0;

    mutex_lock(&shared_mutex);
    if (first)
        shared = (struct memtest){.seed = timer_ticks(), .pass = shared.pass + 1};
    if (memtest_step(&shared, &klog_printer))
        length = format_text(line, size, "%lu %lu %lu %lu\n", shared.next.n, memtest_end().n,
                             shared.tested, shared.bad);
    mutex_unlock(&shared_mutex);
    return length;
}

static long
read_step(struct file *file, struct buffer *to, uint64_t *position)
{
    char line[80];
    int length = make_step(line, sizeof(line), *position == 0);

    (void)file;
    if (length == 0)
        return 0;
    if (to->size < (size_t)length)
        return -EINVAL;
    if (buffer_put(to, line, (size_t)length) != 0)
        return -EFAULT;
    *position += (size_t)length;
    return length;
}

static const struct file_ops memtest_ops = {.read = read_step};

void
memtest_init(void)
{
    tree_add_device("/dev/memtest", &memtest_ops, 10, 100);
}
