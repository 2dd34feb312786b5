/* sys_paths.c - system calls that take paths: open(2), mkdir(2), unlink(2), rename(2), chdir(2),
 * chmod(2), truncate(2) and the like.
 *
 * A call and its sibling with `at` in the name differ in one thing: where a relative path begins.
 */
#include <string.h>
#include "kmalloc.h"
#include "syscall.h"
#include "user_path.h"

#define PERMISSIONS 07777u

/* ---- opening ---- */

static long
open_at(int folder, uint32_t user, unsigned flags, unsigned mode)
{
    struct user_path path;
    struct file *file;
    int descriptor, error = user_path_get(&path, folder, user);

    if (error != 0)
        return error;
    error = file_open_at(path.start, path.text, flags, masked(mode) & PERMISSIONS, &file);
    user_path_put(&path);
    if (error != 0)
        return error;
    descriptor = file_install(file, 0, flags & O_CLOEXEC);
    if (descriptor < 0)
        file_put(file);
    return descriptor;
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
    int error = place->node != NULL ? -EEXIST : tree_create(place, mode, &node);

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
    folder_set(task_running->process->folder, node);
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
    const struct file *file = file_of((int)frame->ebx);

    if (file == NULL)
        return -EBADF;
    return set_current(file->node);
}

SYSCALL(getcwd)
{
    char *text = kmalloc(PATH_MAX), *path;
    size_t size;
    bool gone;
    long answer;

    if (text == NULL)
        return -ENOMEM;
    path = node_path(current_folder(), text, PATH_MAX, &gone);
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
    struct folder *folder = task_running->process->folder;
    unsigned old = folder->umask;

    folder->umask = frame->ebx & 0777;
    return (long)old;
}

/* ---- attributes ---- */

static long
set_mode(struct node *node, uint32_t mode)
{
    if (S_ISLNK(node->mode))
        return -EOPNOTSUPP;
    if (!node_can_change(node))
        return -EROFS;
    node->mode = (node->mode & S_IFMT) | (mode & PERMISSIONS);
    node->changed = node_now();
    return 0;
}

static long
set_mode_at(int folder, uint32_t user, uint32_t mode)
{
    struct node *node;
    long error = user_node(folder, user, 0, &node);

    if (error != 0)
        return error;
    error = set_mode(node, mode);
    node_put(node);
    return error;
}

SYSCALL(chmod)
{
    return set_mode_at(AT_FDCWD, frame->ebx, frame->ecx);
}

SYSCALL(fchmodat)
{
    return set_mode_at((int)frame->ebx, frame->ecx, frame->edx);
}

SYSCALL(fchmod)
{
    const struct file *file = file_of((int)frame->ebx);

    if (file == NULL)
        return -EBADF;
    return set_mode(file->node, frame->ecx);
}

/* -1 leaves an owner as it is; so does 0xFFFF in the calls of 16 bits. */
static long
set_owner(struct node *node, uint32_t user, uint32_t group)
{
    if (!node_can_change(node))
        return -EROFS;
    if (user != UINT32_MAX)
        node->uid = user;
    if (group != UINT32_MAX)
        node->gid = group;
    node->changed = node_now();
    return 0;
}

static long
set_owner_at(int folder, uint32_t path, unsigned flags, uint32_t user, uint32_t group)
{
    struct node *node;
    long error = user_node(folder, path, flags, &node);

    if (error != 0)
        return error;
    error = set_owner(node, user, group);
    node_put(node);
    return error;
}

static long
set_owner_of(int descriptor, uint32_t user, uint32_t group)
{
    const struct file *file = file_of(descriptor);

    if (file == NULL)
        return -EBADF;
    return set_owner(file->node, user, group);
}

static uint32_t
wide(uint32_t id)
{
    return (uint32_t)(int16_t)id == UINT32_MAX ? UINT32_MAX : (uint16_t)id;
}

SYSCALL(chown)
{
    return set_owner_at(AT_FDCWD, frame->ebx, 0, wide(frame->ecx), wide(frame->edx));
}

SYSCALL(lchown)
{
    return set_owner_at(AT_FDCWD, frame->ebx, PATH_NO_FOLLOW, wide(frame->ecx), wide(frame->edx));
}

SYSCALL(fchown)
{
    return set_owner_of((int)frame->ebx, wide(frame->ecx), wide(frame->edx));
}

SYSCALL(chown32)
{
    return set_owner_at(AT_FDCWD, frame->ebx, 0, frame->ecx, frame->edx);
}

SYSCALL(lchown32)
{
    return set_owner_at(AT_FDCWD, frame->ebx, PATH_NO_FOLLOW, frame->ecx, frame->edx);
}

SYSCALL(fchown32)
{
    return set_owner_of((int)frame->ebx, frame->ecx, frame->edx);
}

SYSCALL(fchownat)
{
    unsigned flags = frame->edi & AT_SYMLINK_NOFOLLOW ? PATH_NO_FOLLOW : 0;

    if (frame->edi & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    if (frame->edi & AT_EMPTY_PATH)
        flags |= PATH_EMPTY;
    return set_owner_at((int)frame->ebx, frame->ecx, flags, frame->edx, frame->esi);
}

/* ---- sizes ---- */

static long
truncate_path(uint32_t user, uint64_t size)
{
    struct node *node;
    long error;

    if ((int64_t)size < 0)
        return -EINVAL;
    error = user_node(AT_FDCWD, user, 0, &node);
    if (error != 0)
        return error;
    if (!S_ISREG(node->mode) || node->object == NULL)
        error = node_is_folder(node) ? -EISDIR : -EINVAL;
    else
        error = node->mount->writable ? node_set_size(node, size) : -EROFS;
    node_put(node);
    return error;
}

static long
truncate_file(int descriptor, uint64_t size)
{
    struct file *file = file_of(descriptor);

    if ((int64_t)size < 0)
        return -EINVAL;
    if (file == NULL)
        return -EBADF;
    if (file_object(file) == NULL || !(file->access & FILE_WRITE))
        return -EINVAL;
    if (size > INT32_MAX && !(file->flags & O_LARGEFILE))
        return -EINVAL;
    return node_set_size(file->node, size);
}

/* Sizes of the old calls are signed: what is negative stays so. */
SYSCALL(truncate)
{
    return truncate_path(frame->ebx, (uint64_t)(int32_t)frame->ecx);
}

SYSCALL(ftruncate)
{
    return truncate_file((int)frame->ebx, (uint64_t)(int32_t)frame->ecx);
}

SYSCALL(truncate64)
{
    return truncate_path(frame->ebx, (uint64_t)frame->edx << 32 | frame->ecx);
}

SYSCALL(ftruncate64)
{
    return truncate_file((int)frame->ebx, (uint64_t)frame->edx << 32 | frame->ecx);
}

/* Room is not set aside: a file is made as large as it is to become, its bytes come when they are
 * written. */
SYSCALL(fallocate)
{
    enum { FALLOC_FL_KEEP_SIZE = 1 };
    struct file *file = file_of((int)frame->ebx);
    int64_t offset = (int64_t)((uint64_t)frame->esi << 32 | frame->edx);
    int64_t size = (int64_t)((uint64_t)frame->ebp << 32 | frame->edi);

    if (file == NULL || !(file->access & FILE_WRITE))
        return -EBADF;
    if (offset < 0 || size <= 0)
        return -EINVAL;
    if (frame->ecx & ~(uint32_t)FALLOC_FL_KEEP_SIZE)
        return -EOPNOTSUPP;
    if (file_object(file) == NULL)
        return file_has_position(file) ? -ENODEV : -ESPIPE;
    if (offset > INT64_MAX - size)
        return -EFBIG;
    if (frame->ecx != 0 || (uint64_t)(offset + size) <= file_size(file))
        return 0;
    return node_set_size(file->node, (uint64_t)(offset + size));
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
