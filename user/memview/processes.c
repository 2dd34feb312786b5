/* processes.c - the memory of programs, from /proc: which there are, the areas of one (smaps), the
 * pages of an area (pagemap), a cell each, and what is known of one page (owner/ADDRESS).
 *
 *   processes ── Enter ──► areas ── Enter ──► pages ── Enter ──► one page        Esc: back
 */
#include "pages.h"
#include "keys.h"

#define FIRST_ROW 2u
#define ROWS      20u
#define MAP_ROW   1u
#define MAP_COLUMN 9u
#define HERE_ROW  (MAP_ROW + MEMVIEW_ROWS + 1)
#define LEGEND_ROW (HERE_ROW + 2)
#define HEAD_COLOUR COLOUR(CYAN | BRIGHT, BLACK)
#define AREAS_MAX 256u
#define PROCESSES_MAX 128u

enum depth { PROCESSES, AREAS, PAGES, ONE_PAGE };

struct area {
    unsigned long start, end;
    char may[5], name[28];
    unsigned long size, resident, shared, alone; /* KiB */
};

static struct {
    enum depth depth;
    unsigned cursor[ONE_PAGE]; /* on each level; of pages: number in the area */
    unsigned count;            /* of what the level has */
    unsigned long pids[PROCESSES_MAX];
    unsigned long pid;
    struct area areas[AREAS_MAX];
    struct area area; /* whose pages are shown */
    uint64_t words[MEMVIEW_CELLS];
} now;

static char text[4096];

/* ---- lists with a cursor ---- */

/* The first of the entries shown, so that the cursor is among them. */
static unsigned
first_shown(void)
{
    unsigned cursor = now.cursor[now.depth];

    return cursor < ROWS ? 0 : cursor - ROWS + 1;
}

/* Goes to the line of entry `index`; false when it is not shown. */
static bool
begin_line(struct screen *screen, unsigned index)
{
    unsigned row = index - first_shown();
    bool here = index == now.cursor[now.depth];

    if (index < first_shown() || row >= ROWS)
        return false;
    screen_at(screen, FIRST_ROW + 1 + row, 0, here ? COLOUR_HERE : COLOUR_TEXT);
    if (here) {
        screen->cursor_row = screen->row;
        screen->cursor_column = 0;
    }
    return true;
}

static void
end_list(unsigned count)
{
    now.count = count;
    if (now.cursor[now.depth] >= count)
        now.cursor[now.depth] = count > 0 ? count - 1 : 0;
}

/* ---- processes ---- */

/* pid (name) state ... vsize rss ... */
static void
draw_process(struct memview *view, unsigned index, unsigned long pid)
{
    char path[32], mapped[AMOUNT_SIZE], resident[AMOUNT_SIZE];
    const char *open, *close, *at;
    unsigned long numbers[21];

    format_text(path, sizeof(path), "/proc/%lu/stat", pid);
    if (read_text(path, text, sizeof(text)) <= 0 || !begin_line(&view->screen, index))
        return;
    open = strchr(text, '(');
    close = strrchr(text, ')');
    if (!open || !close)
        return;
    at = close;
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
        numbers[i] = next_number(&at);
    screen_print(&view->screen, "%7lu %7lu  %c  %9s %9s  %-20.*s", pid, numbers[0], close[2],
                 memview_amount(mapped, numbers[19] / PAGE_SIZE),
                 memview_amount(resident, numbers[20]), (int)(close - open - 1), open + 1);
    screen_pad(&view->screen, 60);
    memview_bar(&view->screen, 18, numbers[20], (unsigned long)view->blocks * MEMVIEW_BLOCK,
                COLOUR(WHITE | BRIGHT, BLUE));
}

static void
draw_processes(struct memview *view)
{
    struct folder folder;
    const struct dirent64 *record;
    unsigned count = 0;

    screen_print(&view->screen, "processes");
    screen_at(&view->screen, FIRST_ROW, 0, HEAD_COLOUR);
    screen_print(&view->screen, "%7s %7s  S  %9s %9s  %-20s%s", "pid", "parent", "mapped",
                 "resident", "name", "of the machine");
    if (folder_open(&folder, "/proc") < 0)
        return;
    while ((record = folder_next(&folder)))
        if (text_number(record->name, &now.pids[count]) && count < PROCESSES_MAX - 1)
            count++;
    end_list(count);
    for (unsigned i = 0; i < count; i++)
        draw_process(view, i, now.pids[i]);
}

/* ---- areas ---- */

/* "08000000-08001000 rw-p 00000000 00:00 0   [heap]"; false for another line. */
static bool
take_title(const char *line, struct area *area)
{
    *area = (struct area){0};
    for (unsigned i = 0; i < 2; i++, line++) {
        unsigned long *value = i == 0 ? &area->start : &area->end;
        const char *first = line;

        for (; (*line >= '0' && *line <= '9') || (*line >= 'a' && *line <= 'f'); line++)
            *value = *value << 4 | (unsigned long)(*line <= '9' ? *line - '0' : *line - 'a' + 10);
        if (line == first || *line != (i == 0 ? '-' : ' '))
            return false;
    }
    format_text(area->may, sizeof(area->may), "%.4s", line);
    for (unsigned blanks = 0; *line && blanks < 3; line++)
        blanks += *line == ' ';
    while (*line == ' ' || (*line >= '0' && *line <= '9'))
        line++;
    format_text(area->name, sizeof(area->name), "%s", *line ? line : "[anonymous]");
    return true;
}

static void
take_field(struct area *area, const char *line)
{
    static const struct {
        const char *name;
        size_t at;
    } fields[] = {
        {"Size:", offsetof(struct area, size)},
        {"Rss:", offsetof(struct area, resident)},
        {"Shared_Clean:", offsetof(struct area, shared)},
        {"Shared_Dirty:", offsetof(struct area, shared)},
        {"Private_Clean:", offsetof(struct area, alone)},
        {"Private_Dirty:", offsetof(struct area, alone)},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        const char *at = line + strlen(fields[i].name);

        if (strncmp(line, fields[i].name, strlen(fields[i].name)) == 0)
            *(unsigned long *)(void *)((char *)area + fields[i].at) += next_number(&at);
    }
}

/* Returns the number of areas; 0 when the process is gone. */
static unsigned
read_areas(void)
{
    struct reader reader = {0};
    struct area area;
    unsigned count = 0;
    char line[160];

    format_text(line, sizeof(line), "/proc/%lu/smaps", now.pid);
    reader.fd = open(line, O_RDONLY, 0);
    if (reader.fd < 0)
        return 0;
    while (read_line(&reader, line, sizeof(line))) {
        if (take_title(line, &area)) {
            if (count == AREAS_MAX)
                break;
            now.areas[count++] = area;
        } else if (count > 0) {
            take_field(&now.areas[count - 1], line);
        }
    }
    close(reader.fd);
    return count;
}

static void
draw_areas(struct memview *view)
{
    struct screen *screen = &view->screen;

    screen_print(screen, "areas of %lu", now.pid);
    screen_at(screen, FIRST_ROW, 0, HEAD_COLOUR);
    screen_print(screen, " %-17s  %-4s %9s%9s%9s%9s  %s", "addresses", "may", "KiB", "resident",
                 "shared", "private", "what");
    end_list(read_areas());
    if (now.count == 0) {
        screen_at(screen, FIRST_ROW + 1, 1, COLOUR_TEXT);
        screen_print(screen, "It has no memory, or is gone.");
    }
    for (unsigned i = 0; i < now.count; i++) {
        const struct area *area = &now.areas[i];

        if (!begin_line(screen, i))
            continue;
        screen_print(screen, " %08lx-%08lx  %s %9lu%9lu%9lu%9lu  %-18.18s", area->start, area->end,
                     area->may, area->size, area->resident, area->shared, area->alone, area->name);
    }
}

/* ---- pages ---- */

static const struct page_look {
    char letter;
    uint8_t colour;
    const char *what;
} looks[] = {
    {'.', COLOUR_WEAK, "not in memory"},
    {'P', COLOUR(WHITE | BRIGHT, BLUE), "its own"},
    {'p', COLOUR(WHITE | BRIGHT, MAGENTA), "copied on a write: others have it too"},
    {'z', COLOUR(BLUE | BRIGHT, BLACK), "zeros, not written yet"},
    {'F', COLOUR(BLACK, CYAN), "of a file or shared memory"},
    {'f', COLOUR(BLUE, CYAN), "the same, others map it too"},
};

static const struct page_look *
look_of(uint64_t word)
{
    if (!(word & PAGEMAP_PRESENT))
        return &looks[0];
    if (word & PAGEMAP_ZERO)
        return &looks[3];
    if (word & PAGEMAP_FILE)
        return &looks[word & PAGEMAP_EXCLUSIVE ? 4 : 5];
    return &looks[word & PAGEMAP_EXCLUSIVE ? 1 : 2];
}

static void
read_words(unsigned first, unsigned pages)
{
    char path[32];
    int fd;

    memset(now.words, 0, sizeof(now.words));
    format_text(path, sizeof(path), "/proc/%lu/pagemap", now.pid);
    fd = open(path, O_RDONLY, 0);
    if (fd < 0)
        return;
    read_at(fd, (now.area.start / PAGE_SIZE + first) * sizeof(now.words[0]), now.words,
            pages * sizeof(now.words[0]));
    close(fd);
}

static void
draw_page_cells(struct memview *view, unsigned first, unsigned pages)
{
    struct screen *screen = &view->screen;

    for (unsigned i = 0; i < pages; i++) {
        const struct page_look *look = look_of(now.words[i]);
        bool here = first + i == now.cursor[PAGES];

        if (i % MEMVIEW_COLUMNS == 0) {
            screen_at(screen, MAP_ROW + i / MEMVIEW_COLUMNS, 0, COLOUR_TEXT);
            screen_print(screen, "%08lx", now.area.start + (first + i) * PAGE_SIZE);
        }
        screen_at(screen, MAP_ROW + i / MEMVIEW_COLUMNS, MAP_COLUMN + i % MEMVIEW_COLUMNS,
                  here ? COLOUR_HERE : look->colour);
        if (here) {
            screen->cursor_row = screen->row;
            screen->cursor_column = screen->column;
        }
        screen_put(screen, look->letter);
    }
}

static void
draw_page_legend(struct memview *view, uint64_t here)
{
    struct screen *screen = &view->screen;

    screen_at(screen, HERE_ROW, 0, COLOUR_STRONG);
    screen_print(screen, "%08lx", now.area.start + now.cursor[PAGES] * PAGE_SIZE);
    screen->colour = COLOUR_TEXT;
    screen_print(screen, " %s", look_of(here)->what);
    if (here & PAGEMAP_PRESENT)
        screen_print(screen, ", frame %lx", (unsigned long)(here & PAGEMAP_FRAME));
    for (unsigned i = 0; i < ARRAY_LENGTH(looks); i++) {
        screen_at(screen, LEGEND_ROW + i % 3, i / 3 * 40, looks[i].colour);
        screen_put(screen, looks[i].letter);
        screen->colour = COLOUR_TEXT;
        screen_print(screen, " %s", looks[i].what);
    }
}

static void
draw_pages(struct memview *view)
{
    unsigned first = now.cursor[PAGES] / MEMVIEW_CELLS * MEMVIEW_CELLS, pages;

    now.count = (unsigned)((now.area.end - now.area.start) / PAGE_SIZE);
    pages = now.count - first < MEMVIEW_CELLS ? now.count - first : MEMVIEW_CELLS;
    read_words(first, pages);
    screen_print(&view->screen, "%lu %.14s", now.pid, now.area.name);
    draw_page_cells(view, first, pages);
    draw_page_legend(view, now.words[now.cursor[PAGES] - first]);
}

static void
draw_one_page(struct memview *view)
{
    unsigned long address = now.area.start + now.cursor[PAGES] * PAGE_SIZE;
    char path[48];

    screen_print(&view->screen, "%lu, %08lx", now.pid, address);
    format_text(path, sizeof(path), "/proc/%lu/owner/0x%lx", now.pid, address);
    if (read_text(path, text, sizeof(text)) < 0)
        format_text(text, sizeof(text), "The process is gone.\n");
    screen_text(&view->screen, FIRST_ROW, text);
}

static void
draw(struct memview *view)
{
    static void (*const draws[])(struct memview *view) = {
        [PROCESSES] = draw_processes, [AREAS] = draw_areas,
        [PAGES] = draw_pages,         [ONE_PAGE] = draw_one_page,
    };

    draws[now.depth](view);
}

/* ---- keys ---- */

static void
look_closer(void)
{
    if (now.depth == ONE_PAGE || now.count == 0)
        return;
    if (now.depth == PROCESSES)
        now.pid = now.pids[now.cursor[PROCESSES]];
    else if (now.depth == AREAS)
        now.area = now.areas[now.cursor[AREAS]];
    now.depth++;
    if (now.depth < ONE_PAGE)
        now.cursor[now.depth] = 0;
}

/* How far a key moves the cursor. */
static int
distance(int key)
{
    int line = now.depth == PAGES ? (int)MEMVIEW_COLUMNS : 1;
    int screenful = now.depth == PAGES ? (int)MEMVIEW_CELLS : (int)ROWS;

    switch (key) {
    case KEY_LEFT:
        return now.depth == PAGES ? -1 : 0;
    case KEY_RIGHT:
        return now.depth == PAGES ? 1 : 0;
    case KEY_UP:
        return -line;
    case KEY_DOWN:
        return line;
    case KEY_PAGE_UP:
        return -screenful;
    case KEY_PAGE_DOWN:
        return screenful;
    case KEY_HOME:
        return -(int)now.count;
    case KEY_END:
        return (int)now.count;
    default:
        return 0;
    }
}

static void
move(int key)
{
    int to, last = (int)now.count - 1;

    if (now.depth == ONE_PAGE || now.count == 0)
        return;
    to = (int)now.cursor[now.depth] + distance(key);
    now.cursor[now.depth] = (unsigned)(to < 0 ? 0 : to > last ? last : to);
}

static bool
key_pressed(struct memview *view, int key)
{
    (void)view;
    if (key == '\n') {
        look_closer();
    } else if (key == KEY_ESCAPE || key == '\b' || key == 'b') {
        if (now.depth == PROCESSES)
            return false;
        now.depth--;
    } else {
        move(key);
    }
    return true;
}

const struct memview_page memview_processes = {
    .key = 'p', .name = "programs", .draw = draw, .key_pressed = key_pressed,
};
