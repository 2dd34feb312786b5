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
    *target = node;
    return node != NULL ? 0 : -ENOENT;
}

/* ---- fd ---- */

/* The file behind a descriptor of the process that a value names, with a reference; NULL: not open.
 * With `next`, the first that is open from *descriptor on, which is moved there. */
static struct file *
find_file(uintptr_t value, uint32_t *descriptor, bool next)
{
    struct file *file = NULL;
    struct proc_subject subject;
    unsigned long state;

    if (proc_find_subject(value, &subject) != 0)
        return NULL;
    state = spin_lock(&process_lock);
    if (subject.process->files != NULL)
        file = files_find(subject.process->files, descriptor, next);
    spin_unlock(&process_lock, state);
    proc_put_subject(&subject);
    return file;
}

/* The node of a link in fd, with a reference: `value` has the process, the name is the descriptor.
 * NULL: no longer open. */
static struct node *
node_of_link(const struct node *link)
{
    uint32_t descriptor = (uint32_t)proc_parse_number(link->name);
    struct file *file = find_file(link->value, &descriptor, false);
    struct node *node;

    if (file == NULL)
        return NULL;
    node = file->node;
    node_get(node);
    file_put(file);
    return node;
}

static long
node_text(struct node *node, char *text, size_t size)
{
    char pipe[LINE];

    if (node->mount != &pipe_mount)
        return proc_path_text(node, text, size);
    format_text(pipe, sizeof(pipe), "pipe:[%lu]", (unsigned long)node->number);
    return proc_copy_text(text, size, pipe);
}

static long
descriptor_target(struct node *link, char *text, size_t size)
{
    struct node *node = node_of_link(link);
    long length;

    if (node == NULL)
        return -ENOENT;
    length = node_text(node, text, size);
    node_put(node);
    return length;
}

static int
descriptor_follow(struct node *link, struct node **target)
{
    return proc_follow_to(node_of_link(link), target);
}

static const struct tree_dynamic descriptor_link = {
    .target = descriptor_target, .follow = descriptor_follow,
};

static int
look_up_descriptor(struct node *folder, const char *name, struct node **child)
{
    struct node *link = node_create_dynamic(folder, name, S_IFLNK | 0700, NULL, &descriptor_link,
                                            folder->value);
    struct node *node = link != NULL && proc_parse_number(name) >= 0 ? node_of_link(link) : NULL;

    if (link == NULL)
        return -ENOMEM;
    if (node == NULL) {
        node_put(link);
        return -ENOENT;
    }
    node_put(node);
    *child = link;
    return 0;
}

static bool
list_descriptors(struct node *folder, uint32_t *index, struct tree_entry *entry)
{
    struct file *file = find_file(folder->value, index, true);

    if (file == NULL)
        return false;
    file_put(file);
    proc_fill_entry(entry, (int)(*index)++, S_IFLNK);
    return true;
}

const struct tree_dynamic proc_fd_folder = {
    .lookup = look_up_descriptor, .list = list_descriptors,
};
