/* probe.c - a look at memory before it is trusted.
 *
 * Some loaders and firmware claim more RAM than the machine has (v86 started directly says 64 MiB
 * or more whatever there is). Memory that is not there would be handed out first, because page
 * tables and descriptors go to the top. So the last word of every free region is written and read
 * back, past the caches. When it does not answer, the end of what does is found by halving:
 *
 *     region   [ answers ........................ | does not ............. )
 *                                                 ^ found to the page
 *
 * That is all: a look at one word a region, no memory test. Words are put back as they were.
 */
#include "bootmem.h"
#include "pagetable.h"
#include "platform.h"
#include "probe.h"

#define FOUR_GIB ((uint64_t)1 << 32)
#define ONE_MIB  0x100000u
#define PATTERN  0x5AA5C33Cu
/* Where the word to test is in its page; the one before it keeps the bus from remembering. */
#define LAST_WORDS (PAGE_SIZE - 2 * sizeof(uint32_t))

/* Writes `value` to words[1] and its opposite to words[0]; true when both are there afterwards. */
static bool
holds(volatile uint32_t *words, uint32_t value)
{
    words[1] = value;
    words[0] = ~value;
    return words[1] == value && words[0] == ~value;
}

bool
probe_answers(paddr_t address)
{
    volatile uint32_t *words = fixmap_map_uncached(FIXMAP_PEEK, address);
    uint32_t before[2] = {words[0], words[1]};
    bool answers = holds(words, PATTERN) && holds(words, ~PATTERN);

    words[0] = before[0];
    words[1] = before[1];
    fixmap_unmap(FIXMAP_PEEK);
    return answers;
}

static bool
frame_answers(unsigned long frame)
{
    return probe_answers(pfn_to_paddr(pfn(frame)) + LAST_WORDS);
}

/* The first frame of [first, end) from which on nothing answers. The last one does not. */
static unsigned long
end_of_memory(unsigned long first, unsigned long end)
{
    unsigned long last = end - 1;

    while (first < last) {
        unsigned long middle = first + (last - first) / 2;

        if (frame_answers(middle))
            first = middle + 1;
        else
            last = middle;
    }
    return first;
}

/* Tries one region; true when it was cut, which changes the list of regions. */
static bool
probe_region(struct bootmem *boot, const struct memmap_region *region)
{
    unsigned long first = paddr_to_pfn(region->start + PAGE_MASK).n;
    unsigned long end = paddr_to_pfn(region->end).n, answering;

    if (first >= end || frame_answers(end - 1))
        return false;
    answering = end_of_memory(first, end);
    klog("memmap: no memory answers in [0x%08llx, 0x%08llx): left alone\n",
         (unsigned long long)pfn_to_paddr(pfn(answering)), (unsigned long long)region->end);
    bootmem_own(boot, pfn_to_paddr(pfn(answering)), region->end, MEMMAP_ABSENT);
    return true;
}

static bool
is_probed(const struct memmap_region *region)
{
    return region->type == MEMMAP_RAM && region->owner == MEMMAP_FREE && region->start >= ONE_MIB &&
           region->end != 0 && region->end <= FOUR_GIB;
}

void
probe_memory(struct bootmem *boot)
{
    size_t i = 0;

    while (i < boot->region_count) {
        if (is_probed(&boot->regions[i]) && probe_region(boot, &boot->regions[i]))
            i = 0;
        else
            i++;
    }
}
