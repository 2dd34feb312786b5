/* sys_stat.c - system calls that ask about files: stat(2) in its four layouts, access(2),
 * readlink(2), getdents(2), statfs(2).
 *
 * What is known about a file is gathered once (struct status) and then written in the layout of the
 * call. Sizes and numbers that do not fit into an old layout are -EOVERFLOW.
 */
#include <string.h>
#include "kmalloc.h"
#include "syscall.h"
#include "uapi/dirent.h"
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
blocks_of(const struct object *object)
{
    if (object->ops->fill != NULL)
        return (uint32_t)((object->size + 511) / 512);
    return object->pages * BLOCKS_A_PAGE;
}

static void
set_size(struct status *status, const struct node *node)
{
    if (S_ISREG(node->mode) && node->object != NULL) {
        status->size = node->object->size;
        status->blocks = blocks_of(node->object);
    } else if (node_is_folder(node)) {
        status->size = PAGE_SIZE;
        status->links = status->links != 0 ? 2 + node->folders : 0;
    } else if (S_ISLNK(node->mode) && node->dynamic == NULL) {
        status->size = strlen(node->target);
    } else if (S_ISCHR(node->mode)) {
        status->device = node->device;
    }
}

/* Pipes without one count as if they had. */
static bool
has_name(const struct node *node)
{
    return node->linked || (node->parent != NULL && node->parent->dynamic != NULL) ||
           node->mount == &pipe_mount;
}

static struct status
status_of(const struct node *node)
{
    struct status status = {
        .mode = node->mode,
        .links = has_name(node),
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
    const struct file *file = file_of(descriptor);

    if (file == NULL)
        return -EBADF;
    *status = status_of(file->node);
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

static long
read_link_at(int folder, uint32_t path, uint32_t user, uint32_t size)
{
    struct node *link;
    long length;

    if ((int32_t)size <= 0)
        return -EINVAL;
    length = user_node(folder, path, PATH_NO_FOLLOW | PATH_EMPTY, &link);
    if (length != 0)
        return length;
    length = put_link(link, user, size);
    node_put(link);
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

/* ---- listings ---- */

/* Positions of a folder's listing: 0 is ".", 1 "..", then the children, two further on. */
#define FIRST_CHILD 2

/* A record as a program gets it; `off` is the position behind it. */
union record {
    struct dirent old;
    struct dirent64 wide;
    char bytes[sizeof(struct dirent64) + NAME_MAX + 8];
};

/* Lays an entry out; returns the record's length. */
typedef size_t (*lay_record)(union record *record, const struct tree_entry *entry, uint32_t off);

/* The entry at *position, which is moved behind it. False: there is none. */
static bool
entry_at(struct node *folder, uint32_t *position, struct tree_entry *entry)
{
    uint32_t index = *position - FIRST_CHILD;

    if (*position >= FIRST_CHILD) {
        if (!node_list(folder, &index, entry))
            return false;
        *position = index + FIRST_CHILD;
        return true;
    }
    memcpy(entry->name, "..", 3);
    entry->name[1 + *position] = '\0';
    entry->number = *position == 0 ? folder->number : folder->parent->number;
    entry->mode = S_IFDIR;
    ++*position;
    return true;
}

static size_t
lay_old(union record *record, const struct tree_entry *entry, uint32_t off)
{
    size_t length = strlen(entry->name);
    size_t size = (offsetof(struct dirent, name) + length + 2 + 3) & ~(size_t)3;

    memset(record->bytes, 0, size);
    record->old.ino = entry->number;
    record->old.off = off;
    record->old.reclen = (uint16_t)size;
    memcpy(record->old.name, entry->name, length);
    record->bytes[size - 1] = (char)(entry->mode >> 12);
    return size;
}

static size_t
lay_wide(union record *record, const struct tree_entry *entry, uint32_t off)
{
    size_t length = strlen(entry->name);
    size_t size = (offsetof(struct dirent64, name) + length + 1 + 7) & ~(size_t)7;

    memset(record->bytes, 0, size);
    record->wide.ino = entry->number;
    record->wide.off = off;
    record->wide.reclen = (uint16_t)size;
    record->wide.type = (uint8_t)(entry->mode >> 12);
    memcpy(record->wide.name, entry->name, length);
    return size;
}

/* As many records as fit. Bytes, 0 at the end, -EINVAL when not even one fits. */
static long
list_folder(struct file *file, char *user, size_t size, lay_record lay)
{
    struct tree_entry entry;
    union record record;
    uint32_t position = (uint32_t)file->position;
    size_t total = 0, length;

    while (entry_at(file->node, &position, &entry)) {
        length = lay(&record, &entry, position);
        if (length > size - total)
            return total > 0 ? (long)total : -EINVAL;
        if (copy_to_user(user + total, &record, length) != 0)
            return total > 0 ? (long)total : -EFAULT;
        total += length;
        file->position = position;
    }
    return (long)total;
}

static long
list_call(const struct trap_frame *frame, lay_record lay)
{
    struct file *file = file_of((int)frame->ebx);

    if (file == NULL || !(file->access & FILE_READ))
        return -EBADF;
    if (!node_is_folder(file->node))
        return -ENOTDIR;
    if (!file->node->linked && file->node->dynamic == NULL)
        return -ENOENT;
    return list_folder(file, (char *)frame->ecx, frame->edx, lay);
}

SYSCALL(getdents)
{
    return list_call(frame, lay_old);
}

SYSCALL(getdents64)
{
    return list_call(frame, lay_wide);
}

/* ---- file systems ---- */

static struct statfs64
mount_status(const struct mount *mount)
{
    struct statfs64 status = {
        .type = mount->magic,
        .bsize = PAGE_SIZE,
        .frsize = PAGE_SIZE,
        .fsid = {mount->number, 0},
        .namelen = NAME_MAX,
        .flags = mount->writable || mount == &proc_mount ? 0 : 1, /* ST_RDONLY */
    };

    if (mount->writable) {
        status.blocks = file_space_pages();
        status.bfree = status.bavail = file_space_free();
        status.files = status.blocks;
        status.ffree = node_count_changeable() < status.files
                           ? status.files - node_count_changeable()
                           : 0;
    }
    return status;
}

static long
put_statfs(const struct mount *mount, uint32_t user)
{
    struct statfs64 wide = mount_status(mount);
    struct statfs status = {
        .type = wide.type,
        .bsize = wide.bsize,
        .blocks = (uint32_t)wide.blocks,
        .bfree = (uint32_t)wide.bfree,
        .bavail = (uint32_t)wide.bavail,
        .files = (uint32_t)wide.files,
        .ffree = (uint32_t)wide.ffree,
        .fsid = {wide.fsid[0], wide.fsid[1]},
        .namelen = wide.namelen,
        .frsize = wide.frsize,
        .flags = wide.flags,
    };

    return copy_to_user((void *)user, &status, sizeof(status));
}

static long
put_statfs64(const struct mount *mount, uint32_t user)
{
    struct statfs64 status = mount_status(mount);

    return copy_to_user((void *)user, &status, sizeof(status));
}

typedef long (*put_mount)(const struct mount *mount, uint32_t user);

static long
statfs_path(uint32_t path, uint32_t user, put_mount put)
{
    struct node *node;
    const struct mount *mount;
    int error = user_node(AT_FDCWD, path, 0, &node);

    if (error != 0)
        return error;
    mount = node->mount;
    node_put(node);
    return put(mount, user);
}

static long
statfs_file(int descriptor, uint32_t user, put_mount put)
{
    const struct file *file = file_of(descriptor);

    if (file == NULL)
        return -EBADF;
    return put(file->node->mount, user);
}

SYSCALL(statfs)
{
    return statfs_path(frame->ebx, frame->ecx, put_statfs);
}

SYSCALL(fstatfs)
{
    return statfs_file((int)frame->ebx, frame->ecx, put_statfs);
}

SYSCALL(statfs64)
{
    if (frame->ecx != sizeof(struct statfs64))
        return -EINVAL;
    return statfs_path(frame->ebx, frame->edx, put_statfs64);
}

SYSCALL(fstatfs64)
{
    if (frame->ecx != sizeof(struct statfs64))
        return -EINVAL;
    return statfs_file((int)frame->ebx, frame->edx, put_statfs64);
}
