/* main.c - ktests [--list] [GLOB...]: the tests of mm/ in a program, as TAP.
 *
 * Runs the tests that match any GLOB (all without one); --list prints their names instead. SEED in
 * the environment makes the random tests repeat a run; without it each run draws its own and prints
 * it. With PAE in the environment programs have page tables of that format. FRAME there is the
 * number of the memory's first frame, a multiple of 1024: some must not matter. Exit status: 0 when
 * all passed, 1 when some failed or none matched, 2 for wrong usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ktest.h"
#include "machine.h"
#include "platform.h"
#include "space.h"

static void
stdout_vprint(struct printer *self, const char *format, va_list args)
{
    (void)self;
    vprintf(format, args);
}

static struct printer stdout_printer = {stdout_vprint};

static void
print_name(const char *name)
{
    puts(name);
}

bool
ktest_apart(bool (*run)(void *), void *argument)
{
    int status = -1;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        bool passed;

        alarm(300);
        passed = run(argument);
        fflush(stdout);
        _exit(passed ? 0 : 1);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0)
        ;
    if (WIFSIGNALED(status))
        printf("# signal %d ended it\n", WTERMSIG(status));
    return status == 0;
}

/* False when SEED is not a number. */
static bool
choose_seed(void)
{
    const char *text = getenv("SEED");
    char *end;
    unsigned long seed;

    if (!text || !*text) {
        ktest_set_seed((uint32_t)time(NULL) * 65599u + (uint32_t)getpid());
        return true;
    }
    seed = strtoul(text, &end, 0);
    ktest_set_seed((uint32_t)seed);
    return *end == '\0';
}

/* False when FRAME is not the number of a block's first frame. */
static bool
choose_base(void)
{
    const char *text = getenv("FRAME");
    char *end;

    if (!text || !*text)
        return true;
    machine_base = strtoul(text, &end, 0);
    return *end == '\0' && machine_base % 1024 == 0;
}

int
main(int argc, char **argv)
{
    bool list = argc > 1 && strcmp(argv[1], "--list") == 0;
    const char *const *globs = (const char *const *)argv + 1 + list;
    size_t count = (size_t)(argc - 1 - list);

    if (count && globs[0][0] == '-') {
        fprintf(stderr, "usage: %s [--list] [GLOB...]\n", argv[0]);
        return 2;
    }
    if (list)
        return ktest_list(globs, count, print_name) ? 0 : 1;
    if (!choose_seed()) {
        fprintf(stderr, "%s: SEED is not a number\n", argv[0]);
        return 2;
    }
    if (!choose_base()) {
        fprintf(stderr, "%s: FRAME is not a multiple of 1024\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    ktest_out = &stdout_printer;
    printf("TAP version 13\n");
    if (getenv("PAE") != NULL)
        space_choose_format(true, (uint64_t)1 << 63);
    machine_start_usual();
    return ktest_run_globs(globs, count) ? 1 : 0;
}
