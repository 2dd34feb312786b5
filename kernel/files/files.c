/* files.c - tables of descriptors, current directories.
 *
 *   file:          [0] ─► struct file   [1] ─► ...   [2] NULL   ...
 *   close_on_exec:  0                    1            0
 *
 * A table begins with FILES_FEW places inside itself; when they are used up it moves to memory of
 * its own, pointers first and a bit each behind them, and doubles from then on. `first` remembers
 * below which descriptor none is free, so that opening does not search from 0 each time.
 *
 * Closing puts NULL into the table before it lets the file go: what the file's end does sees the
 * descriptor free.
 */
#include <string.h>
#include "file.h"
#include "kmalloc.h"
#include "locks.h"
#include "uapi/resource.h"

/* ---- the table ---- */

static size_t
table_bytes(uint32_t size)
{
    return size * sizeof(struct file *) + size / 8;
}

static void
mark(struct files *files, unsigned descriptor, bool close_on_exec)
{
    uint8_t bit = (uint8_t)(1u << descriptor % 8);

    if (close_on_exec)
        files->close_on_exec[descriptor / 8] |= bit;
    else
        files->close_on_exec[descriptor / 8] &= (uint8_t)~bit;
}

static bool
marked(const struct files *files, unsigned descriptor)
{
    return files->close_on_exec[descriptor / 8] >> descriptor % 8 & 1;
}

struct files *
files_create(void)
{
    struct files *files = kzalloc(sizeof(*files));

    if (files == NULL)
        return NULL;
    files->refs = 1;
    files->size = FILES_FEW;
    files->file = files->few;
    files->close_on_exec = files->few_marks;
    return files;
}

static void
free_table(const struct files *files)
{
    if (files->file != files->few)
        kfree(files->file);
}

/* Makes room for `size` descriptors, a multiple of 16. 0 or -ENOMEM. */
static int
set_size(struct files *files, uint32_t size)
{
    struct file **table = kzalloc(table_bytes(size));
    uint8_t *marks = (uint8_t *)(table + size);

    if (table == NULL)
        return -ENOMEM;
    memcpy(table, files->file, files->size * sizeof(*table));
    memcpy(marks, files->close_on_exec, files->size / 8);
    free_table(files);
    files->file = table;
    files->close_on_exec = marks;
    files->size = size;
    return 0;
}

static int
make_room(struct files *files, uint32_t descriptor)
{
    uint32_t size = files->size;

    while (size <= descriptor)
        size *= 2;
    return size == files->size ? 0 : set_size(files, size);
}

/* The lowest free descriptor from `from` on; it may lie behind the table's end. */
static uint32_t
find_free(struct files *files, uint32_t from)
{
    uint32_t at = from > files->first ? from : files->first;

    while (at < files->size && files->file[at] != NULL)
        at++;
    if (from <= files->first)
        files->first = at;
    return at;
}

static uint32_t
descriptor_limit(void)
{
    return task_current()->process->limits[RLIMIT_NOFILE].soft;
}

int
file_install(struct file *file, int from, bool close_on_exec)
{
    struct files *files = task_current()->process->files;
    uint32_t limit = descriptor_limit(), descriptor;

    if (from < 0 || (uint32_t)from >= limit)
        return from == 0 ? -EMFILE : -EINVAL;
    descriptor = find_free(files, (uint32_t)from);
    if (descriptor >= limit)
        return -EMFILE;
    if (UNLIKELY(descriptor >= files->size) && make_room(files, descriptor) != 0)
        return -ENOMEM;
    files->file[descriptor] = file;
    mark(files, descriptor, close_on_exec);
    return (int)descriptor;
}

int
file_install_at(struct file *file, int descriptor, bool close_on_exec)
{
    struct files *files = task_current()->process->files;
    struct file *old;

    if (descriptor < 0 || (uint32_t)descriptor >= descriptor_limit())
        return -EBADF;
    if (make_room(files, (uint32_t)descriptor) != 0)
        return -ENOMEM;
    old = files->file[descriptor];
    files->file[descriptor] = file;
    mark(files, (unsigned)descriptor, close_on_exec);
    if (old != NULL) {
        lock_forget(files, old->node);
        file_put(old);
    }
    return descriptor;
}

static void
close_one(struct files *files, uint32_t descriptor)
{
    struct file *file = files->file[descriptor];

    files->file[descriptor] = NULL;
    if (descriptor < files->first)
        files->first = descriptor;
    lock_forget(files, file->node);
    file_put(file);
}

int
file_close(int descriptor)
{
    if (file_of(descriptor) == NULL)
        return -EBADF;
    close_one(task_current()->process->files, (uint32_t)descriptor);
    return 0;
}

bool
file_closes_on_exec(int descriptor)
{
    return marked(task_current()->process->files, (unsigned)descriptor);
}

void
file_set_close_on_exec(int descriptor, bool close_on_exec)
{
    mark(task_current()->process->files, (unsigned)descriptor, close_on_exec);
}

struct file *
files_find(struct files *files, uint32_t *descriptor, bool next)
{
    uint32_t at = *descriptor;

    while (next && at < files->size && files->file[at] == NULL)
        at++;
    *descriptor = at;
    if (at >= files->size || files->file[at] == NULL)
        return NULL;
    file_get(files->file[at]);
    return files->file[at];
}

/* ---- whole tables ---- */

/* The smallest table that holds every open descriptor. */
static uint32_t
size_needed(const struct files *files)
{
    uint32_t size = files->size;

    while (size > FILES_FEW) {
        for (uint32_t i = size / 2; i < size; i++) {
            if (files->file[i] != NULL)
                return size;
        }
        size /= 2;
    }
    return size;
}

struct files *
files_fork(struct files *parent)
{
    uint32_t size = size_needed(parent);
    struct files *files = files_create();

    if (files == NULL)
        return NULL;
    if (size > FILES_FEW && set_size(files, size) != 0) {
        kfree(files);
        return NULL;
    }
    files->first = parent->first;
    memcpy(files->file, parent->file, size * sizeof(*files->file));
    memcpy(files->close_on_exec, parent->close_on_exec, size / 8);
    for (uint32_t i = 0; i < size; i++) {
        if (files->file[i] != NULL)
            file_get(files->file[i]);
    }
    return files;
}

void
files_get(struct files *files)
{
    files->refs++;
}

void
files_put(struct files *files)
{
    if (--files->refs > 0)
        return;
    for (uint32_t i = 0; i < files->size; i++) {
        if (files->file[i] != NULL)
            close_one(files, i);
    }
    free_table(files);
    kfree(files);
}

int
files_own(struct files **files)
{
    struct files *own;

    if ((*files)->refs == 1)
        return 0;
    own = files_fork(*files);
    if (own == NULL)
        return -ENOMEM;
    files_put(*files);
    *files = own;
    return 0;
}

void
files_close_on_exec(struct files *files)
{
    for (uint32_t i = 0; i < files->size; i++) {
        if (files->file[i] != NULL && marked(files, i))
            close_one(files, i);
    }
}

/* ---- the current directory ---- */

struct folder *
folder_create(void)
{
    struct folder *folder = kmalloc(sizeof(*folder));

    if (folder == NULL)
        return NULL;
    *folder = (struct folder){.refs = 1, .current = tree_root, .umask = 022};
    node_get(tree_root);
    return folder;
}

struct folder *
folder_fork(struct folder *parent)
{
    struct folder *folder = folder_create();

    if (folder == NULL)
        return NULL;
    folder_set(folder, parent->current);
    folder->umask = parent->umask;
    return folder;
}

void
folder_set(struct folder *folder, struct node *node)
{
    struct node *old = folder->current;

    node_get(node);
    folder->current = node;
    node_put(old);
}

void
folder_get(struct folder *folder)
{
    folder->refs++;
}

void
folder_put(struct folder *folder)
{
    if (--folder->refs > 0)
        return;
    node_put(folder->current);
    kfree(folder);
}
