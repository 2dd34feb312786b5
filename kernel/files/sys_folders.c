/* sys_folders.c - system calls that list folders, getdents(2), and that ask about a whole file
 * system, statfs(2).
 */
#include <string.h>
#include "syscall.h"
#include "uapi/dirent.h"
#include "user_path.h"

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
    struct node *parent;

    if (*position >= FIRST_CHILD) {
        if (!node_list(folder, &index, entry))
            return false;
        *position = index + FIRST_CHILD;
        return true;
    }
    parent = node_get_parent(folder);
    memcpy(entry->name, "..", 3);
    entry->name[1 + *position] = '\0';
    entry->number = *position == 0 ? folder->number : parent->number;
    node_put(parent);
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
    struct file *file = file_hold((int)frame->ebx);
    long result = -EBADF;

    if (file == NULL)
        return -EBADF;
    mutex_lock(&file->turn);
    if (file->access & FILE_READ)
        result = node_is_folder(file->node) ? 0 : -ENOTDIR;
    if (result == 0 && !node_has_name(file->node))
        result = -ENOENT;
    if (result == 0)
        result = list_folder(file, (char *)frame->ecx, frame->edx, lay);
    mutex_unlock(&file->turn);
    file_put(file);
    return result;
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
    struct file *file = file_hold(descriptor);
    const struct mount *mount;

    if (file == NULL)
        return -EBADF;
    mount = file->node->mount;
    file_put(file);
    return put(mount, user);
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
