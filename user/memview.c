/* memview.c - all memory on the screen, live: a map by owners down to single frames, free lists,
 * caches of objects, processes. ? shows the keys.
 *
 *     memview            until q
 *     memview -t [MIB]   reads and draws 16 times without a pause, then says what one costs; with
 *                        so much memory in use
 *
 * The pages are the kernel's own sources (memview.h), which the monitor has too; what is of
 * processes is here.
 */
#include "memview/pages.h"
#include "keys.h"

#define REFRESH_TENTHS 3 /* between two looks when no key comes */
#define ROUNDS         16u

static struct termios before;
static bool interactive; /* the terminal's settings are changed */
static volatile bool resized;

/* ---- what the kernel tells ---- */

static int frames_file, blocks_file;

size_t
read_at(int fd, unsigned long at, void *to, size_t size)
{
    long got = lseek(fd, (long)at, SEEK_SET) < 0 ? 0 : read(fd, to, size);

    return got > 0 ? (size_t)got : 0;
}

static size_t
source_blocks(uint32_t first, struct block_summary *to, size_t count)
{
    return read_at(blocks_file, first * sizeof(*to), to, count * sizeof(*to)) / sizeof(*to);
}

static size_t
source_frames(unsigned long first, uint8_t *to, size_t count)
{
    return read_at(frames_file, first, to, count);
}

static void
source_story(unsigned long frame, char *text, size_t size)
{
    char path[48];

    format_text(path, sizeof(path), "/proc/octavo/frame/%lu", frame);
    if (read_text(path, text, size) < 0)
        format_text(text, size, "%s cannot be read.\n", path);
}

/* Node 0, zone   Normal      3      1 ... */
static void
source_lists(unsigned long chunks[BLOCK_NO_ZONE][MEMVIEW_ORDERS])
{
    static const char *const names[BLOCK_NO_ZONE] = {" DMA ", " Normal ", " HighMem "};
    char text[512];

    memset(chunks, 0, BLOCK_NO_ZONE * sizeof(chunks[0]));
    if (read_text("/proc/buddyinfo", text, sizeof(text)) < 0)
        return;
    for (unsigned zone = 0; zone < BLOCK_NO_ZONE; zone++) {
        const char *at = strstr(text, names[zone]);

        for (unsigned order = 0; at && order < MEMVIEW_ORDERS; order++)
            chunks[zone][order] = next_number(&at);
    }
}

static size_t
source_caches(struct memview_cache *to, size_t most)
{
    struct reader reader = {.fd = open("/proc/slabinfo", O_RDONLY, 0)};
    struct slabinfo cache;
    size_t count = 0;

    if (reader.fd < 0)
        return 0;
    for (; count < most && slabinfo_next(&reader, &cache); count++) {
        to[count] = (struct memview_cache){.used = cache.active, .objects = cache.objects,
                                           .size = cache.size, .slabs = cache.slabs,
                                           .frames = cache.pages};
        format_text(to[count].name, sizeof(to[count].name), "%s", cache.name);
    }
    close(reader.fd);
    return count;
}

static void
source_slabs(const char *cache, char *text, size_t size)
{
    char path[48];

    format_text(path, sizeof(path), "/proc/octavo/slab/%s", cache);
    if (read_text(path, text, size) < 0)
        format_text(text, size, "%s cannot be read.\n", path);
}

static const struct memview_source source = {
    .blocks = source_blocks, .frames = source_frames, .story = source_story,
    .lists = source_lists,   .caches = source_caches, .slabs = source_slabs,
};

static const struct memview_page *const pages[] = {
    &memview_map, &memview_lists, &memview_slabs, &memview_processes, &memview_help, NULL,
};

/* ---- the terminal ---- */

static void
write_terminal(const char *text, size_t size)
{
    print_bytes(text, size);
    print_flush();
}

static void
see_resize(int signal, struct siginfo *info, void *context)
{
    (void)signal, (void)info, (void)context;
    resized = true;
}

/* Keys come one by one, and a read that gets none ends after a while. */
static void
take_terminal(void)
{
    struct termios raw;

    if (ioctl(0, TCGETS, &before) < 0 || !is_terminal(1))
        die("this needs a terminal");
    raw = before;
    raw.iflag &= ~(uint32_t)(ICRNL | IXON);
    raw.lflag &= ~(uint32_t)(ICANON | ECHO | ISIG | IEXTEN);
    raw.cc[VMIN] = 0;
    raw.cc[VTIME] = REFRESH_TENTHS;
    ioctl(0, TCSETS, &raw);
    interactive = true;
    signal_action(SIGWINCH, see_resize, 0);
}

/* The next key; KEY_NONE when none came for a while. An ESC that nothing follows is a key. */
static int
read_key(void)
{
    static struct terminal_state state;
    uint8_t byte;
    int key = KEY_NONE;

    while (key == KEY_NONE) {
        bool in_sequence = state.stage != 0;

        if (read(0, &byte, 1) != 1) {
            state = (struct terminal_state){0};
            return in_sequence ? KEY_ESCAPE : KEY_NONE;
        }
        key = terminal_key(&state, byte);
    }
    return key;
}

/* ---- the loop ---- */

static void
look(struct memview *view)
{
    for (int key = KEY_NONE; memview_key(view, key); key = read_key()) {
        if (resized)
            memview_repaint(view);
        resized = false;
        if (key == KEY_NONE)
            memview_refresh(view);
        memview_draw(view);
    }
}

static uint64_t
ticks_now(void)
{
    uint64_t ticks;

    __asm__ volatile("rdtsc" : "=A"(ticks));
    return ticks;
}

/* Takes so much memory. */
static void
fill_memory(unsigned long mib)
{
    void *memory = mib == 0 ? NULL
                            : mmap(NULL, mib << 20, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (mmap_failed(memory))
        die("%lu MiB: %s", mib, error_text((long)memory));
}

/* Ticks are instructions under QEMU's -icount. */
static void
measure(struct memview *view)
{
    uint32_t most = 0, last = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t start = ticks_now();

        memview_refresh(view);
        memview_draw(view);
        last = (uint32_t)(ticks_now() - start);
        most = last > most ? last : most;
    }
    memview_end(view);
    print("memview: %lu frames, a refresh %lu ticks, at most %lu\n",
          (unsigned long)view->blocks * MEMVIEW_BLOCK, (unsigned long)last, (unsigned long)most);
}

int
main(int argc, char **argv)
{
    bool timed = argc > 1 && strcmp(argv[1], "-t") == 0;
    unsigned long mib = 0;
    struct memview *view;
    void *memory;
    size_t size;

    if (argc > 3 || (argc > 1 && !timed) ||
        (argc == 3 && (!text_number(argv[2], &mib) || mib >= 4096)))
        die("usage: memview [-t [MIB]]");
    fill_memory(mib);
    frames_file = open("/proc/octavo/frames", O_RDONLY, 0);
    blocks_file = open("/proc/octavo/blocks", O_RDONLY, 0);
    if (frames_file < 0 || blocks_file < 0)
        die("/proc/octavo/frames: %s", error_text(frames_file < 0 ? frames_file : blocks_file));
    size = memview_bytes(&source);
    memory = memset(allocate(size), 0, size);
    view = memview_begin(memory, &source, pages, write_terminal);
    if (timed) {
        measure(view);
        return 0;
    }
    take_terminal();
    look(view);
    memview_end(view);
    ioctl(0, TCSETS, &before);
    return 0;
}
