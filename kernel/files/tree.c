/* tree.c - the tree as the kernel's start makes it.
 *
 *   /        what the boot modules say, read-only
 *   /dev     devices, each added by its driver; links to what a program has open
 *   /dev/shm empty, for shm_open
 *   /proc    generated, added by who knows the answers
 *   /tmp     empty, for programs
 *
 * Nothing of it but what lies in /tmp and /dev/shm ever goes away.
 */
#include <string.h>
#include "files_private.h"

/* A new folder, where an own mount begins; the one above it holds it. */
static struct node *
add_mount(struct node *above, const char *name, const struct mount *mount, uint32_t mode)
{
    struct node *folder = node_create(mount, S_IFDIR | mode, &folder_ops);

    if (folder == NULL || node_attach(above, folder, name) != 0)
        kpanic("no memory for the folder %s", name);
    node_put(folder);
    return folder;
}

/* Names for what a program has open; /proc leads on. */
static void
add_links(struct node *folder)
{
    static const char *const links[][2] = {
        {"fd", "/proc/self/fd"},
        {"stdin", "/proc/self/fd/0"},
        {"stdout", "/proc/self/fd/1"},
        {"stderr", "/proc/self/fd/2"},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(links); i++) {
        struct node *link = node_create_link(folder->mount, links[i][1]);

        if (link == NULL || node_attach(folder, link, links[i][0]) != 0)
            kpanic("no memory for the link %s", links[i][0]);
        node_put(link);
    }
}

/* The folder `name` in `folder`, made if it is not there. */
static int
enter_folder(struct node **folder, const char *name)
{
    struct node *found = node_child(*folder, name);
    struct node *made;
    int error;

    if (found != NULL) {
        *folder = found;
        return node_is_folder(found) ? 0 : -ENOTDIR;
    }
    made = node_create((*folder)->mount, S_IFDIR | 0755, &folder_ops);
    if (made == NULL)
        return -ENOMEM;
    error = node_attach(*folder, made, name);
    node_put(made);
    if (error == 0)
        *folder = made;
    return error;
}

int
tree_make_folders(const char *path, struct node **folder, const char **name)
{
    char part[NAME_MAX + 1];
    int error = 0;

    *folder = tree_root;
    while (error == 0) {
        const char *slash;
        size_t length;

        while (*path == '/')
            path++;
        slash = strchr(path, '/');
        length = slash != NULL ? (size_t)(slash - path) : strlen(path);
        if (length == 0 || length > NAME_MAX)
            return length == 0 ? -EINVAL : -ENAMETOOLONG;
        if (slash == NULL)
            break;
        memcpy(part, path, length);
        part[length] = '\0';
        error = enter_folder(folder, part);
        path = slash;
    }
    *name = path;
    return error;
}

/* Puts a node at a path; panics when that cannot be done: it is the start. */
static struct node *
add(const char *path, uint32_t mode, const struct file_ops *ops)
{
    struct node *folder, *node;
    const char *name;
    int error = tree_make_folders(path, &folder, &name);

    if (error != 0)
        kpanic("no way to make %s: error %d", path, -error);
    node = node_create(folder->mount, mode, ops);
    if (node == NULL || node_attach(folder, node, name) != 0)
        kpanic("no memory for %s", path);
    node_put(node);
    return node;
}

struct node *
tree_add_device(const char *path, const struct file_ops *ops, unsigned major_number,
                unsigned minor_number)
{
    struct node *node = add(path, S_IFCHR | 0666, ops);

    node->device = major_number << 8 | minor_number;
    return node;
}

/* A folder may be there already: /proc. */
struct node *
tree_add_dynamic(const char *path, uint32_t mode, const struct file_ops *ops,
                 const struct tree_dynamic *dynamic, uintptr_t value)
{
    struct node *node = NULL;

    if (!S_ISDIR(mode) || path_find(tree_root, path, 0, &node) != 0)
        node = add(path, mode, ops);
    else
        node_put(node);
    node->dynamic = dynamic;
    node->value = value;
    return node;
}

void
files_init(void)
{
    struct node *devices;

    tree_root = node_create(&root_mount, S_IFDIR | 0755, &folder_ops);
    if (tree_root == NULL)
        kpanic("no memory for the root folder");
    tree_root->parent = tree_root;
    tree_root->linked = true;
    devices = add_mount(tree_root, "dev", &device_mount, 0755);
    add_links(devices);
    add_mount(devices, "shm", &shared_mount, 01777);
    add_mount(tree_root, "proc", &proc_mount, 0555);
    add_mount(tree_root, "tmp", &tmp_mount, 01777);
    object_limit_counted(file_space_pages());
    modfs_init();
    devices_init();
    memtest_init();
}
