/* commit.c - the account of promised memory.
 *
 * A program is promised memory when it maps it, and gets it page by page when it touches it.
 * Between the two lies the choice of what to promise (commit.h). The account counts pages that
 * would need a frame of their own if everybody touched all they were promised: private writable
 * memory, shared memory, files of tmpfs. Pages that can be had again do not count.
 *
 * The limit of strict accounting leaves a tenth of what was free at the start for what programs
 * cause without asking for it, page tables and kernel objects, the kernel's reserve, and the pages
 * of files that stay (reclaim.c).
 */
#include "commit.h"
#include "reclaim.h"

static enum commit_mode mode;
static unsigned long charged;
static unsigned long total, limit;

void
commit_init(unsigned long frames)
{
    unsigned long kept = frames / 10 + 2 * reclaim_reserve();

    charged = 0;
    total = frames;
    limit = frames > kept ? frames - kept : 0;
}

void
commit_set_mode(enum commit_mode new_mode)
{
    mode = new_mode;
}

bool
commit_is_strict(void)
{
    return mode == COMMIT_STRICT;
}

enum commit_mode
commit_mode(void)
{
    return mode;
}

/* Within the limit, whoever else charges at the same time. */
static bool
charge_strictly(unsigned long pages)
{
    unsigned long before = commit_charged();

    do {
        if (pages != 0 && (before > limit || pages > limit - before))
            return false;
    } while (!__atomic_compare_exchange_n(&charged, &before, before + pages, false,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return true;
}

bool
commit_charge(unsigned long pages)
{
    if (UNLIKELY(mode == COMMIT_STRICT))
        return charge_strictly(pages);
    if (pages > total && mode != COMMIT_ALWAYS)
        return false;
    commit_restore(pages);
    return true;
}

void
commit_restore(unsigned long pages)
{
    __atomic_fetch_add(&charged, pages, __ATOMIC_RELAXED);
}

void
commit_release(unsigned long pages)
{
    ASSERT(pages <= commit_charged());
    __atomic_fetch_sub(&charged, pages, __ATOMIC_RELAXED);
}

unsigned long
commit_charged(void)
{
    return __atomic_load_n(&charged, __ATOMIC_RELAXED);
}

unsigned long
commit_limit(void)
{
    return limit;
}
