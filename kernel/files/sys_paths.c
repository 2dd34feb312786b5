/* sys_paths.c - system calls that take paths: open(2), mkdir(2), unlink(2), rename(2), chdir(2)
 * and the like.
 *
 * A call and its sibling with `at` in the name differ in one thing: where a relative path begins.
 */
#include "kmalloc.h"
#include "syscall.h"
#include "user_path.h"

/* ---- opening ---- */

/* Nothing has happened to the file when there is no descriptor for it. */
static long
open_at(int folder, uint32_t user, unsigned flags, unsigned mode)
{
    struct user_path path;
    struct file *file = NULL;
    int descriptor, error = user_path_get(&path, folder, user);

    if (error != 0)
        return error;
    descriptor = file_reserve();
    if (descriptor >= 0) {
        error = file_open_at(path.start, path.text, flags, masked(mode), &file);
        file_settle(error == 0 ? file : NULL, flags & O_CLOEXEC);
    }
    user_path_put(&path);
    return error != 0 ? error : descriptor;
}

SYSCALL(open)
{
    return open_at(AT_FDCWD, frame->ebx, frame->ecx, frame->edx);
}

SYSCALL(openat)
{
    return open_at((int)frame->ebx, frame->ecx, frame->edx, frame->esi);
}

SYSCALL(creat)
{
    return open_at(AT_FDCWD, frame->ebx, O_CREAT | O_WRONLY | O_TRUNC, frame->ecx);
}

/* A file in memory that no path leads to. */
SYSCALL(memfd_create)
{
    enum { MFD_CLOEXEC = 1, MFD_ALLOW_SEALING = 2 };
    char name[NAME_MAX + 1] = "memfd:";
    long length = copy_string_from_user(name + 6, (const char *)frame->ebx, sizeof(name) - 6);
    struct node *node;
    struct file *file;
    int descriptor;

    if (length < 0)
        return length == -ENAMETOOLONG ? -EINVAL : length;
    if (frame->ecx & ~(uint32_t)(MFD_CLOEXEC | MFD_ALLOW_SEALING))
        return -EINVAL;
    node = node_create_file(&tmp_mount, 0777, 0, NULL, 0);
    if (node == NULL || node_set_name(node, name) != 0) {
        node_put(node);
        return -ENOMEM;
    }
    file = file_create(&regular_ops, node, O_RDWR | O_LARGEFILE, NULL);
    node_put(node);
    if (file == NULL)
        return file_shortage();
    descriptor = file_install(file, 0, frame->ecx & MFD_CLOEXEC);
    if (descriptor < 0)
        file_put(file);
    return descriptor;
}

/* ---- names ---- */

static long
make_folder(int folder, uint32_t user, uint32_t mode)
{
    struct place place;
    int error = user_place(folder, user, PATH_NAME, &place);

    if (error != 0)
        return error;
    error = tree_mkdir(&place, masked(mode));
    place_put(&place);
    return error;
}

SYSCALL(mkdir)
{
    return make_folder(AT_FDCWD, frame->ebx, frame->ecx);
}

SYSCALL(mkdirat)
{
    return make_folder((int)frame->ebx, frame->ecx, frame->edx);
}

static long
remove_name(int folder, uint32_t user, int (*remove)(struct place *))
{
    struct place place;
    int error = user_place(folder, user, PATH_NAME, &place);

    if (error != 0)
        return error;
    error = remove(&place);
    place_put(&place);
    return error;
}

SYSCALL(unlink)
{
    return remove_name(AT_FDCWD, frame->ebx, tree_unlink);
}

SYSCALL(rmdir)
{
    return remove_name(AT_FDCWD, frame->ebx, tree_rmdir);
}

SYSCALL(unlinkat)
{
    if (frame->edx & ~(uint32_t)AT_REMOVEDIR)
        return -EINVAL;
    return remove_name((int)frame->ebx, frame->ecx,
                       frame->edx & AT_REMOVEDIR ? tree_rmdir : tree_unlink);
}

static long
rename_at(int from_folder, uint32_t from, int to_folder, uint32_t to, unsigned flags)
{
    struct place source, target;
    int error = user_place(from_folder, from, PATH_NAME, &source);

    if (error != 0)
        return error;
    error = user_place(to_folder, to, PATH_NAME, &target);
    if (error == 0) {
        error = tree_rename(&source, &target, flags);
        place_put(&target);
    }
    place_put(&source);
    return error;
}

SYSCALL(rename)
{
    return rename_at(AT_FDCWD, frame->ebx, AT_FDCWD, frame->ecx, 0);
}

SYSCALL(renameat)
{
    return rename_at((int)frame->ebx, frame->ecx, (int)frame->edx, frame->esi, 0);
}

SYSCALL(renameat2)
{
    return rename_at((int)frame->ebx, frame->ecx, (int)frame->edx, frame->esi, frame->edi);
}

static long
make_link(uint32_t target, int folder, uint32_t user)
{
    struct user_path text;
    struct place place;
    int error = user_path_get(&text, AT_FDCWD, target);

    if (error != 0)
        return error;
    error = user_place(folder, user, PATH_NAME, &place);
    if (error == 0) {
        error = tree_symlink(&place, text.text);
        place_put(&place);
    }
    user_path_put(&text);
    return error;
}

SYSCALL(symlink)
{
    return make_link(frame->ebx, AT_FDCWD, frame->ecx);
}

SYSCALL(symlinkat)
{
    return make_link(frame->ebx, (int)frame->ecx, frame->edx);
}

static int
make_file(struct place *place, uint32_t mode)
{
    struct node *node;
    int error = tree_create(place, mode, &node);

    if (error == 0)
        node_put(node);
    return error;
}

/* mknod(2) makes regular files and FIFOs; devices are what the kernel has. */
static long
make_node(int folder, uint32_t user, uint32_t mode)
{
    struct place place;
    int error;

    if (!S_ISREG(mode) && !S_ISFIFO(mode) && (mode & S_IFMT) != 0)
        return -EPERM;
    error = user_place(folder, user, PATH_NAME, &place);
    if (error != 0)
        return error;
    error = S_ISFIFO(mode) ? tree_mkfifo(&place, masked(mode)) : make_file(&place, masked(mode));
    place_put(&place);
    return error;
}

SYSCALL(mknod)
{
    return make_node(AT_FDCWD, frame->ebx, frame->ecx);
}

SYSCALL(mknodat)
{
    return make_node((int)frame->ebx, frame->ecx, frame->edx);
}

/* A node has one name. */
static long
refuse_second_name(int folder, uint32_t user)
{
    struct node *node;
    int error = user_node(folder, user, PATH_NO_FOLLOW, &node);

    if (error != 0)
        return error;
    node_put(node);
    return -EPERM;
}

SYSCALL(link)
{
    return refuse_second_name(AT_FDCWD, frame->ebx);
}

SYSCALL(linkat)
{
    return refuse_second_name((int)frame->ebx, frame->ecx);
}

/* ---- where we are ---- */

static long
set_current(struct node *node)
{
    if (!node_is_folder(node))
        return -ENOTDIR;
    folder_set(task_current()->process->folder, node);
    return 0;
}

SYSCALL(chdir)
{
    struct node *node;
    long error = user_node(AT_FDCWD, frame->ebx, 0, &node);

    if (error != 0)
        return error;
    error = set_current(node);
    node_put(node);
    return error;
}

SYSCALL(fchdir)
{
    struct file *file = file_hold((int)frame->ebx);
    long error;

    if (file == NULL)
        return -EBADF;
    error = set_current(file->node);
    file_put(file);
    return error;
}

SYSCALL(getcwd)
{
    char *text = kmalloc(PATH_MAX), *path;
    struct node *folder;
    size_t size;
    bool gone;
    long answer;

    if (text == NULL)
        return -ENOMEM;
    folder = current_folder();
    path = node_path(folder, text, PATH_MAX, &gone);
    node_put(folder);
    size = path != NULL ? (size_t)(text + PATH_MAX - path) : PATH_MAX + 1;
    if (path == NULL)
        answer = -ENAMETOOLONG;
    else if (gone)
        answer = -ENOENT;
    else if (size > frame->ecx)
        answer = -ERANGE;
    else
        answer = copy_to_user((void *)frame->ebx, path, size) == 0 ? (long)size : -EFAULT;
    kfree(text);
    return answer;
}

SYSCALL(umask)
{
    struct folder *folder = task_current()->process->folder;
    unsigned old = folder->umask;

    folder->umask = frame->ebx & 0777;
    return (long)old;
}

/* ---- what there is not ---- */

static long
refuse(const struct trap_frame *frame)
{
    (void)frame;
    return -EPERM;
}

SYSCALL(mount)
{
    return refuse(frame);
}

SYSCALL(umount)
{
    return refuse(frame);
}

SYSCALL(umount2)
{
    return refuse(frame);
}

SYSCALL(chroot)
{
    return refuse(frame);
}
