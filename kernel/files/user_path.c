/* user_path.c - paths from programs. */
#include "kmalloc.h"
#include "user_path.h"

/* Copies the text: at first into the few bytes at hand, and only then into memory of its own. */
static int
copy_text(struct user_path *path, const char *user)
{
    long length = copy_string_from_user(path->few, user, PATH_FEW);

    path->text = path->few;
    if (LIKELY(length != -ENAMETOOLONG))
        return length < 0 ? (int)length : 0;
    path->text = kmalloc(PATH_MAX);
    if (path->text == NULL)
        return -ENOMEM;
    length = copy_string_from_user(path->text, user, PATH_MAX);
    if (length < 0)
        kfree(path->text);
    return length < 0 ? (int)length : 0;
}

/* Where the text begins, with a reference. An absolute path needs no folder. */
static int
find_start(struct user_path *path, int folder)
{
    struct file *file;

    if (folder == AT_FDCWD || path->text[0] == '/') {
        path->start = current_folder();
        return 0;
    }
    file = file_hold(folder);
    if (file == NULL)
        return -EBADF;
    path->start = file->node;
    node_get(path->start);
    file_put(file);
    if (path->text[0] == '\0' || node_is_folder(path->start))
        return 0;
    node_put(path->start);
    return -ENOTDIR;
}

static void
free_text(struct user_path *path)
{
    if (path->text != path->few)
        kfree(path->text);
}

int
user_path_get(struct user_path *path, int folder, uint32_t user)
{
    int error = copy_text(path, (const char *)user);

    if (error != 0)
        return error;
    error = find_start(path, folder);
    if (error != 0)
        free_text(path);
    return error;
}

void
user_path_put(struct user_path *path)
{
    free_text(path);
    node_put(path->start);
}

int
user_node(int folder, uint32_t user, unsigned flags, struct node **node)
{
    struct user_path path;
    int error = user_path_get(&path, folder, user);

    if (error != 0)
        return error;
    error = path_find(path.start, path.text, flags, node);
    user_path_put(&path);
    return error;
}

int
user_place(int folder, uint32_t user, unsigned flags, struct place *place)
{
    struct user_path path;
    int error = user_path_get(&path, folder, user);

    if (error != 0)
        return error;
    error = path_place(path.start, path.text, flags, place);
    user_path_put(&path);
    return error;
}
