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

static bool
allowed(unsigned long pages)
{
    if (mode == COMMIT_STRICT)
        return pages == 0 || (charged <= limit && pages <= limit - charged);
    return mode == COMMIT_ALWAYS || pages <= total;
}

bool
commit_charge(unsigned long pages)
{
    if (!allowed(pages))
        return false;
    charged += pages;
    return true;
}

void
commit_restore(unsigned long pages)
{
    charged += pages;
}

void
commit_release(unsigned long pages)
{
    ASSERT(pages <= charged);
    charged -= pages;
}

unsigned long
commit_charged(void)
{
    return charged;
}

unsigned long
commit_limit(void)
{
    return limit;
}
