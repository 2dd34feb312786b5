/* ktest.h - one test source, three worlds.
 *
 *   KTEST(buddy, split_then_merge) { CHECK(...); CHECK_EQ(a, b); }
 *
 * defines the test mm/buddy/split_then_merge. The host runner prints TAP, the kernel KTAP; both
 * find tests in the linker section "ktest". A failed CHECK reports and leaves the test function.
 */
#ifndef OCTAVO_KTEST_H
#define OCTAVO_KTEST_H

#include "types.h"
#include "printer.h"

struct ktest {
    const char *name; /* "mm/FILE/CASE" */
    void (*run)(void);
};

#define KTEST(file, test)                                                                          \
    static void ktest_##file##_##test(void);                                                       \
    static const struct ktest ktest_entry_##file##_##test                                          \
        __attribute__((used, section("ktest"), aligned(sizeof(void *)))) = {                       \
            "mm/" #file "/" #test, ktest_##file##_##test};                                         \
    static void ktest_##file##_##test(void)

/* Where a check stands and what it says. */
struct ktest_site {
    const char *file;
    const char *expression;
    int line;
};

/* Mark the running test as failed and print where and why; ktest_equal only when the two differ,
 * and says whether they are equal. Out of line, so that a check costs a test little of the kernel's
 * size. */
void ktest_fail(const char *file, int line, const char *expression) __attribute__((cold));
void ktest_fail_at(const struct ktest_site *site) __attribute__((cold));
MUST_CHECK bool ktest_equal(unsigned long long got, unsigned long long wanted,
                            const struct ktest_site *site);
/* Ends the running test as skipped: not enough memory, no such hardware. */
void ktest_skip(const char *why);
/* The seed of this run (printed by the runner; chosen by `seed=N` or the environment's SEED) mixed
 * with the test's name. */
uint32_t ktest_seed(void);
/* A small fast generator for tests: the next number, 0 .. 2^32-1. */
uint32_t ktest_random(uint32_t *state);

/* Expects the panic that `call` must raise: true when it panicked with a message that contains
 * `text`. Nothing that the call did before is undone. */
bool ktest_panics(void (*call)(void *), void *argument, const char *text);

#define CHECK(expression)                                                                          \
    do {                                                                                           \
        static const struct ktest_site site_ = {__FILE__, #expression, __LINE__};                  \
        if (!(expression)) {                                                                       \
            ktest_fail_at(&site_);                                                                 \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#define CHECK_EQ(got, wanted)                                                                      \
    do {                                                                                           \
        static const struct ktest_site site_ = {__FILE__, #got " == " #wanted, __LINE__};          \
        if (!ktest_equal((unsigned long long)(got), (unsigned long long)(wanted), &site_))         \
            return;                                                                                \
    } while (0)

/* Memory that a test may use until it ends, page aligned, so that not every file of tests brings an
 * array of its own into the kernel. It holds rubbish. */
#define KTEST_SCRATCH_BYTES 24576
extern uint8_t ktest_scratch[KTEST_SCRATCH_BYTES];

#define SKIP(why)                                                                                  \
    do {                                                                                           \
        ktest_skip(why);                                                                           \
        return;                                                                                    \
    } while (0)

/* Runs every test whose name matches the glob (`*` also matches `/`, `?` any one character) and
 * prints KTAP to ktest_out. Returns the number that failed; no match counts as one failure. */
unsigned ktest_run(const char *glob);

/* ---- for the programs that run tests ---- */

/* Where results go: klog_printer unless somebody says otherwise. */
extern struct printer *ktest_out;

/* Called by kpanic with its message before anything else, when set. */
extern void (*kpanic_hook)(const char *message);

/* Where it is defined, it runs after each test and fails the test by returning false. */
bool ktest_after(void) __attribute__((weak));

/* Where it is defined (on the host), what `run` answers in a process of its own; false when that
 * process dies, or takes minutes. What it did is forgotten. */
bool ktest_apart(bool (*run)(void *), void *argument) __attribute__((weak));

void ktest_set_seed(uint32_t seed);
bool ktest_glob(const char *glob, const char *text);

/* As ktest_run for any of several globs (none: every test), without the line that names the format.
 */
unsigned ktest_run_globs(const char *const *globs, size_t count);
/* Calls visit (unless it is NULL) with each matching name; returns how many there are. */
unsigned ktest_list(const char *const *globs, size_t count, void (*visit)(const char *name));

#endif
