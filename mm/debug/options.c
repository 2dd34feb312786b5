/* options.c - which aids are on, and their start.
 *
 * An aid is a bit of mm_debug. It may need others, which come with it (the table below). The word
 * is fixed before mm/ starts, since caches, stacks of frames and tables are made to suit.
 */
#include <string.h>
#include "../slab_private.h"
#include "debug_private.h"
#include "memmap.h"

unsigned mm_debug;

static const struct {
    const char *word;
    unsigned aids;
} words[] = {
    {"heap", DEBUG_HEAP},
    {"stacks", DEBUG_STACKS | DEBUG_HEAP},
    {"quarantine", DEBUG_QUARANTINE | DEBUG_HEAP},
    {"guard", DEBUG_GUARD | DEBUG_HEAP},
    {"leaks", DEBUG_LEAKS | DEBUG_STACKS | DEBUG_HEAP},
    {"pages", DEBUG_PAGES},
    {"poison", DEBUG_POISON | DEBUG_PAGES},
    {"tlb", DEBUG_TLB},
    {"all", ~0u},
};

static const char *guarded; /* names of caches; NULL: all */

/* The next word of a list with commas; its length to *length. NULL behind the last. */
static const char *
next_word(const char *at, size_t *length)
{
    while (*at == ',')
        at++;
    *length = 0;
    while (at[*length] && at[*length] != ',')
        ++*length;
    return *length ? at : NULL;
}

static bool
is_word(const char *at, size_t length, const char *word)
{
    return strlen(word) == length && !memcmp(at, word, length);
}

/* The aids that the word of `length` characters stands for; 0 when it is none. */
static unsigned
aids_of(const char *word, size_t length)
{
    for (unsigned i = 0; i < ARRAY_LENGTH(words); i++)
        if (is_word(word, length, words[i].word))
            return words[i].aids;
    return 0;
}

void
mm_debug_choose(const char *text)
{
    size_t length;
    for (; (text = next_word(text, &length)); text += length) {
        unsigned aids = aids_of(text, length);
        if (!aids)
            klog("debug: '%.*s' is none of heap, stacks, quarantine, guard, leaks, pages, poison, "
                 "tlb, all\n",
                 (int)length, text);
        mm_debug |= aids;
    }
}

void
mm_debug_guard(const char *caches)
{
    mm_debug |= DEBUG_GUARD | DEBUG_HEAP;
    guarded = caches;
}

bool
guard_wanted(const char *cache)
{
    size_t length;
    if (!debug_on(DEBUG_GUARD) || !guarded)
        return debug_on(DEBUG_GUARD);
    for (const char *at = guarded; (at = next_word(at, &length)); at += length)
        if (is_word(at, length, cache) || is_word(at, length, "all"))
            return true;
    return false;
}

static bool
is_cache(const char *at, size_t length)
{
    for (const struct kmem_cache *cache = slab_caches; cache; cache = cache->next)
        if (is_word(at, length, cache->name))
            return true;
    return is_word(at, length, "all");
}

void
mm_debug_check_guard(void)
{
    size_t length;
    for (const char *at = guarded; at && (at = next_word(at, &length)); at += length)
        if (!is_cache(at, length))
            klog("guard: there is no cache '%.*s' (slabinfo lists them)\n", (int)length, at);
}

void
debug_start(struct bootmem *boot)
{
    uint64_t ram = memmap_ram_frames(boot->regions, boot->region_count, 0, 0) << PAGE_SHIFT;
    stacks_start(boot, mm_debug & (DEBUG_STACKS | DEBUG_PAGES) ? ram : 0);
    pages_start(boot);
    quarantine_start(ram);
    guard_start(boot, ram);
}

void
mm_debug_print(struct printer *out)
{
    print(out, "on:");
    for (unsigned i = 0; i + 1 < ARRAY_LENGTH(words); i++)
        if ((mm_debug & words[i].aids) == words[i].aids)
            print(out, " %s", words[i].word);
    print(out, mm_debug ? "\n" : " nothing (boot with debug=all)\n");
    stacks_print_use(out);
    quarantine_print_use(out);
    guard_print_use(out);
}
