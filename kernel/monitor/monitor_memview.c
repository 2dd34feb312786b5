/* monitor_memview.c - memory on the screen for machines without programs: memview (memview.h), with
 * figures from the allocators themselves.
 *
 * The view's memory is one kmalloc, given back at the end.
 */
#include "census.h"
#include "console.h"
#include "format.h"
#include "keys.h"
#include "kmalloc.h"
#include "memview.h"
#include "mm.h"
#include "monitor.h"
#include "timer.h"
#include <string.h>

#define REFRESH_TICKS (TIMER_HZ * 3 / 10)

/* ---- a story into a buffer ---- */

struct text_printer {
    struct printer printer;
    char *text;
    size_t left; /* room for characters, not for the zero */
};

static void
add_text(void *arg, const char *text, size_t size)
{
    struct text_printer *to = arg;

    size = size < to->left ? size : to->left;
    memcpy(to->text, text, size);
    to->text += size;
    to->left -= size;
    *to->text = '\0';
}

static void
vprint_text(struct printer *self, const char *format, va_list args)
{
    format_to(add_text, self, format, args);
}

_Static_assert(offsetof(struct text_printer, printer) == 0, "vprint finds the text by its printer");

static void
story(unsigned long frame, char *text, size_t size)
{
    struct text_printer to = {{vprint_text}, text, size - 1};

    mm_print_frame(&to.printer, pfn(frame));
}

static void
slabs(const char *cache, char *text, size_t size)
{
    struct text_printer to = {{vprint_text}, text, size - 1};

    (void)mm_print_slab(&to.printer, cache);
}

/* ---- figures ---- */

static size_t
frames(unsigned long first, uint8_t *to, size_t count)
{
    return census_frames(pfn(first), to, count);
}

static size_t
caches(struct memview_cache *to, size_t count)
{
    struct kmem_cache_stats stats;
    size_t index = 0;

    for (; index < count && census_cache(index, &stats); index++) {
        format_text(to[index].name, sizeof(to[index].name), "%s", stats.name);
        to[index].used = stats.objects_used;
        to[index].objects = stats.slabs * stats.slab_objects;
        to[index].size = stats.stride;
        to[index].slabs = stats.slabs;
        to[index].frames = stats.slabs * stats.slab_frames;
    }
    return index;
}

static const struct memview_source source = {
    .blocks = census_blocks, .frames = frames, .story = story,
    .lists = census_lists,   .caches = caches, .slabs = slabs,
};

static const struct memview_page *const pages[] = {
    &memview_map, &memview_lists, &memview_slabs, NULL,
};

/* ---- the command ---- */

static void
look(struct memview *view)
{
    for (int key = KEY_NONE; key != MONITOR_KEY && memview_key(view, key);
         key = console_wait_key(REFRESH_TICKS)) {
        if (key == KEY_NONE)
            memview_refresh(view);
        memview_draw(view);
    }
}

static int
memview(int argc, char **argv)
{
    void *memory;

    (void)argv;
    if (argc != 1)
        return MONITOR_USAGE;
    memory = kzalloc(memview_bytes(&source));
    if (memory == NULL) {
        print(&console_printer, "There is no memory to look at memory with.\n");
        return MONITOR_FAILED;
    }
    look(memview_begin(memory, &source, pages, console_write));
    memview_end(memory);
    kfree(memory);
    return MONITOR_DONE;
}
MONITOR_COMMAND(memview, "", "all memory on the screen; q leaves", memview);
