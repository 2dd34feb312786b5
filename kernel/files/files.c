/* files.c - tables of descriptors, current directories.
 *
 *   file:          [0] ─► struct file   [1] ─► ...   [2] NULL   [3] NULL ...
 *   close_on_exec:  0                    1            0          0
 *   reserved:       0                    0            0          1
 *
 * A table begins with FILES_FEW places inside itself; when they are used up it moves to memory of
 * its own, pointers first and two bits each behind them, and doubles from then on. `first`
 * remembers below which descriptor none is free, so that opening does not search from 0 each time.
 *
 * open(2) reserves its descriptor before it creates or cuts a file, so that it fails before that or
 * not at all. A reserved descriptor is not open, and not free; a copy of the table has it free, but
 * for the process' own threads that are opening something (task->opening).
 *
 * Closing puts NULL into the table before it lets the file go: what the file's end does sees the
 * descriptor free.
 *
 * Lock: files->lock for every change. Who is about to look at a table without it must be its only
 * user, so that nobody else changes it: /proc, which looks from outside, takes the lock. Memory for
 * a larger table is had before the lock is taken, files are let go after it was given back.
 *
 * A process that gives up a table which others share exchanges it under process_lock and the lock
 * of the old table: who changes something looks, with the lock, whether the table is still the
 * process' own (lock_mine), so that no thread's descriptor stays behind. Nobody keeps a table in mind
 * across a sleep but as the owner of locks. So all CPUs stand still once before the threads'
 * references to the old one go: none of them looks at it any more.
 */
#include <string.h>
#include "file.h"
#include "kmalloc.h"
#include "locks.h"
#include "smp.h"
#include "uapi/resource.h"

/* ---- the table ---- */

static size_t
table_bytes(uint32_t size)
{
    return size * sizeof(struct file *) + 2 * (size / 8);
}

static void
put_bit(uint8_t *bits, unsigned number, bool set)
{
    uint8_t bit = (uint8_t)(1u << number % 8);

    if (set)
        bits[number / 8] |= bit;
    else
        bits[number / 8] &= (uint8_t)~bit;
}

static bool
get_bit(const uint8_t *bits, unsigned number)
{
    return bits[number / 8] >> number % 8 & 1;
}

static void
mark(struct files *files, unsigned descriptor, bool close_on_exec)
{
    put_bit(files->close_on_exec, descriptor, close_on_exec);
}

static bool
marked(const struct files *files, unsigned descriptor)
{
    return get_bit(files->close_on_exec, descriptor);
}

static uint8_t *
reserved(const struct files *files)
{
    return files->close_on_exec + files->size / 8;
}

static bool
is_free(const struct files *files, unsigned descriptor)
{
    return files->file[descriptor] == NULL && !get_bit(reserved(files), descriptor);
}

struct files *
files_create(void)
{
    struct files *files = kzalloc(sizeof(*files));

    if (files == NULL)
        return NULL;
    files->refs = 1;
    files->size = FILES_FEW;
    files->file = files->few;
    files->close_on_exec = files->few_marks;
    return files;
}

static void
free_table(const struct files *files)
{
    if (files->file != files->few)
        kfree(files->file);
}

/* Moves the table to new memory with room for `size` descriptors, zeros, and answers with what is
 * to be freed. */
static struct file **
move_table(struct files *files, struct file **table, uint32_t size)
{
    struct file **old = files->file != files->few ? files->file : NULL;
    uint8_t *marks = (uint8_t *)(table + size);

    memcpy(table, files->file, files->size * sizeof(*table));
    memcpy(marks, files->close_on_exec, files->size / 8);
    memcpy(marks + size / 8, reserved(files), files->size / 8);
    files->file = table;
    files->close_on_exec = marks;
    files->size = size;
    return old;
}

/* Takes the lock of the current process' table: of another one, if a thread exchanges it meanwhile.
 */
static struct files *
lock_mine(unsigned long *state)
{
    for (;;) {
        struct files *files = task_current()->process->files;

        *state = spin_lock(&files->lock);
        if (LIKELY(files == task_current()->process->files))
            return files;
        spin_unlock(&files->lock, *state);
    }
}

/* The same for a table that has room for a descriptor. NULL, without the lock: no memory. */
static struct files *
lock_with_room(uint32_t descriptor, unsigned long *state)
{
    struct files *files = lock_mine(state);

    while (UNLIKELY(descriptor >= files->size)) {
        uint32_t size = files->size;
        struct file **table;

        spin_unlock(&files->lock, *state);
        while (size <= descriptor)
            size *= 2;
        table = kzalloc(table_bytes(size));
        if (table == NULL)
            return NULL;
        files = lock_mine(state);
        if (files->size < size)
            table = move_table(files, table, size);
        kfree(table);
    }
    return files;
}

/* The lowest free descriptor from `from` on; it may lie behind the table's end. */
static uint32_t
find_free(struct files *files, uint32_t from)
{
    uint32_t at = from > files->first ? from : files->first;

    while (at < files->size && !is_free(files, at))
        at++;
    if (from <= files->first)
        files->first = at;
    return at;
}

static uint32_t
descriptor_limit(void)
{
    return task_current()->process->limits[RLIMIT_NOFILE].soft;
}

static void
reserve(struct files *files, struct task *task, uint32_t descriptor)
{
    put_bit(reserved(files), descriptor, true);
    task->opening = descriptor + 1;
}

/* Puts `file` at the lowest free descriptor from `from` on below `limit`, if the table has room for
 * it. The descriptor, which may lie behind the table's end; then nothing has changed. */
static uint32_t
install(struct files *files, struct file *file, uint32_t from, uint32_t limit, bool close_on_exec)
{
    uint32_t descriptor = find_free(files, from);

    if (LIKELY(descriptor < limit && descriptor < files->size)) {
        files->file[descriptor] = file;
        mark(files, descriptor, close_on_exec);
        if (file == NULL)
            reserve(files, task_current(), descriptor);
    }
    return descriptor;
}

int
file_install(struct file *file, int from, bool close_on_exec)
{
    uint32_t limit = descriptor_limit(), descriptor = 0;
    struct files *files;
    unsigned long state;
    bool done;

    if (from < 0 || (uint32_t)from >= limit)
        return from == 0 ? -EMFILE : -EINVAL;
    do {
        files = lock_with_room(descriptor, &state);
        if (files == NULL)
            return -ENOMEM;
        descriptor = install(files, file, (uint32_t)from, limit, close_on_exec);
        done = descriptor < files->size;
        spin_unlock(&files->lock, state);
        if (descriptor >= limit)
            return -EMFILE;
    } while (!done);
    return (int)descriptor;
}

int
file_reserve(void)
{
    return file_install(NULL, 0, false);
}

/* Takes the reservation of a task back. The descriptor. */
static uint32_t
unreserve(struct files *files, struct task *task)
{
    uint32_t descriptor = task->opening - 1;

    put_bit(reserved(files), descriptor, false);
    task->opening = 0;
    if (descriptor < files->first)
        files->first = descriptor;
    return descriptor;
}

void
file_settle(struct file *file, bool close_on_exec)
{
    unsigned long state;
    struct files *files = lock_mine(&state);
    uint32_t descriptor = unreserve(files, task_current());

    files->file[descriptor] = file;
    mark(files, descriptor, close_on_exec);
    spin_unlock(&files->lock, state);
}

static void
let_go(struct files *files, struct file *file)
{
    lock_forget(files, file->node);
    file_put(file);
}

int
file_install_at(struct file *file, int descriptor, bool close_on_exec)
{
    struct files *files;
    struct file *old;
    unsigned long state;

    if (descriptor < 0 || (uint32_t)descriptor >= descriptor_limit())
        return -EBADF;
    files = lock_with_room((uint32_t)descriptor, &state);
    if (files == NULL)
        return -ENOMEM;
    if (get_bit(reserved(files), (unsigned)descriptor)) {
        spin_unlock(&files->lock, state);
        return -EBUSY;
    }
    old = files->file[descriptor];
    files->file[descriptor] = file;
    mark(files, (unsigned)descriptor, close_on_exec);
    spin_unlock(&files->lock, state);
    if (old != NULL)
        let_go(files, old);
    return descriptor;
}

/* The file of a descriptor, or NULL. With the lock. */
static struct file *
file_at(const struct files *files, uint32_t descriptor)
{
    return descriptor < files->size ? files->file[descriptor] : NULL;
}

/* Closes a descriptor of a table whose lock the caller has, which is given back; false: it was not
 * open. */
static bool
close_locked(struct files *files, uint32_t descriptor, unsigned long state)
{
    struct file *file = file_at(files, descriptor);

    if (file != NULL) {
        files->file[descriptor] = NULL;
        if (descriptor < files->first)
            files->first = descriptor;
    }
    spin_unlock(&files->lock, state);
    if (file != NULL)
        let_go(files, file);
    return file != NULL;
}

int
file_close(int descriptor)
{
    unsigned long state;
    struct files *files = lock_mine(&state);

    return close_locked(files, (uint32_t)descriptor, state) ? 0 : -EBADF;
}

struct file *
file_hold_shared(struct files *files, uint32_t descriptor)
{
    unsigned long state = spin_lock(&files->lock);
    struct file *file = file_at(files, descriptor);

    if (file != NULL)
        file_get(file);
    spin_unlock(&files->lock, state);
    return file;
}

struct file *
file_hold_opened(int descriptor)
{
    struct file *file = file_hold(descriptor);

    if (file == NULL || !(file->flags & O_PATH))
        return file;
    file_put(file);
    return NULL;
}

bool
file_is_at(const struct file *file, int descriptor)
{
    struct file *found = file_hold(descriptor);

    if (found != NULL)
        file_put(found);
    return found == file;
}

int
file_closes_on_exec(int descriptor)
{
    unsigned long state;
    struct files *files = lock_mine(&state);
    int answer = -EBADF;

    if (file_at(files, (uint32_t)descriptor) != NULL)
        answer = marked(files, (unsigned)descriptor);
    spin_unlock(&files->lock, state);
    return answer;
}

int
file_set_close_on_exec(int descriptor, bool close_on_exec)
{
    unsigned long state;
    struct files *files = lock_mine(&state);
    bool open = file_at(files, (uint32_t)descriptor) != NULL;

    if (open)
        mark(files, (unsigned)descriptor, close_on_exec);
    spin_unlock(&files->lock, state);
    return open ? 0 : -EBADF;
}

struct file *
files_find(struct files *files, uint32_t *descriptor, bool next)
{
    unsigned long state = spin_lock(&files->lock);
    struct file *file;
    uint32_t at = *descriptor;

    while (next && at < files->size && files->file[at] == NULL)
        at++;
    file = file_at(files, at);
    if (file != NULL)
        file_get(file);
    spin_unlock(&files->lock, state);
    *descriptor = at;
    return file;
}

/* ---- whole tables ---- */

/* The smallest table that holds every descriptor that is not free. */
static uint32_t
size_needed(const struct files *files)
{
    uint32_t size = files->size;

    while (size > FILES_FEW) {
        for (uint32_t i = size / 2; i < size; i++) {
            if (!is_free(files, i))
                return size;
        }
        size /= 2;
    }
    return size;
}

static void
drop_table(struct files *files)
{
    free_table(files);
    kfree(files);
}

/* A table with room for what the current process has now, nothing in it, and *mine, the process'
 * own, locked. NULL, without the lock: no memory. */
static struct files *
create_like_mine(struct files **mine, unsigned long *state)
{
    struct files *files = files_create();
    struct file **table;
    uint32_t size;

    if (files == NULL)
        return NULL;
    *mine = lock_mine(state);
    while (UNLIKELY((size = size_needed(*mine)) > files->size)) {
        spin_unlock(&(*mine)->lock, *state);
        table = kzalloc(table_bytes(size));
        if (table == NULL) {
            drop_table(files);
            return NULL;
        }
        kfree(move_table(files, table, size));
        *mine = lock_mine(state);
    }
    return files;
}

/* Has `files`, which has room, have what the parent has, whose lock the caller holds. */
static void
copy_table(struct files *files, const struct files *parent)
{
    uint32_t size = files->size < parent->size ? files->size : parent->size;

    files->first = 0; /* what is reserved there is free here */
    memcpy(files->file, parent->file, size * sizeof(*files->file));
    memcpy(files->close_on_exec, parent->close_on_exec, size / 8);
    for (uint32_t i = 0; i < size; i++) {
        if (files->file[i] != NULL)
            file_get(files->file[i]);
    }
}

struct files *
files_fork(void)
{
    struct files *mine, *files;
    unsigned long state;

    files = create_like_mine(&mine, &state);
    if (files == NULL)
        return NULL;
    copy_table(files, mine);
    spin_unlock(&mine->lock, state);
    return files;
}

void
files_get(struct files *files)
{
    (void)__atomic_fetch_add(&files->refs, 1, __ATOMIC_RELAXED);
}

void
files_put(struct files *files)
{
    if (__atomic_sub_fetch(&files->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    for (uint32_t i = 0; i < files->size; i++) {
        if (files->file[i] != NULL)
            (void)close_locked(files, i, spin_lock(&files->lock));
    }
    drop_table(files);
}

/* What threads of the process have reserved goes with them from one table to the other. */
static void
move_reservations(const struct process *process, struct files *from, struct files *to)
{
    for (struct task *task = process->threads; task != NULL; task = task->next_thread) {
        if (task->opening != 0)
            reserve(to, task, unreserve(from, task));
    }
}

/* The process has `own` from now on, with what is in its table at this moment, and the references
 * that it had to that one, one a thread, are the caller's. NULL: `own` has no room for it. */
static struct files *
exchange(struct process *process, struct files *own, unsigned *threads)
{
    unsigned long state = spin_lock(&process_lock);
    struct files *before = process->files;
    bool fits;

    spin_lock_only(&before->lock);
    fits = size_needed(before) <= own->size;
    if (fits) {
        copy_table(own, before);
        move_reservations(process, before, own);
        *threads = process->thread_count;
        own->refs = *threads;
        process->files = own;
    }
    spin_unlock_only(&before->lock);
    spin_unlock(&process_lock, state);
    return fits ? before : NULL;
}

/* True when no other process has the table. A thread that ends is one less in both counts, under
 * the lock. */
static bool
is_own(const struct process *process)
{
    unsigned long state = spin_lock(&process_lock);
    bool own = process->files->refs == process->thread_count;

    spin_unlock(&process_lock, state);
    return own;
}

int
files_own(void)
{
    struct process *process = task_current()->process;
    struct files *own, *shared;
    unsigned long state;
    unsigned threads = 0;

    if (is_own(process))
        return 0;
    do {
        own = create_like_mine(&shared, &state);
        if (own == NULL)
            return -ENOMEM;
        spin_unlock(&shared->lock, state);
        shared = exchange(process, own, &threads);
        if (shared == NULL)
            drop_table(own);
    } while (shared == NULL);
    if (threads > 1) { /* one of them may be about to look at the old table: see that none is */
        cpus_park();
        cpus_unpark();
    }
    for (; threads > 0; threads--)
        files_put(shared);
    return 0;
}

void
files_close_on_exec(struct files *files)
{
    for (uint32_t i = 0; i < files->size; i++) {
        if (files->file[i] != NULL && marked(files, i))
            (void)close_locked(files, i, spin_lock(&files->lock));
    }
}

/* ---- the current directory ---- */

struct spinlock folder_lock = SPINLOCK_INIT;

struct folder *
folder_create(void)
{
    struct folder *folder = kmalloc(sizeof(*folder));

    if (folder == NULL)
        return NULL;
    *folder = (struct folder){.refs = 1, .current = tree_root, .umask = 022};
    node_get(tree_root);
    return folder;
}

struct node *
folder_current(struct folder *folder)
{
    unsigned long state = spin_lock(&folder_lock);
    struct node *node = folder->current;

    node_get(node);
    spin_unlock(&folder_lock, state);
    return node;
}

struct folder *
folder_fork(struct folder *parent)
{
    struct folder *folder = folder_create();
    struct node *current;

    if (folder == NULL)
        return NULL;
    current = folder_current(parent);
    folder_set(folder, current);
    node_put(current);
    folder->umask = parent->umask;
    return folder;
}

void
folder_set(struct folder *folder, struct node *node)
{
    unsigned long state;
    struct node *old;

    node_get(node);
    state = spin_lock(&folder_lock);
    old = folder->current;
    folder->current = node;
    spin_unlock(&folder_lock, state);
    node_put(old);
}

void
folder_get(struct folder *folder)
{
    (void)__atomic_fetch_add(&folder->refs, 1, __ATOMIC_RELAXED);
}

void
folder_put(struct folder *folder)
{
    if (__atomic_sub_fetch(&folder->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    node_put(folder->current);
    kfree(folder);
}
