/* sys_attributes.c - system calls that change what is known of a file: chmod(2), chown(2),
 * truncate(2), fallocate(2) and their relatives.
 *
 * All programs are the superuser; mode and owner are kept and told.
 */
#include "syscall.h"
#include "user_path.h"

#define PERMISSIONS 07777u

/* ---- mode and owner ---- */

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
    struct file *file = file_hold_opened((int)frame->ebx);
    long error;

    if (file == NULL)
        return -EBADF;
    error = set_mode(file->node, frame->ecx);
    file_put(file);
    return error;
}

/* The mode after a change of owners: what others marked to run with their rights runs so no more. A
 * folder's bits, and S_ISGID where no group may run the file, mean something else. */
static uint32_t
mode_of_new_owner(uint32_t mode)
{
    if (S_ISDIR(mode))
        return mode;
    if (mode & S_IXGRP)
        mode &= ~(uint32_t)S_ISGID;
    return mode & ~(uint32_t)S_ISUID;
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
    node->mode = mode_of_new_owner(node->mode);
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
    struct file *file = file_hold_opened(descriptor);
    long error;

    if (file == NULL)
        return -EBADF;
    error = set_owner(file->node, user, group);
    file_put(file);
    return error;
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
    else if (node_is_running(node))
        error = -ETXTBSY;
    else
        error = node->mount->writable ? node_set_size(node, size) : -EROFS;
    node_put(node);
    return error;
}

static long
truncate_held(struct file *file, uint64_t size)
{
    if (file_object(file) == NULL || !(file->access & FILE_WRITE))
        return -EINVAL;
    if (size > INT32_MAX && !(file->flags & O_LARGEFILE))
        return -EINVAL;
    return node_set_size(file->node, size);
}

static long
truncate_file(int descriptor, uint64_t size)
{
    struct file *file;
    long error;

    if ((int64_t)size < 0)
        return -EINVAL;
    file = file_hold_opened(descriptor);
    if (file == NULL)
        return -EBADF;
    error = truncate_held(file, size);
    file_put(file);
    return error;
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
static long
allocate(struct file *file, const struct trap_frame *frame)
{
    enum { FALLOC_FL_KEEP_SIZE = 1 };
    int64_t offset = (int64_t)((uint64_t)frame->esi << 32 | frame->edx);
    int64_t size = (int64_t)((uint64_t)frame->ebp << 32 | frame->edi);

    if (!(file->access & FILE_WRITE))
        return -EBADF;
    if (offset < 0 || size <= 0)
        return -EINVAL;
    if (frame->ecx & ~(uint32_t)FALLOC_FL_KEEP_SIZE)
        return -EOPNOTSUPP;
    if (file_object(file) == NULL)
        return file_has_position(file) ? -ENODEV : -ESPIPE;
    if (offset > INT64_MAX - size)
        return -EFBIG;
    if (frame->ecx != 0)
        return 0;
    return node_grow(file->node, (uint64_t)(offset + size));
}

SYSCALL(fallocate)
{
    struct file *file = file_hold_opened((int)frame->ebx);
    long error;

    if (file == NULL)
        return -EBADF;
    error = allocate(file, frame);
    file_put(file);
    return error;
}
