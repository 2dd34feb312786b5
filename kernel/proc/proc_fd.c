/* proc_fd.c - /proc/PID/fd: a link for each open file of a process; and what all links of /proc
 * need.
 *
 * Following such a link leads to the open file's node, whatever its path would say: so a removed
 * file, or a pipe, can be opened once more.
 */
#include "format.h"
#include "kmalloc.h"
#include "proc_private.h"

#define LINE 32u

/* ---- links ---- */

long
proc_copy_text(char *to, size_t size, const char *text)
{
    size_t length = strlen(text);

    if (length > size)
        length = size;
    memcpy(to, text, length);
    return (long)length;
}

long
proc_path_text(struct node *node, char *text, size_t size)
{
    char *path = kmalloc(PATH_MAX), *start;
    bool gone = false;
    long length = -ENAMETOOLONG;

    if (path == NULL)
        return -ENOMEM;
    start = node_path(node, path, PATH_MAX, &gone);
    if (start != NULL)
        length = proc_copy_text(text, size, start);
    if (length >= 0 && gone)
        length += proc_copy_text(text + length, size - (size_t)length, " (deleted)");
    kfree(path);
    return length;
}

int
proc_follow_to(struct node *node, struct node **target)
{
    if (node == NULL)
        return -ENOENT;
    node_revive(node);
    *target = node;
    return 0;
}

/* ---- fd ---- */

/* A link in fd: `value` has the process, the name is the descriptor. NULL: no longer open. */
static struct file *
file_of_link(const struct node *link)
{
    int descriptor = proc_parse_number(link->name);
    struct proc_subject subject;

    if (proc_find_subject(link->value, &subject) != 0 || subject.process->files == NULL)
        return NULL;
    if (descriptor < 0 || (unsigned)descriptor >= subject.process->files->size)
        return NULL;
    return subject.process->files->file[descriptor];
}

static long
descriptor_target(struct node *link, char *text, size_t size)
{
    const struct file *file = file_of_link(link);
    char pipe[LINE];

    if (file == NULL)
        return -ENOENT;
    if (file->node->mount != &pipe_mount)
        return proc_path_text(file->node, text, size);
    format_text(pipe, sizeof(pipe), "pipe:[%lu]", (unsigned long)file->node->number);
    return proc_copy_text(text, size, pipe);
}

static int
descriptor_follow(struct node *link, struct node **target)
{
    const struct file *file = file_of_link(link);

    return proc_follow_to(file != NULL ? file->node : NULL, target);
}

static const struct tree_dynamic descriptor_link = {
    .target = descriptor_target, .follow = descriptor_follow,
};

static int
look_up_descriptor(struct node *folder, const char *name, struct node **child)
{
    struct node *link = node_create_dynamic(folder, name, S_IFLNK | 0700, NULL, &descriptor_link,
                                            folder->value);

    if (link == NULL)
        return -ENOMEM;
    if (proc_parse_number(name) < 0 || file_of_link(link) == NULL) {
        node_put(link);
        return -ENOENT;
    }
    *child = link;
    return 0;
}

static bool
list_descriptors(struct node *folder, uint32_t *index, struct tree_entry *entry)
{
    const struct files *files;
    struct proc_subject subject;

    if (proc_find_subject(folder->value, &subject) != 0 || subject.process->files == NULL)
        return false;
    files = subject.process->files;
    while (*index < files->size && files->file[*index] == NULL)
        ++*index;
    if (*index >= files->size)
        return false;
    proc_fill_entry(entry, (int)(*index)++, S_IFLNK);
    return true;
}

const struct tree_dynamic proc_fd_folder = {
    .lookup = look_up_descriptor, .list = list_descriptors,
};
