/* memory_options.c - mem= and badram= in words and numbers (memory_options.h). */
#include <string.h>
#include "cmdline.h"
#include "memory_options.h"

#define NUMBER_MAX 32 /* characters of a number, with its suffix */

/* A number up to a ',', one of `ends` or the end; *text moves behind it. False when it is none. */
static bool
take_number(const char **text, const char *ends, uint64_t *number)
{
    char copy[NUMBER_MAX];
    size_t length = 0;

    while ((*text)[length] != '\0' && (*text)[length] != ',' &&
           strchr(ends, (*text)[length]) == NULL)
        length++;
    if (length >= sizeof(copy))
        return false;
    memcpy(copy, *text, length);
    copy[length] = '\0';
    *text += length;
    return cmdline_size(copy, number);
}

/* What separates items. True when another may follow, or the text is at its end. */
static bool
end_item(const char **text)
{
    if (**text == '\0')
        return true;
    if (**text != ',')
        return false;
    ++*text;
    return **text != '\0';
}

bool
memory_item(const char **text, struct memory_item *item)
{
    uint64_t type = MEMMAP_RESERVED;

    *item = (struct memory_item){.is_limit = true};
    if (!take_number(text, "@", &item->size) || item->size == 0)
        return false;
    if (**text == '@') {
        item->is_limit = false;
        ++*text;
        if (!take_number(text, "!", &item->base))
            return false;
        if (**text == '!') {
            ++*text;
            if (!take_number(text, "", &type) || type > UINT32_MAX)
                return false;
        }
    }
    item->type = (uint32_t)type;
    return end_item(text);
}

/* A mask of 32 bits is for all addresses above 4 GiB none: their upper bits must be the same. */
bool
bad_frames_item(const char **text, struct bad_frames *bad)
{
    *bad = (struct bad_frames){.mask = UINT64_MAX};
    if (!take_number(text, "", &bad->address) || !end_item(text))
        return false;
    if (**text != '\0' && (!take_number(text, "", &bad->mask) || !end_item(text)))
        return false;
    if (bad->mask <= UINT32_MAX)
        bad->mask |= UINT64_MAX << 32;
    bad->mask &= ~(uint64_t)PAGE_MASK;
    bad->address &= bad->mask;
    return bad->mask != 0;
}

/* Up to the lowest bit that must be the same, all bits are open. */
uint64_t
bad_run_length(const struct bad_frames *bad)
{
    return bad->mask & -bad->mask;
}

/* The open bits above count upwards: a carry runs over those that must be the same. */
bool
bad_run_next(const struct bad_frames *bad, uint64_t *start)
{
    uint64_t open = ~bad->mask & ~(bad_run_length(bad) - 1);
    uint64_t next = ((*start | ~open) + 1) & open;

    *start = next | bad->address;
    return next != 0;
}
