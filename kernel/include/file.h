/* file.h - open files, and tables of descriptors.
 *
 *   descriptor ──► struct file (position, flags) ──► struct node (what it is) ──► file_ops
 *                                                        └── object: the bytes (page cache)
 *
 * Nodes and the tree they make are in node.h.
 *
 * Lock: a table has a spinlock for each change of it, and for looks from other tasks; the one task
 * that uses a table alone looks without. Who found a file holds it (file_hold), as another thread
 * may close the descriptor at any time. `turn` of a file lets one call at a time use its position.
 */
#ifndef OCTAVO_FILE_H
#define OCTAVO_FILE_H

#include <string.h>
#include "node.h"
#include "task.h"
#include "usercopy.h"

struct file;

/* Where bytes go to or come from: a program's memory, or the kernel's when `kernel` is set. Who
 * makes one for a program has asked user_range_ok; nobody moves more than `size` bytes. */
struct buffer {
    char *at;
    size_t size;
    bool kernel;
    bool at_once; /* a read does not wait for more than is there */
};

/* Copies and moves `at` on. 0 or -EFAULT, and the buffer is as it was. */
MUST_CHECK static inline int
buffer_put(struct buffer *buffer, const void *from, size_t size)
{
    if (UNLIKELY(buffer->kernel))
        memcpy(buffer->at, from, size);
    else if (UNLIKELY(user_copy(buffer->at, from, size) != 0))
        return -EFAULT;
    buffer->at += size;
    buffer->size -= size;
    return 0;
}

MUST_CHECK static inline int
buffer_get(struct buffer *buffer, void *to, size_t size)
{
    if (UNLIKELY(buffer->kernel))
        memcpy(to, buffer->at, size);
    else if (UNLIKELY(user_copy(to, buffer->at, size) != 0))
        return -EFAULT;
    buffer->at += size;
    buffer->size -= size;
    return 0;
}

/* The same as far as it goes: the number of bytes copied. */
MUST_CHECK size_t buffer_put_some(struct buffer *buffer, const void *from, size_t size);
MUST_CHECK size_t buffer_get_some(struct buffer *buffer, void *to, size_t size);
/* Zeros, as far as it goes. */
MUST_CHECK size_t buffer_zero_some(struct buffer *buffer, size_t size);

enum { POLL_IN = 1, POLL_PRI = 2, POLL_OUT = 4, POLL_ERR = 8, POLL_HUP = 16, POLL_NVAL = 32 };

/* What is NULL is answered with -EINVAL (read, write), -ENOTTY (ioctl), always ready (poll),
 * nothing (close, open). The callers have checked that the file is open for it, and hold it. */
struct file_ops {
    /* Bytes moved, or -errno. `position` is moved on by what has one. */
    long (*read)(struct file *file, struct buffer *to, uint64_t *position);
    long (*write)(struct file *file, struct buffer *from, uint64_t *position);
    long (*ioctl)(struct file *file, unsigned request, uintptr_t argument);
    /* POLL_ bits that are true now; when that may change, poll_changed (poll.h) is called. */
    unsigned (*poll)(struct file *file);
    /* The last descriptor is gone. */
    void (*close)(struct file *file);
    /* Called when a node is opened; may set file->state. 0 or -errno. */
    int (*open)(struct file *file);
    /* There is no position: lseek and pread answer -ESPIPE. */
    bool stream;
};

enum { FILE_READ = 1, FILE_WRITE = 2 };

struct file {
    const struct file_ops *ops;
    struct node *node; /* held; NULL only until it is opened */
    uint32_t refs;
    unsigned flags;  /* O_; without those that count only at opening */
    unsigned access; /* FILE_READ, FILE_WRITE: what it was opened for */
    uint64_t position;
    void *state;     /* for ops */
    struct mutex turn; /* of those who read and write at `position`, and use `state` */
};

static inline void
file_get(struct file *file)
{
    (void)__atomic_fetch_add(&file->refs, 1, __ATOMIC_RELAXED);
}

/* Ends a file that nobody holds. */
void file_free(struct file *file);

static inline void
file_put(struct file *file)
{
    if (__atomic_sub_fetch(&file->refs, 1, __ATOMIC_ACQ_REL) == 0)
        file_free(file);
}

/* A file from nothing: O_ACCMODE of `flags` says what it is open for. It takes a reference to
 * `node` of its own, which may be NULL for now. The caller has the only one to the file. NULL: no
 * memory, or too many are open. */
struct file *file_create(const struct file_ops *ops, struct node *node, unsigned flags,
                         void *state);
/* Why it failed just now: -ENFILE or -ENOMEM. */
int file_shortage(void);
/* How many files may be open in all. */
unsigned long file_limit(void);

static inline bool
file_has_position(const struct file *file)
{
    return !file->ops->stream;
}

/* ---- opening (kernel/files/open.c) ---- */

/* Opens a path; `start` is where one without `/` in front begins. *file has one reference. 0 or
 * -errno. */
MUST_CHECK int file_open_at(struct node *start, const char *path, unsigned flags, unsigned mode,
                            struct file **file);
/* The same from the root. */
MUST_CHECK int file_open(const char *path, unsigned flags, unsigned mode, struct file **file);
/* Is it the file of a program that runs? Such a one is not written to: -ETXTBSY. */
bool node_is_running(const struct node *node);
/* Bytes of a regular file into the kernel's memory: how many, less at its end, or -errno. */
long file_read(struct file *file, void *to, size_t size, uint64_t position);
/* Locks the bytes of a file that has regular_ops, for several reads or writes by regular_locked_ops
 * between which nobody else's come. */
void regular_lock(struct file *file, bool reads);
void regular_unlock(struct file *file, bool reads);
extern const struct file_ops regular_locked_ops;
/* The object behind a regular file; NULL for others. */
struct object *file_object(const struct file *file);
uint64_t file_size(const struct file *file);
#define OBJECT_NAME_ROOM 268

/* The path of the file an object belongs to, "" when it has none: written into `text`. */
const char *file_object_name_to(const struct object *object, char text[OBJECT_NAME_ROOM]);
/* The same, good until the next call: for what prints one text at a time. */
const char *file_object_name(const struct object *object);
/* What mmap of a file maps: *object, NULL for /dev/zero, which means anonymous memory; *may_write
 * for space_mmap. 0, -EACCES as it was not opened for that, -ENODEV. */
MUST_CHECK int file_mapping(const struct file *file, unsigned prot, unsigned flags,
                            struct object **object, bool *may_write);

/* ---- tables of descriptors (kernel/files/files.c) ---- */

#define FILES_FEW 16
#define FILES_MAX 4096u /* RLIMIT_NOFILE is never more */

/* Most programs have few files: their table needs no further memory. */
struct files {
    uint32_t refs;  /* threads that use it, of all processes that share it */
    struct spinlock lock;
    uint32_t size;  /* of `file`; a multiple of 16 */
    uint32_t first; /* no descriptor below is free */
    struct file **file;
    uint8_t *close_on_exec; /* a bit each; behind them one each for what is reserved */
    struct file *few[FILES_FEW];
    uint8_t few_marks[2 * (FILES_FEW / 8)];
};

/* file_hold for a table that several threads use. */
struct file *file_hold_shared(struct files *files, uint32_t descriptor);

/* The open file of a descriptor of the current process, with a reference: file_put. NULL: none. */
static inline struct file *
file_hold(int descriptor)
{
    struct files *files = task_current()->process->files;
    struct file *file;

    if (UNLIKELY(__atomic_load_n(&files->refs, __ATOMIC_ACQUIRE) != 1))
        return file_hold_shared(files, (uint32_t)descriptor);
    file = LIKELY((unsigned)descriptor < files->size) ? files->file[descriptor] : NULL;
    if (LIKELY(file != NULL))
        file_get(file);
    return file;
}

/* The same, but NULL too for a file that O_PATH only names: for calls to which that is a bad
 * descriptor, and which do not ask file->access, which it has none of. */
struct file *file_hold_opened(int descriptor);

/* The lowest free descriptor from `from` on for `file`, whose reference it takes over. Or -EMFILE,
 * -EINVAL (from), -ENOMEM: then the caller keeps the reference. */
int file_install(struct file *file, int from, bool close_on_exec);
/* Keeps the lowest free descriptor for the current task, which settles it: puts `file` there, whose
 * reference it takes over, or with NULL gives it back. -EMFILE, -ENOMEM. */
MUST_CHECK int file_reserve(void);
void file_settle(struct file *file, bool close_on_exec);
/* Exactly this descriptor, whose old file is closed. It, or -EBADF, -EBUSY (reserved), -ENOMEM. */
int file_install_at(struct file *file, int descriptor, bool close_on_exec);
/* Closes a descriptor: 0 or -EBADF. */
int file_close(int descriptor);
/* True when the descriptor leads to `file`, now. */
bool file_is_at(const struct file *file, int descriptor);
/* The close-on-exec mark of a descriptor: 1, 0, or -EBADF when it is not open. */
int file_closes_on_exec(int descriptor);
int file_set_close_on_exec(int descriptor, bool close_on_exec);

/* Made for process 1; a copy of the current process' (fork), which is shared by clone. NULL: no
 * memory. */
struct files *files_create(void);
struct files *files_fork(void);
/* One more thread uses the table; and one less. */
void files_get(struct files *files);
void files_put(struct files *files);
/* An open file of a table with a reference: that of *descriptor, or with `next` the first from
 * there on, and *descriptor is its number. NULL: none. The table may be another process'. */
struct file *files_find(struct files *files, uint32_t *descriptor, bool next);
/* Gives the current process a table that it shares with no other one: a reference for each of its
 * threads, as before. 0 or -ENOMEM. */
MUST_CHECK int files_own(void);
void files_close_on_exec(struct files *files);

/* The current directory and the umask. */
struct folder {
    uint32_t refs;        /* processes that share it */
    struct node *current; /* held; folder_lock guards it */
    unsigned umask;
};

extern struct spinlock folder_lock;

struct folder *folder_create(void);
struct folder *folder_fork(struct folder *folder);
void folder_get(struct folder *folder);
void folder_put(struct folder *folder);
/* Makes a node, which must be a folder, the current directory. */
void folder_set(struct folder *folder, struct node *node);
/* The current directory with a reference. */
struct node *folder_current(struct folder *folder);

/* That of the current process with a reference; the root for the kernel's own. */
static inline struct node *
current_folder(void)
{
    struct folder *folder = task_current()->process->folder;

    if (folder != NULL)
        return folder_current(folder);
    node_get(tree_root);
    return tree_root;
}

/* ---- the start ---- */

/* Builds the tree: the boot modules' files, /tmp, /dev, /proc. After task_init. */
void files_init(void);

/* A device at `path`, making folders as needed. The kernel's start has memory for it: panics
 * otherwise. */
struct node *tree_add_device(const char *path, const struct file_ops *ops, unsigned major_number,
                             unsigned minor_number);
/* A generated node at `path`: a file with ops, or a folder or link with `dynamic`. */
struct node *tree_add_dynamic(const char *path, uint32_t mode, const struct file_ops *ops,
                              const struct tree_dynamic *dynamic, uintptr_t value);

#endif
