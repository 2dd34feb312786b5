/* sys_stat.c - system calls that ask about files: stat(2) in its four layouts, access(2),
 * readlink(2).
 *
 * What is known about a file is gathered once (struct status) and then written in the layout of the
 * call. Sizes and numbers that do not fit into an old layout are -EOVERFLOW.
 */
#include <string.h>
#include "kmalloc.h"
#include "syscall.h"
#include "user_path.h"

#define BLOCKS_A_PAGE (PAGE_SIZE / 512)

struct status {
    uint32_t mode, links, uid, gid, number;
    uint32_t mount, device; /* st_dev; st_rdev */
    uint64_t size;
    uint32_t blocks;
    struct node_time accessed, modified, changed;
};

/* ---- gathering ---- */

/* Blocks of 512 bytes. A module has all of its bytes somewhere. */
static uint32_t
blocks_of(const struct object *object, uint64_t size)
{
    if (object->ops->fill != NULL)
        return (uint32_t)((size + 511) / 512);
    return object->pages * BLOCKS_A_PAGE;
}

static void
set_size(struct status *status, const struct node *node)
{
    if (S_ISREG(node->mode) && node->object != NULL) {
        status->size = object_size(node->object);
        status->blocks = blocks_of(node->object, status->size);
    } else if (node_is_folder(node)) {
        status->size = PAGE_SIZE;
        status->links = status->links != 0 ? 2 + node->folders : 0;
    } else if (S_ISLNK(node->mode) && node->dynamic == NULL) {
        status->size = strlen(node->target);
    } else if (S_ISCHR(node->mode)) {
        status->device = node->device;
    }
}

static struct status
status_of(const struct node *node)
{
    struct status status = {
        .mode = node->mode,
        .links = node->mount == &pipe_mount || node_has_name(node), /* a pipe's node needs none */
        .uid = node->uid,
        .gid = node->gid,
        .number = node->number,
        .mount = node->mount->number,
        .accessed = node->accessed,
        .modified = node->modified,
        .changed = node->changed,
    };

    set_size(&status, node);
    return status;
}

/* What the path, or with AT_EMPTY_PATH and none the descriptor, means. */
static int
status_at(int folder, uint32_t user, unsigned flags, struct status *status)
{
    unsigned path_flags = (flags & AT_SYMLINK_NOFOLLOW ? PATH_NO_FOLLOW : 0) |
                          (flags & AT_EMPTY_PATH ? PATH_EMPTY : 0);
    struct node *node;
    int error = user_node(folder, user, path_flags, &node);

    if (error != 0)
        return error;
    *status = status_of(node);
    node_put(node);
    return 0;
}

static int
status_of_descriptor(int descriptor, struct status *status)
{
    struct file *file = file_hold(descriptor);

    if (file == NULL)
        return -EBADF;
    *status = status_of(file->node);
    file_put(file);
    return 0;
}

/* ---- the layouts ---- */

static long
put_stat(const struct status *status, uint32_t user)
{
    struct stat stat = {
        .dev = status->mount,
        .ino = status->number,
        .mode = (uint16_t)status->mode,
        .nlink = (uint16_t)status->links,
        .uid = (uint16_t)status->uid,
        .gid = (uint16_t)status->gid,
        .rdev = status->device,
        .size = (uint32_t)status->size,
        .blksize = PAGE_SIZE,
        .blocks = status->blocks,
        .atime = status->accessed.sec,
        .atime_nsec = status->accessed.nsec,
        .mtime = status->modified.sec,
        .mtime_nsec = status->modified.nsec,
        .ctime = status->changed.sec,
        .ctime_nsec = status->changed.nsec,
    };

    if (status->size > INT32_MAX)
        return -EOVERFLOW;
    return copy_to_user((void *)user, &stat, sizeof(stat));
}

static long
put_stat64(const struct status *status, uint32_t user)
{
    struct stat64 stat = {
        .dev = status->mount,
        .low_ino = status->number,
        .ino = status->number,
        .mode = status->mode,
        .nlink = status->links,
        .uid = status->uid,
        .gid = status->gid,
        .rdev = status->device,
        .size = (int64_t)status->size,
        .blksize = PAGE_SIZE,
        .blocks = status->blocks,
        .atime = status->accessed.sec,
        .atime_nsec = status->accessed.nsec,
        .mtime = status->modified.sec,
        .mtime_nsec = status->modified.nsec,
        .ctime = status->changed.sec,
        .ctime_nsec = status->changed.nsec,
    };

    return copy_to_user((void *)user, &stat, sizeof(stat));
}

static struct statx_time
wide_time(struct node_time time)
{
    return (struct statx_time){.sec = time.sec, .nsec = time.nsec};
}

static long
put_statx(const struct status *status, uint32_t user)
{
    struct statx statx = {
        .mask = STATX_BASIC_STATS,
        .blksize = PAGE_SIZE,
        .nlink = status->links,
        .uid = status->uid,
        .gid = status->gid,
        .mode = (uint16_t)status->mode,
        .ino = status->number,
        .size = status->size,
        .blocks = status->blocks,
        .atime = wide_time(status->accessed),
        .ctime = wide_time(status->changed),
        .mtime = wide_time(status->modified),
        .rdev_major = status->device >> 8,
        .rdev_minor = status->device & 0xFF,
        .dev_minor = status->mount,
    };

    return copy_to_user((void *)user, &statx, sizeof(statx));
}

/* ---- stat ---- */

typedef long (*put_status)(const struct status *status, uint32_t user);

static long
stat_path(const struct trap_frame *frame, unsigned flags, put_status put)
{
    struct status status;
    int error = status_at(AT_FDCWD, frame->ebx, flags, &status);

    return error != 0 ? error : put(&status, frame->ecx);
}

static long
stat_file(const struct trap_frame *frame, put_status put)
{
    struct status status;
    int error = status_of_descriptor((int)frame->ebx, &status);

    return error != 0 ? error : put(&status, frame->ecx);
}

SYSCALL(stat)
{
    return stat_path(frame, 0, put_stat);
}

SYSCALL(lstat)
{
    return stat_path(frame, AT_SYMLINK_NOFOLLOW, put_stat);
}

SYSCALL(fstat)
{
    return stat_file(frame, put_stat);
}

SYSCALL(stat64)
{
    return stat_path(frame, 0, put_stat64);
}

SYSCALL(lstat64)
{
    return stat_path(frame, AT_SYMLINK_NOFOLLOW, put_stat64);
}

SYSCALL(fstat64)
{
    return stat_file(frame, put_stat64);
}

SYSCALL(fstatat64)
{
    struct status status;
    int error;

    if (frame->esi & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
        return -EINVAL;
    error = status_at((int)frame->ebx, frame->ecx, frame->esi, &status);
    return error != 0 ? error : put_stat64(&status, frame->edx);
}

SYSCALL(statx)
{
    struct status status;
    int error;

    if (frame->edx &
        ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
        return -EINVAL;
    error = status_at((int)frame->ebx, frame->ecx, frame->edx, &status);
    return error != 0 ? error : put_statx(&status, frame->edi);
}

/* ---- access ---- */

/* The superuser may do all but write where nobody may and run what nobody can. What can be written
 * where names cannot change: devices, and settings. */
static int
check_access(const struct node *node, unsigned wanted)
{
    bool made_up = S_ISREG(node->mode) && node->object == NULL;

    if ((wanted & W_OK) && !node->mount->writable && !S_ISCHR(node->mode) &&
        !(made_up && node->mode & 0222))
        return -EROFS;
    if ((wanted & X_OK) && !node_is_folder(node) && !(node->mode & 0111))
        return -EACCES;
    return 0;
}

static long
access_at(int folder, uint32_t user, unsigned wanted, unsigned flags)
{
    unsigned path_flags = (flags & AT_SYMLINK_NOFOLLOW ? PATH_NO_FOLLOW : 0) |
                          (flags & AT_EMPTY_PATH ? PATH_EMPTY : 0);
    struct node *node;
    int error;

    if (wanted & ~(unsigned)(R_OK | W_OK | X_OK) ||
        flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_EACCESS))
        return -EINVAL;
    error = user_node(folder, user, path_flags, &node);
    if (error != 0)
        return error;
    error = check_access(node, wanted);
    node_put(node);
    return error;
}

SYSCALL(access)
{
    return access_at(AT_FDCWD, frame->ebx, frame->ecx, 0);
}

SYSCALL(faccessat)
{
    return access_at((int)frame->ebx, frame->ecx, frame->edx, 0);
}

SYSCALL(faccessat2)
{
    return access_at((int)frame->ebx, frame->ecx, frame->edx, frame->esi);
}

/* ---- links ---- */

static long
put_link(struct node *link, uint32_t user, size_t size)
{
    char *text;
    long length;

    if (!S_ISLNK(link->mode))
        return -EINVAL;
    text = kmalloc(PATH_MAX);
    if (text == NULL)
        return -ENOMEM;
    length = node_read_link(link, text, size < PATH_MAX ? size : PATH_MAX);
    if (length > 0 && copy_to_user((void *)user, text, (size_t)length) != 0)
        length = -EFAULT;
    kfree(text);
    return length;
}

/* An empty path is the descriptor's own link, or nothing. */
static long
read_link_at(int folder, uint32_t user_path, uint32_t user, uint32_t size)
{
    struct user_path path;
    struct node *link;
    long length;

    if ((int32_t)size <= 0)
        return -EINVAL;
    length = user_path_get(&path, folder, user_path);
    if (length != 0)
        return length;
    length = path_find(path.start, path.text, PATH_NO_FOLLOW | PATH_EMPTY, &link);
    if (length == 0) {
        length = path.text[0] == '\0' && !S_ISLNK(link->mode) ? -ENOENT
                                                              : put_link(link, user, size);
        node_put(link);
    }
    user_path_put(&path);
    return length;
}

SYSCALL(readlink)
{
    return read_link_at(AT_FDCWD, frame->ebx, frame->ecx, frame->edx);
}

SYSCALL(readlinkat)
{
    return read_link_at((int)frame->ebx, frame->ecx, frame->edx, frame->esi);
}
