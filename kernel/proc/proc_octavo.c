/* proc_octavo.c - /proc/octavo, and what of /proc is a table of memory.
 *
 *   /proc/buddyinfo, slabinfo, zoneinfo, owners        tables; the first three in Linux's words
 *   /proc/octavo ──┬── mmap, zones, freelist, dump     tables of our own
 *                  ├── frame ── 0x1234                 one frame's story, by number
 *                  └── slab ── kmalloc-64              the slabs of a cache
 *   /proc/PID ─────┬── walk ── 0xc0100000              the way through its page tables
 *                  └── owner ── 0xc0100000             who has what is there
 *
 * What is asked for is the name of a file: it exists when the name makes sense. The monitor's
 * commands of the same names print the same.
 *
 * A table must not be changed by being read. The text needs memory, so all of it is had before the
 * table is printed: it is printed twice, the first time to nowhere, for its size.
 */
#include "cmdline.h"
#include "dump.h"
#include "format.h"
#include "lock_stat.h"
#include "mm.h"
#include "mm_debug.h"
#include "pagetable.h"
#include "proc_private.h"
#include "smp.h"

/* ---- tables ---- */

static void
print_leaks(struct printer *out)
{
    (void)mm_debug_leaks(out);
}

static const struct table {
    const char *path;
    void (*print)(struct printer *out);
} tables[] = {
    {"/proc/buddyinfo", mm_print_buddyinfo},
    {"/proc/lockstat", lock_stat_print},
    {"/proc/slabinfo", mm_print_slabinfo},
    {"/proc/zoneinfo", mm_print_zoneinfo},
    {"/proc/owners", mm_print_owners},
    {"/proc/octavo/dump", dump_print},
    {"/proc/octavo/freelist", dump_print_freelist},
    {"/proc/octavo/mmap", dump_print_mmap},
    {"/proc/octavo/leaks", print_leaks},
    {"/proc/octavo/zones", mm_print_zones},
};

/* Here and in all below: nobody changes anything meanwhile, so that what is printed is of one
 * moment, sums agree, and nothing is followed to where it is no more. */
static int
make_table(const struct node *node, struct proc_text *text)
{
    cpus_park();
    ((const struct table *)node->value)->print(&text->printer);
    cpus_unpark();
    return 0;
}

static long
read_table(struct file *file, struct buffer *to, uint64_t *position)
{
    return proc_read_whole(file, to, position, make_table);
}

static const struct file_ops table_ops = {.read = read_table, .close = proc_close};

/* ---- files whose name is the question ---- */

/* A child of `folder` that is a file about its name. */
static int
make_child(struct node *folder, const char *name, const struct file_ops *ops, struct node **child)
{
    *child = node_create_dynamic(folder, name, S_IFREG | 0444, ops, NULL, folder->value);
    return *child != NULL ? 0 : -ENOMEM;
}

static bool
list_nothing(struct node *folder, uint32_t *index, struct tree_entry *entry)
{
    (void)folder;
    (void)index;
    (void)entry;
    return false;
}

/* ---- frame ---- */

static bool
parse_frame(const char *name, pfn_t *frame)
{
    uint64_t number;

    if (!cmdline_size(name, &number) || number >= pagetable_memory_end() >> PAGE_SHIFT)
        return false;
    *frame = pfn((unsigned long)number);
    return true;
}

static int
make_frame(const struct node *node, struct proc_text *text)
{
    pfn_t frame;

    if (!parse_frame(node->name, &frame))
        return -ENOENT;
    cpus_park();
    mm_print_frame(&text->printer, frame);
    cpus_unpark();
    return 0;
}

static long
read_frame(struct file *file, struct buffer *to, uint64_t *position)
{
    return proc_read_whole(file, to, position, make_frame);
}

static const struct file_ops frame_ops = {.read = read_frame, .close = proc_close};

static int
look_up_frame(struct node *folder, const char *name, struct node **child)
{
    pfn_t frame;

    return parse_frame(name, &frame) ? make_child(folder, name, &frame_ops, child) : -ENOENT;
}

static const struct tree_dynamic frame_folder = {.lookup = look_up_frame, .list = list_nothing};

/* ---- slab ---- */

static int
make_slab(const struct node *node, struct proc_text *text)
{
    bool found;

    cpus_park();
    found = mm_print_slab(&text->printer, node->name);
    cpus_unpark();
    return found ? 0 : -ENOENT;
}

static long
read_slab(struct file *file, struct buffer *to, uint64_t *position)
{
    return proc_read_whole(file, to, position, make_slab);
}

static const struct file_ops slab_ops = {.read = read_slab, .close = proc_close};

static int
look_up_slab(struct node *folder, const char *name, struct node **child)
{
    const char *known;

    for (size_t i = 0; (known = mm_cache_name(i)) != NULL; i++)
        if (strcmp(known, name) == 0)
            return make_child(folder, name, &slab_ops, child);
    return -ENOENT;
}

static bool
list_slabs(struct node *folder, uint32_t *index, struct tree_entry *entry)
{
    const char *name = mm_cache_name(*index);

    (void)folder;
    if (name == NULL)
        return false;
    ++*index;
    entry->mode = S_IFREG;
    format_text(entry->name, sizeof(entry->name), "%s", name);
    return true;
}

static const struct tree_dynamic slab_folder = {.lookup = look_up_slab, .list = list_slabs};

/* ---- /proc/PID/walk and owner ---- */

static int
make_address(const struct node *node, struct proc_text *text,
             void (*tell)(struct printer *out, const struct address_space *space, uintptr_t va))
{
    struct address_space *space;
    struct proc_subject subject;
    uint64_t address;

    if (!cmdline_size(node->name, &address))
        return -ENOENT;
    if (proc_find_subject(node->value, &subject) != 0)
        return -ESRCH;
    space = process_get_space(subject.process);
    proc_put_subject(&subject);
    cpus_park();
    tell(&text->printer, space, (uintptr_t)address);
    cpus_unpark();
    if (space != NULL)
        space_put(space);
    return 0;
}

static int
make_walk(const struct node *node, struct proc_text *text)
{
    return make_address(node, text, pagetable_print_walk_of);
}

static int
make_owner(const struct node *node, struct proc_text *text)
{
    return make_address(node, text, pagetable_print_owner);
}

static long
read_walk(struct file *file, struct buffer *to, uint64_t *position)
{
    return proc_read_whole(file, to, position, make_walk);
}

static long
read_owner(struct file *file, struct buffer *to, uint64_t *position)
{
    return proc_read_whole(file, to, position, make_owner);
}

static const struct file_ops walk_ops = {.read = read_walk, .close = proc_close};
static const struct file_ops owner_ops = {.read = read_owner, .close = proc_close};

static int
look_up_address(struct node *folder, const char *name, const struct file_ops *ops,
                struct node **child)
{
    uint64_t address;

    if (!cmdline_size(name, &address) || address > UINTPTR_MAX)
        return -ENOENT;
    return make_child(folder, name, ops, child);
}

static int
look_up_walk(struct node *folder, const char *name, struct node **child)
{
    return look_up_address(folder, name, &walk_ops, child);
}

static int
look_up_owner(struct node *folder, const char *name, struct node **child)
{
    return look_up_address(folder, name, &owner_ops, child);
}

const struct tree_dynamic proc_walk_folder = {.lookup = look_up_walk, .list = list_nothing};
const struct tree_dynamic proc_owner_folder = {.lookup = look_up_owner, .list = list_nothing};

void
proc_octavo_init(void)
{
    for (size_t i = 0; i < ARRAY_LENGTH(tables); i++)
        tree_add_dynamic(tables[i].path, S_IFREG | 0444, &table_ops, NULL, (uintptr_t)&tables[i]);
    tree_add_dynamic("/proc/octavo/frame", S_IFDIR | 0555, &folder_ops, &frame_folder, 0);
    tree_add_dynamic("/proc/octavo/slab", S_IFDIR | 0555, &folder_ops, &slab_folder, 0);
}
