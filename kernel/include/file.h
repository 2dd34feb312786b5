/* file.h - files: one tree of nodes in memory, open files, and tables of descriptors.
 *
 *   descriptor ──► struct file (position, flags) ──► struct node (what it is) ──► node_ops
 *                                                        └── object: the bytes (page cache)
 *
 * Nodes of the tree: folders, regular files (of boot modules: read-only; of tmpfs), devices, and
 * the generated ones of /proc. Pipes and sockets-like things are nodes outside the tree.
 */
#ifndef OCTAVO_FILE_H
#define OCTAVO_FILE_H

#include "object.h"
#include "task.h"
#include "uapi/errno.h"

struct file;
struct node;

/* Where bytes go to or come from: a program's memory, or the kernel's when `kernel` is set. */
struct buffer {
    char *at;
    size_t size;
    bool kernel;
};
/* Copies and moves `at` on. 0 or -EFAULT. */
MUST_CHECK int buffer_put(struct buffer *buffer, const void *from, size_t size);
MUST_CHECK int buffer_get(struct buffer *buffer, void *to, size_t size);

enum { POLL_IN = 1, POLL_PRI = 2, POLL_OUT = 4, POLL_ERR = 8, POLL_HUP = 16, POLL_NVAL = 32 };

struct file_ops {
    /* Bytes moved, or -errno. `position` is NULL for what has none (pipe, terminal). */
    long (*read)(struct file *file, struct buffer *to, uint64_t *position);
    long (*write)(struct file *file, struct buffer *from, uint64_t *position);
    long (*ioctl)(struct file *file, unsigned request, uintptr_t argument);
    /* POLL_ bits that are true now; *queue, when there is one, is woken when that may change. */
    unsigned (*poll)(struct file *file, struct wait_queue **queue);
    /* The last descriptor is gone. */
    void (*close)(struct file *file);
    /* Called when a node is opened; may set file->state. 0 or -errno. */
    int (*open)(struct file *file);
};

struct file {
    const struct file_ops *ops;
    struct node *node;
    uint32_t refs;
    unsigned flags; /* O_ */
    uint64_t position;
    void *state;    /* for ops */
};

static inline void
file_get(struct file *file)
{
    file->refs++;
}
void file_put(struct file *file);

/* A file that no path leads to (pipe end). The caller has the only reference. NULL: no memory. */
struct file *file_create(const struct file_ops *ops, struct node *node, unsigned flags, void *state);

/* The open file of a descriptor of the current process, without another reference (descriptors
 * cannot close while the caller does not sleep; take file_get before sleeping). NULL: none. */
struct file *file_of(int descriptor);
/* The lowest free descriptor from `from` on for `file`, which it takes over. Or -EMFILE, -ENOMEM. */
int file_install(struct file *file, int from, bool close_on_exec);

/* Opens a path given in kernel memory. *file has one reference. 0 or -errno. */
MUST_CHECK int file_open(const char *path, unsigned flags, unsigned mode, struct file **file);
long file_read(struct file *file, void *to, size_t size, uint64_t position);  /* kernel memory */
/* The object behind a regular file; NULL for others. */
struct object *file_object(const struct file *file);
uint64_t file_size(const struct file *file);
/* The path of the file an object belongs to, "" when it has none. */
const char *file_object_name(const struct object *object);

/* Descriptor tables and folders: made for process 1, copied by fork, shared by clone. */
struct files *files_create(void);
struct files *files_fork(struct files *files);
void files_get(struct files *files);
void files_put(struct files *files);
void files_close_on_exec(struct files *files);
struct folder *folder_create(void);
struct folder *folder_fork(struct folder *folder);
void folder_get(struct folder *folder);
void folder_put(struct folder *folder);

/* Builds the tree: the boot modules' files, /tmp, /dev, /proc. After task_init. */
void files_init(void);

/* For /dev and /proc (kernel/devices.c, kernel/proc.c): adds a node at `path`, making folders. */
struct node *tree_add_device(const char *path, const struct file_ops *ops, unsigned major_number,
                             unsigned minor_number);

#endif
