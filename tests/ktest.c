/* ktest.c - finds the tests in the linker section "ktest", runs them and prints the result.
 *
 * Each test is one line, `ok N name`, `ok N name # SKIP why` or `not ok N name with seed S`, with
 * lines that start with `# ` before it that say why: TAP on the host, KTAP in the kernel. What the
 * code under test logs comes in between; it looks like neither.
 *
 * A test ends by returning; a failed check marks it and returns from it. ktest_panics leaves the
 * code under test by a jump out of kpanic, so whatever that code held (locks, memory) stays held: a
 * test uses objects of its own for that.
 *
 * Each test draws its random numbers from the seed of the run mixed with its own name, so a failure
 * comes back when that test alone runs with the same seed.
 */
#include "ktest.h"
#include "platform.h"
#include "printer.h"

#define KTEST_DEFAULT_SEED 1

extern const struct ktest __start_ktest[];
extern const struct ktest __stop_ktest[];

struct printer *ktest_out = &klog_printer;
uint8_t ktest_scratch[KTEST_SCRATCH_BYTES] __attribute__((aligned(4096)));

static uint32_t run_seed = KTEST_DEFAULT_SEED;
static const struct ktest *running;
static bool failed;
static const char *skipped;

/* ---- what tests call ---- */

void
ktest_fail(const char *file, int line, const char *expression)
{
    failed = true;
    print(ktest_out, "# %s:%d: failed: %s\n", file, line, expression);
}

void
ktest_fail_at(const struct ktest_site *site)
{
    ktest_fail(site->file, site->line, site->expression);
}

bool
ktest_equal(unsigned long long got, unsigned long long wanted, const struct ktest_site *site)
{
    if (got == wanted)
        return true;
    ktest_fail_at(site);
    print(ktest_out, "#   got %llu (0x%llx), wanted %llu (0x%llx)\n", got, got, wanted, wanted);
    return false;
}

void
ktest_skip(const char *why)
{
    skipped = why;
}

/* Fowler-Noll-Vo hash (FNV-1a, 32 bits) of the name, begun with the seed. */
uint32_t
ktest_seed(void)
{
    uint32_t hash = 2166136261u ^ run_seed;

    for (const char *c = running ? running->name : ""; *c; c++)
        hash = (hash ^ (uint8_t)*c) * 16777619u;
    return hash;
}

/* A counter in steps of the golden ratio, scrambled so that every bit of the result is worth using.
 */
uint32_t
ktest_random(uint32_t *state)
{
    uint32_t x = *state += 0x9e3779b9u;

    x = (x ^ (x >> 16)) * 0x85ebca6bu;
    x = (x ^ (x >> 13)) * 0xc2b2ae35u;
    return x ^ (x >> 16);
}

/* ---- expected panics ---- */

static void *panic_jump[5];
static unsigned panic_cpu;
static char panic_message[256];

/* Another CPU's panic is not the expected one: returning lets it go on. */
static void
catch_panic(const char *message)
{
    size_t i;

    if (cpu_current() != panic_cpu)
        return;
    for (i = 0; i + 1 < sizeof(panic_message) && message[i]; i++)
        panic_message[i] = message[i];
    panic_message[i] = '\0';
    __builtin_longjmp(panic_jump, 1);
}

static bool
contains(const char *text, const char *part)
{
    for (;; text++) {
        size_t i = 0;

        while (part[i] && text[i] == part[i])
            i++;
        if (!part[i])
            return true;
        if (!*text)
            return false;
    }
}

/* In a function of its own: a function that a jump comes back to may not keep values in registers.
 */
static __attribute__((noinline)) bool
returns(void (*call)(void *), void *argument)
{
    if (__builtin_setjmp(panic_jump) != 0)
        return false;
    call(argument);
    return true;
}

bool
ktest_panics(void (*call)(void *), void *argument, const char *text)
{
    bool returned;

    panic_cpu = cpu_current();
    kpanic_hook = catch_panic;
    returned = returns(call, argument);
    kpanic_hook = NULL;
    if (returned)
        print(ktest_out, "# no panic; wanted one with: %s\n", text);
    else if (!contains(panic_message, text))
        print(ktest_out, "# panic: %s; wanted: %s\n", panic_message, text);
    return !returned && contains(panic_message, text);
}

/* ---- the runner ---- */

/* `*` stands for any text, `/` included, and `?` for one character. On a mismatch the last `*`
 * takes one character more: linear in text for each star, no recursion. */
bool
ktest_glob(const char *glob, const char *text)
{
    const char *star = NULL;
    const char *retry = NULL;

    while (*text) {
        if (*glob == '*') {
            star = ++glob;
            retry = text;
        } else if (*glob == *text || *glob == '?') {
            glob++;
            text++;
        } else if (star) {
            glob = star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*glob == '*')
        glob++;
    return *glob == '\0';
}

static bool
wanted(const struct ktest *test, const char *const *globs, size_t count)
{
    if (count == 0)
        return true;
    for (size_t i = 0; i < count; i++) {
        if (ktest_glob(globs[i], test->name))
            return true;
    }
    return false;
}

unsigned
ktest_list(const char *const *globs, size_t count, void (*visit)(const char *name))
{
    unsigned found = 0;

    for (const struct ktest *test = __start_ktest; test < __stop_ktest; test++) {
        if (!wanted(test, globs, count))
            continue;
        found++;
        if (visit)
            visit(test->name);
    }
    return found;
}

/* True when the test passed or was skipped. */
static bool
run_one(const struct ktest *test, unsigned number)
{
    running = test;
    failed = false;
    skipped = NULL;
    test->run();
    if (ktest_after && !ktest_after()) {
        failed = true;
        print(ktest_out, "# the check after the test failed\n");
    }
    running = NULL;
    print(ktest_out, "%s %u %s", failed ? "not ok" : "ok", number, test->name);
    if (failed)
        print(ktest_out, " with seed %lu", (unsigned long)run_seed);
    if (skipped && !failed)
        print(ktest_out, " # SKIP %s", skipped);
    print(ktest_out, "\n");
    return !failed;
}

void
ktest_set_seed(uint32_t seed)
{
    run_seed = seed;
}

unsigned
ktest_run_globs(const char *const *globs, size_t count)
{
    unsigned total = ktest_list(globs, count, NULL);
    unsigned number = 0;
    unsigned failures = 0;
    unsigned skips = 0;

    print(ktest_out, "1..%u\n# seed %lu\n", total ? total : 1, (unsigned long)run_seed);
    if (total == 0) {
        print(ktest_out, "not ok 1 no test matches\n");
        return 1;
    }
    for (const struct ktest *test = __start_ktest; test < __stop_ktest; test++) {
        if (!wanted(test, globs, count))
            continue;
        failures += !run_one(test, ++number);
        skips += skipped != NULL;
    }
    print(ktest_out, "# %u passed, %u failed, %u skipped\n", total - failures - skips, failures,
          skips);
    return failures;
}

unsigned
ktest_run(const char *glob)
{
    print(ktest_out, "KTAP version 1\n");
    return ktest_run_globs(&glob, 1);
}
