/* memview.h - memory on the screen: the monitor's command and the program of that name.
 *
 *   who shows it ──► struct memview ──► pages: map, lists, slabs, help, and what else there is
 *   (loop, keys)        │    │
 *                       │    └── struct screen ──► terminal
 *                       └── struct memview_source: where the figures come from
 *
 * The map shows 1024 cells. At first they are the whole machine's; Enter on a cell shows what is in
 * it, down to a block of 1024 frames, a cell each, and to one frame's story.
 */
#ifndef OCTAVO_MEMVIEW_H
#define OCTAVO_MEMVIEW_H

#include "owner.h"
#include "screen.h"

#define MEMVIEW_ORDERS    11u /* of free chunks */
#define MEMVIEW_COLUMNS   64u /* cells in a row */
#define MEMVIEW_ROWS      16u
#define MEMVIEW_CELLS     (MEMVIEW_COLUMNS * MEMVIEW_ROWS)
#define MEMVIEW_BLOCK     1024u /* frames in a block */
#define MEMVIEW_ZOOMS     3u
#define MEMVIEW_TEXT      2048u
#define MEMVIEW_CACHES    64u

/* One cache of objects. */
struct memview_cache {
    char name[20];
    unsigned long used, objects, size, slabs, frames;
};

/* Where the figures come from. */
struct memview_source {
    /* As census_blocks and census_frames (census.h). */
    size_t (*blocks)(uint32_t first, struct block_summary *to, size_t count);
    size_t (*frames)(unsigned long first, uint8_t *to, size_t count);
    /* A frame's story: at most size - 1 characters and a zero. */
    void (*story)(unsigned long frame, char *text, size_t size);
    /* Free chunks by zone and order. */
    void (*lists)(unsigned long chunks[BLOCK_NO_ZONE][MEMVIEW_ORDERS]);
    /* At most `count` caches of objects; returns how many. */
    size_t (*caches)(struct memview_cache *to, size_t count);
    /* The slabs of a cache, as a story. */
    void (*slabs)(const char *cache, char *text, size_t size);
};

/* What some frames are, counted. */
struct tally {
    uint16_t owners[FRAME_OWNERS];
    uint16_t chunks[MEMVIEW_ORDERS]; /* free ones, by order */
};

/* The same where there may be more of them. */
struct memview_sums {
    uint32_t owners[FRAME_OWNERS];
    uint32_t chunks[MEMVIEW_ORDERS];
};

/* A part of memory on the map: cells of 2^order frames. */
struct zoom {
    unsigned long first; /* frame of cell 0 */
    unsigned order;
    unsigned cells; /* that have memory behind them */
    unsigned cursor;
};

struct memview;

/* One way to look. */
struct memview_page {
    char key;         /* that leads here */
    const char *name; /* for the line of keys */
    void (*draw)(struct memview *view);
    /* True when the key was one of the page's own. */
    bool (*key_pressed)(struct memview *view, int key);
};

struct memview {
    struct screen screen;
    const struct memview_source *source;
    const struct memview_page *const *pages; /* those there are, NULL behind the last */
    const struct memview_page *page;
    bool story;                       /* the map shows the frame under its cursor */
    unsigned fit;                     /* order of the figure of fragmentation */

    struct memview_cache caches[MEMVIEW_CACHES];
    unsigned cache_count, cache_cursor;
    bool cache_open; /* the slabs of the one under the cursor are shown */

    uint32_t blocks;
    struct zoom zooms[MEMVIEW_ZOOMS];
    unsigned depth; /* index of the zoom shown */
    uint16_t cells[MEMVIEW_CELLS];  /* of the whole machine, as drawn */
    struct memview_sums sums;       /* of the whole machine */
    uint16_t near[MEMVIEW_CELLS];   /* of the zoom shown, when it is another */
    struct memview_sums near_sums;
    uint8_t bytes[MEMVIEW_BLOCK];   /* of a block, as the source gives them */
    char text[MEMVIEW_TEXT];        /* a story */

    /* A unit is a cell or a block, whichever is larger. */
    unsigned units, unit_order;
    unsigned last_due;   /* unit that was read because it had changed */
    unsigned last_mixed; /* ... although nothing seemed to have */
    uint32_t *keys;     /* of each block, what tells that it has changed */
    struct tally *tallies; /* of each unit */
    uint8_t *states;       /* of each unit (kernel/memview/map.c) */
};

/* Bytes of memory for a view. */
size_t memview_bytes(const struct memview_source *source);

/* Makes that memory, all zeros, a view that begins with the first of the pages (NULL behind the
 * last) and has read nothing yet. */
struct memview *memview_begin(void *memory, const struct memview_source *source,
                              const struct memview_page *const *pages,
                              void (*write)(const char *text, size_t size));

/* Looks at what has changed. Bounded work, whatever the size of the machine. */
void memview_refresh(struct memview *view);

/* Shows it. */
void memview_draw(struct memview *view);

/* The terminal shows something else now. */
void memview_repaint(struct memview *view);

/* Takes a key (keys.h). False when it means to leave. */
bool memview_key(struct memview *view, int key);

void memview_end(struct memview *view);

/* ---- pages (kernel/memview/map.c, lists.c) ---- */

extern const struct memview_page memview_map, memview_lists, memview_slabs;

/* ---- what pages share (kernel/memview/view.c) ---- */

/* The frames as an amount, in the unit that fits: "64K", "52.3M". */
#define AMOUNT_SIZE 12u
const char *memview_amount(char text[AMOUNT_SIZE], unsigned long frames);

/* Part of whole in percent; 0 of nothing. */
unsigned memview_percent(unsigned long part, unsigned long whole);

/* A bar of `width` cells, filled as far as part is of whole. */
void memview_bar(struct screen *screen, unsigned width, unsigned long part, unsigned long whole,
                 uint8_t colour);

/* Frames in chunks of less than 2^order frames: no use to whoever wants so many at once. */
unsigned long memview_unusable(const uint32_t chunks[MEMVIEW_ORDERS], unsigned order);

/* A cell whose frames are `tally`: colour << 8 | character. */
uint16_t memview_cell(const struct tally *tally);
/* The same for one frame that is described by a byte. */
uint16_t memview_frame_cell(uint8_t byte);

/* How an owner is drawn. */
struct owner_look {
    char letter;
    uint8_t colour;
};
extern const struct owner_look owner_looks[FRAME_OWNERS];

/* Reads the map anew, as far as there is time (kernel/memview/map.c). */
void memview_map_begin(struct memview *view);
void memview_map_refresh(struct memview *view);

#endif
