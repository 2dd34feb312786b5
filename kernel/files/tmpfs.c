/* tmpfs.c - changing the tree: files, folders and links that come, go and move. Only where the
 * mount is writable, in /tmp and /dev/shm; elsewhere each of these answers -EROFS.
 *
 * Everything is in memory: names in nodes, bytes in objects whose pages are kept (object.h). What
 * is taken out of its folder lives on while it is open or mapped.
 *
 * Each call checks everything, then takes what memory it needs, then changes the tree in steps that
 * cannot fail. Which of several errors comes first is as on Linux.
 *
 * Lock: tree_lock alone, from a second look at the place (others may have changed it since its path
 * was walked) to the end.
 */
#include "file.h"

#define PERMISSIONS 07777u

/* Takes the lock; what the place's name leads to now is in place->node. */
static void
look_again(struct place *place)
{
    struct node *before = place->node;

    if (place->kind != PLACE_NAME || place->folder->dynamic != NULL)
        return;
    place->node = node_child(place->folder, place->name);
    if (place->node != NULL)
        node_get(place->node);
    node_put(before);
}

static void
begin(struct place *place)
{
    rw_lock(&tree_lock);
    look_again(place);
}

/* Gives the lock back; passes the call's answer on. */
static int
end(int error)
{
    rw_unlock(&tree_lock);
    return error;
}

/* ---- new names ---- */

/* May a new name come into being there? */
static int
check_new(const struct place *place)
{
    if (place->kind != PLACE_NAME || place->node != NULL)
        return -EEXIST;
    if (!place->folder->mount->writable)
        return -EROFS;
    if (!place->folder->linked)
        return -ENOENT;
    return node_count_changeable() < file_space_pages() ? 0 : -ENOSPC;
}

/* The same for what is no folder: no slash may stand behind its name. */
static int
check_new_file(const struct place *place)
{
    return place->node == NULL && place->slash ? -ENOENT : check_new(place);
}

/* Puts a new node, or NULL for want of memory, where `place` says. Takes over the reference, and
 * the lock. */
static int
attach_new(struct place *place, struct node *node)
{
    int error = node != NULL ? node_attach(place->folder, node, place->name) : -ENOMEM;

    node_put(node);
    return end(error);
}

int
tree_create(struct place *place, uint32_t mode, struct node **node)
{
    struct node *made;
    int error;

    begin(place);
    error = check_new_file(place);
    if (error != 0)
        return end(error);
    made = node_create_file(place->folder->mount, mode & PERMISSIONS, 0, NULL, 0);
    if (made != NULL)
        node_get(made);
    error = attach_new(place, made);
    if (error == 0)
        *node = made;
    else
        node_put(made);
    return error;
}

int
tree_mkdir(struct place *place, uint32_t mode)
{
    int error;

    begin(place);
    error = check_new(place);
    if (error != 0)
        return end(error);
    return attach_new(
        place, node_create(place->folder->mount, S_IFDIR | (mode & PERMISSIONS), &folder_ops));
}

int
tree_mkfifo(struct place *place, uint32_t mode)
{
    int error;

    begin(place);
    error = check_new_file(place);
    if (error != 0)
        return end(error);
    return attach_new(
        place, node_create(place->folder->mount, S_IFIFO | (mode & PERMISSIONS), &pipe_ops));
}

int
tree_symlink(struct place *place, const char *target)
{
    int error;

    begin(place);
    error = *target == '\0' ? -ENOENT : check_new_file(place);
    if (error != 0)
        return end(error);
    return attach_new(place, node_create_link(place->folder->mount, target));
}

/* ---- names that go ---- */

static int
unlink_locked(struct place *place)
{
    if (place->kind != PLACE_NAME)
        return -EISDIR;
    if (!place->folder->mount->writable)
        return -EROFS;
    if (place->node == NULL)
        return -ENOENT;
    if (node_is_folder(place->node))
        return -EISDIR;
    if (place->slash)
        return -ENOTDIR;
    node_detach(place->node);
    return 0;
}

int
tree_unlink(struct place *place)
{
    begin(place);
    return end(unlink_locked(place));
}

static int
rmdir_locked(struct place *place)
{
    static const int special[] = {
        [PLACE_DOT] = -EINVAL, [PLACE_DOTDOT] = -ENOTEMPTY, [PLACE_ROOT] = -EBUSY};
    struct node *node = place->node;

    if (place->kind != PLACE_NAME)
        return special[place->kind];
    if (node != NULL && node->mount != place->folder->mount)
        return -EBUSY;
    if (!place->folder->mount->writable)
        return -EROFS;
    if (node == NULL)
        return -ENOENT;
    if (!node_is_folder(node))
        return -ENOTDIR;
    if (!node_is_empty(node))
        return -ENOTEMPTY;
    node_detach(node);
    return 0;
}

int
tree_rmdir(struct place *place)
{
    begin(place);
    return end(rmdir_locked(place));
}

/* ---- moving ---- */

static bool
is_above(const struct node *node, const struct node *below)
{
    while (below != node && below != tree_root)
        below = below->parent;
    return below == node;
}

/* May `node` take the place of `old`? */
static int
check_replace(const struct node *node, const struct node *old)
{
    if (node_is_folder(node) && !node_is_folder(old))
        return -ENOTDIR;
    if (!node_is_folder(node) && node_is_folder(old))
        return -EISDIR;
    return node_is_folder(old) && !node_is_empty(old) ? -ENOTEMPTY : 0;
}

static int
check_rename(const struct place *from, const struct place *to, unsigned flags)
{
    const struct node *node = from->node;

    if (from->folder->mount != to->folder->mount)
        return -EXDEV;
    if (from->kind != PLACE_NAME || to->kind != PLACE_NAME)
        return -EBUSY;
    if (!from->folder->mount->writable)
        return -EROFS;
    if (node == NULL)
        return -ENOENT;
    if (to->node != NULL && (flags & RENAME_NOREPLACE))
        return -EEXIST;
    if (!node_is_folder(node) && (from->slash || to->slash))
        return -ENOTDIR;
    if (is_above(node, to->folder))
        return -EINVAL;
    if (to->node != NULL && is_above(to->node, from->folder))
        return -ENOTEMPTY;
    return to->folder->linked ? 0 : -ENOENT;
}

static int
rename_locked(struct place *from, struct place *to, unsigned flags)
{
    int error = flags & ~(unsigned)RENAME_NOREPLACE ? -EINVAL : check_rename(from, to, flags);

    if (error != 0 || from->node == to->node)
        return error;
    if (to->node != NULL)
        error = check_replace(from->node, to->node);
    if (error != 0)
        return error;
    return node_move(from->node, to->folder, to->name, to->node);
}

int
tree_rename(struct place *from, struct place *to, unsigned flags)
{
    begin(from);
    look_again(to);
    return end(rename_locked(from, to, flags));
}
