/* open.c - from a path to an open file. open(2).
 *
 * What can fail for want of memory comes first: the file itself, then the walk, then a new node.
 * Only then is an old file cut, if that was asked for.
 *
 * All programs are the superuser, so permissions say nothing about who may open what; what no one
 * may do is write where the tree is read-only.
 */
#include "file.h"
#include "kmalloc.h"
#include "locks.h"
#include "pmm.h"

/* Flags that say how to open, not what the open file is like; and the one of them that ops->open
 * asks for. */
#define OPENING_FLAGS (unsigned)(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC)
#define NODE_OPENING_FLAGS (unsigned)O_NOCTTY

/* What counts with O_PATH. */
#define PATH_FLAGS (unsigned)(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* A file that is a path only, for the *at calls. */
static const struct file_ops path_ops = {0};

static long
read_folder(struct file *file, struct buffer *to, uint64_t *position)
{
    (void)file, (void)to, (void)position;
    return -EISDIR;
}

const struct file_ops folder_ops = {.read = read_folder};

/* Open files are the kernel's memory, and pipes bring a page: there may be one to this many frames
 * of the machine, and at least FILES_LEAST. */
#define FRAMES_A_FILE 4
#define FILES_LEAST   256u

static unsigned long open_files;

unsigned long
file_limit(void)
{
    unsigned long limit = pmm_managed_frames() / FRAMES_A_FILE;

    return limit > FILES_LEAST ? limit : FILES_LEAST;
}

int
file_shortage(void)
{
    return open_files >= file_limit() ? -ENFILE : -ENOMEM;
}

struct file *
file_create(const struct file_ops *ops, struct node *node, unsigned flags, void *state)
{
    struct file *file = open_files < file_limit() ? kzalloc(sizeof(*file)) : NULL;

    if (file == NULL)
        return NULL;
    (void)__atomic_fetch_add(&open_files, 1, __ATOMIC_RELAXED);
    mutex_init(&file->turn);
    file->ops = ops;
    file->node = node;
    if (node != NULL)
        node_get(node);
    file->refs = 1;
    file->flags = flags & ~OPENING_FLAGS;
    file->access = flags & O_PATH ? 0 : (flags + 1) & (FILE_READ | FILE_WRITE);
    file->state = state;
    return file;
}

void
file_free(struct file *file)
{
    if (file->ops->close != NULL)
        file->ops->close(file);
    lock_forget(file, file->node);
    node_put(file->node);
    kfree(file);
    (void)__atomic_fetch_sub(&open_files, 1, __ATOMIC_RELAXED);
}

/* ---- may it be opened so? ---- */

bool
node_is_running(const struct node *node)
{
    const struct process *process;
    unsigned long state;

    if (!S_ISREG(node->mode) || node->object == NULL || node->object->areas == NULL)
        return false;
    state = spin_lock(&process_lock);
    process = process_list;
    while (process != NULL && process->executable != node->object)
        process = process->next;
    spin_unlock(&process_lock, state);
    return process != NULL;
}

static int
check_node(const struct file *file, const struct place *place, unsigned flags)
{
    const struct node *node = place->node;
    bool changes = file->access & FILE_WRITE || flags & O_TRUNC;

    if (flags & O_EXCL)
        return -EEXIST;
    if (node_is_folder(node))
        return changes || flags & O_CREAT ? -EISDIR : 0;
    if (flags & O_DIRECTORY || place->slash)
        return -ENOTDIR;
    if (S_ISLNK(node->mode))
        return flags & O_PATH ? 0 : -ELOOP;
    if (changes && S_ISREG(node->mode) && node->object != NULL && !node->mount->writable)
        return -EROFS;
    return changes && node_is_running(node) ? -ETXTBSY : 0;
}

/* ---- opening ---- */

/* Finds or makes the node of `place`, which is then in place->node. Somebody else may just have
 * made it. */
static int
open_node(const struct file *file, struct place *place, unsigned flags, unsigned mode)
{
    int error;

    if (place->node == NULL)
        error = flags & O_CREAT ? tree_create(place, mode, &place->node) : -ENOENT;
    else
        error = -EEXIST;
    if (error != -EEXIST || place->node == NULL)
        return error;
    error = check_node(file, place, flags);
    if (error == 0 && (flags & O_TRUNC) && S_ISREG(place->node->mode) &&
        place->node->object != NULL)
        error = node_set_size(place->node, 0);
    return error;
}

/* Makes `file` one of the node. On failure it is still one of nothing. */
static int
open_file(struct file *file, struct node *node)
{
    int error = 0;

    file->node = node;
    if (!(file->flags & O_PATH)) {
        file->ops = node->ops;
        if (file->ops->open != NULL)
            error = file->ops->open(file);
        file->flags &= ~NODE_OPENING_FLAGS;
    }
    if (error == 0) {
        node_get(node);
        return 0;
    }
    file->ops = &path_ops;
    file->node = NULL;
    return error;
}

/* Flags with what means nothing beside others left out. */
static unsigned
sensible(unsigned flags)
{
    if (flags & O_PATH)
        return flags & PATH_FLAGS;
    return flags & O_CREAT ? flags : flags & ~(unsigned)O_EXCL;
}

int
file_open_at(struct node *start, const char *path, unsigned given, unsigned mode,
             struct file **file)
{
    unsigned flags = sensible(given);
    struct file *made = file_create(&path_ops, NULL, flags, NULL);
    struct place place;
    int error;

    if (made == NULL)
        return file_shortage();
    error = path_place(start, path, flags & (O_NOFOLLOW | O_EXCL) ? PATH_NO_FOLLOW : 0, &place);
    if (error == 0) {
        error = place.slash && flags & O_CREAT ? -EISDIR : open_node(made, &place, flags, mode);
        if (error == 0)
            error = open_file(made, place.node);
        place_put(&place);
    }
    if (error != 0)
        file_put(made);
    else
        *file = made;
    return error;
}

int
file_open(const char *path, unsigned flags, unsigned mode, struct file **file)
{
    return file_open_at(tree_root, path, flags, mode, file);
}
