/* reclaim.c - getting memory back when it is short. */
#include "reclaim.h"
#include "commit.h"
#include "pmm_private.h"
#include "slab_private.h"

static unsigned long reserve, low, high;
static struct shrinker *shrinkers;

unsigned long
reclaim_reserve(void)
{
    return reserve;
}

unsigned long
reclaim_low_mark(void)
{
    return low;
}

unsigned long
reclaim_high_mark(void)
{
    return high;
}

void
reclaim_init(void)
{
    unsigned long share = pmm_managed_frames() / 64;

    reserve = share < 8 ? 8 : share > 1024 ? 1024 : share;
    low = reserve + reserve / 2;
    high = 2 * reserve;
    shrinkers = NULL;
    commit_init(pmm_free_frames());
}

void
shrinker_register(struct shrinker *shrinker)
{
    shrinker->next = shrinkers;
    shrinkers = shrinker;
}

unsigned long
reclaim_frames(unsigned long frames)
{
    unsigned long got = 0;

    for (struct shrinker *shrinker = shrinkers; shrinker && got < frames; shrinker = shrinker->next)
        got += shrinker->shrink(frames - got);
    if (got < frames)
        got += slab_reap_cpu();
    return got;
}
