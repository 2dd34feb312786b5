/* proc_task.c - /proc/PID and /proc/PID/task/TID: a folder for each process and thread.
 *
 *   /proc ── 12 ──┬── stat, maps ...       text, made when read (proc_text.c)
 *                 ├── exe, cwd, root       links
 *                 ├── fd ── 0, 1 ...       links to what is open
 *                 ├── mem, pagemap, fail-nth   bytes of their own kind
 *                 └── task ── 12 ── stat, maps ...
 *
 * The nodes are made by each look-up and hold no process: their value is a number and a row of the
 * table, so a file of a process that has ended answers -ESRCH. Each call looks process and thread
 * up anew, holds them while it prints, and takes what they lead to (space, files, folder) under
 * process_lock with a reference of its own: they may end on another CPU meanwhile. Where the
 * folders of processes and threads are is in proc_list.c, fd in proc_fd.c, mem and fail-nth in
 * proc_mem.c.
 *
 *   value = number << 8 | PROC_THREAD | row
 */
#include "format.h"
#include "mm.h"
#include "proc_private.h"
#include "smp.h"

/* ---- who a node is about ---- */

int
proc_number_of(uintptr_t value)
{
    return (int)(value >> 8);
}

uintptr_t
proc_value_of(int number, uintptr_t thread, size_t row)
{
    return (uintptr_t)number << 8 | thread | row;
}

/* The thread that the process began with, or any when that one has ended. */
static struct task *
first_thread(const struct process *process)
{
    struct task *first = task_find(process->pid);

    return first != NULL && first->process == process ? first : process->threads;
}

int
proc_find_subject(uintptr_t value, struct proc_subject *subject)
{
    unsigned long state = spin_lock(&process_lock);

    subject->alone = value & PROC_THREAD;
    if (subject->alone) {
        subject->task = task_find(proc_number_of(value));
        subject->process = subject->task != NULL ? subject->task->process : NULL;
    } else {
        subject->process = process_find(proc_number_of(value));
        subject->task = subject->process != NULL ? first_thread(subject->process) : NULL;
    }
    if (subject->process != NULL)
        (void)__atomic_fetch_add(&subject->process->refs, 1, __ATOMIC_RELAXED);
    if (subject->task != NULL)
        task_get(subject->task);
    spin_unlock(&process_lock, state);
    return subject->process != NULL ? 0 : -ESRCH;
}

void
proc_put_subject(struct proc_subject *subject)
{
    if (subject->task != NULL)
        task_put(subject->task);
    process_put(subject->process);
}

struct address_space *
proc_space_of(uintptr_t value)
{
    struct proc_subject subject;
    struct address_space *space;

    if (proc_find_subject(value, &subject) != 0)
        return NULL;
    space = process_get_space(subject.process);
    proc_put_subject(&subject);
    return space;
}

int
proc_parse_number(const char *name)
{
    int number = 0;

    if (name[0] < '1' || (name[0] == '0' && name[1] != '\0'))
        return name[0] == '0' && name[1] == '\0' ? 0 : -1;
    for (; *name >= '0' && *name <= '9'; name++) {
        if (number > 9999999)
            return -1;
        number = number * 10 + (*name - '0');
    }
    return *name == '\0' ? number : -1;
}

/* ---- text of a process ---- */

/* Bytes [start, end) of the program's own memory. */
static void
add_memory(struct proc_text *text, struct address_space *space, uintptr_t start, uintptr_t end)
{
    char piece[128];

    while (start < end) {
        size_t size = end - start < sizeof(piece) ? end - start : sizeof(piece);
        size_t got = space_read(space, start, piece, size);

        proc_text_add(text, piece, got);
        if (got < size)
            return;
        start += size;
    }
}

static void
print_cmdline(struct proc_text *text, struct address_space *space)
{
    add_memory(text, space, space->args_start, space->args_end);
}

static void
print_environ(struct proc_text *text, struct address_space *space)
{
    add_memory(text, space, space->env_start, space->env_end);
}

static void
print_comm(struct proc_text *text, struct proc_subject subject)
{
    print(&text->printer, "%s\n", subject.process->name);
}

static void
print_stat(struct proc_text *text, struct proc_subject subject)
{
    proc_print_stat(&text->printer, subject.process, subject.task, subject.alone);
}

static void
print_statm(struct proc_text *text, struct proc_subject subject)
{
    proc_print_statm(&text->printer, subject.process);
}

static void
print_status(struct proc_text *text, struct proc_subject subject)
{
    proc_print_status(&text->printer, subject.process, subject.task);
}

static void
print_limits(struct proc_text *text, struct proc_subject subject)
{
    proc_print_limits(&text->printer, subject.process);
}

static void
print_maps(struct proc_text *text, struct address_space *space)
{
    space_print_maps(&text->printer, space);
}

static void
print_smaps(struct proc_text *text, struct address_space *space)
{
    space_print_smaps(&text->printer, space);
}

/* This takes no lock, as it is also for the monitor, and tables may change by way of another space
 * that shares them. */
static void
print_tables(struct proc_text *text, struct address_space *space)
{
    cpus_park();
    space_print_tables(&text->printer, space);
    cpus_unpark();
}

static void
print_areas(struct proc_text *text, struct address_space *space)
{
    rw_lock_shared(&space->lock);
    space_print_areas(&text->printer, space);
    rw_unlock_shared(&space->lock);
}

static void
print_mounts(struct proc_text *text, struct proc_subject subject)
{
    (void)subject;
    proc_print_mounts(&text->printer);
}

/* How likely the process is to be ended when memory is out: its part of all memory in thousandths.
 */
static void
print_oom_score(struct proc_text *text, struct proc_subject subject)
{
    struct address_space *space = process_get_space(subject.process);
    unsigned long resident = space != NULL ? space_resident(space) : 0;
    unsigned long thousandth = pmm_managed_frames() / 1000 + 1;

    if (space != NULL)
        space_put(space);
    print(&text->printer, "%lu\n", resident / thousandth);
}

/* ---- links ---- */

/* The node that a link of a process leads to now, with a reference; NULL: none. process_lock is
 * held.
 */
typedef struct node *(*leads_to)(const struct process *process);

static struct node *
exe_node(const struct process *process)
{
    const struct object *object = process->executable;
    struct node *node = object != NULL ? (struct node *)node_of_object(object) : NULL;

    if (node != NULL)
        node_revive(node);
    return node;
}

static struct node *
cwd_node(const struct process *process)
{
    return process->folder != NULL ? folder_current(process->folder) : NULL;
}

static struct node *
root_node(const struct process *process)
{
    (void)process;
    node_get(tree_root);
    return tree_root;
}

/* ---- comm: what is longer than a name is cut ---- */

static int make_text(const struct node *node, struct proc_text *text);

static long
read_text(struct file *file, struct buffer *to, uint64_t *position)
{
    return proc_read(file, to, position, make_text);
}

static long
write_comm(struct file *file, struct buffer *from, uint64_t *position)
{
    size_t size = from->size, taken = size < TASK_NAME_SIZE - 1 ? size : TASK_NAME_SIZE - 1;
    char name[TASK_NAME_SIZE] = "";
    struct proc_subject subject;
    unsigned long state;

    (void)position;
    if (buffer_get(from, name, taken) != 0)
        return -EFAULT;
    if (taken > 0 && name[taken - 1] == '\n')
        name[taken - 1] = '\0';
    if (proc_find_subject(file->node->value, &subject) != 0)
        return -ESRCH;
    state = spin_lock(&process_lock);
    memcpy(subject.process->name, name, TASK_NAME_SIZE);
    spin_unlock(&process_lock, state);
    proc_put_subject(&subject);
    return (long)size;
}

static const struct file_ops text_ops = {.read = read_text, .close = proc_close};
static const struct file_ops comm_ops = {
    .read = read_text, .write = write_comm, .close = proc_close,
};

/* ---- the folder of a process ---- */

static long link_target(struct node *link, char *text, size_t size);
static int link_follow(struct node *link, struct node **target);

static const struct tree_dynamic link_dynamic = {.target = link_target, .follow = link_follow};

static const struct row {
    const char *name;
    uint32_t mode;
    const struct file_ops *ops;
    const struct tree_dynamic *dynamic;
    /* Text files: of the process, or of its space while it has one. */
    void (*print)(struct proc_text *text, struct proc_subject subject);
    void (*print_space)(struct proc_text *text, struct address_space *space);
    leads_to leads_to; /* links */
} rows[] = {
    {"areas", S_IFREG | 0444, &text_ops, NULL, NULL, print_areas, NULL},
    {"cmdline", S_IFREG | 0444, &text_ops, NULL, NULL, print_cmdline, NULL},
    {"comm", S_IFREG | 0644, &comm_ops, NULL, print_comm, NULL, NULL},
    {"cwd", S_IFLNK | 0777, NULL, &link_dynamic, NULL, NULL, cwd_node},
    {"environ", S_IFREG | 0400, &text_ops, NULL, NULL, print_environ, NULL},
    {"exe", S_IFLNK | 0777, NULL, &link_dynamic, NULL, NULL, exe_node},
    {"fail-nth", S_IFREG | 0644, &proc_fail_nth_ops, NULL, NULL, NULL, NULL},
    {"fd", S_IFDIR | 0500, &folder_ops, &proc_fd_folder, NULL, NULL, NULL},
    {"limits", S_IFREG | 0444, &text_ops, NULL, print_limits, NULL, NULL},
    {"maps", S_IFREG | 0444, &text_ops, NULL, NULL, print_maps, NULL},
    {"mem", S_IFREG | 0600, &proc_mem_ops, NULL, NULL, NULL, NULL},
    {"mounts", S_IFREG | 0444, &text_ops, NULL, print_mounts, NULL, NULL},
    {"oom_score", S_IFREG | 0444, &text_ops, NULL, print_oom_score, NULL, NULL},
    {"owner", S_IFDIR | 0555, &folder_ops, &proc_owner_folder, NULL, NULL, NULL},
    {"pagemap", S_IFREG | 0400, &proc_pagemap_ops, NULL, NULL, NULL, NULL},
    {"root", S_IFLNK | 0777, NULL, &link_dynamic, NULL, NULL, root_node},
    {"smaps", S_IFREG | 0444, &text_ops, NULL, NULL, print_smaps, NULL},
    {"stat", S_IFREG | 0444, &text_ops, NULL, print_stat, NULL, NULL},
    {"statm", S_IFREG | 0444, &text_ops, NULL, print_statm, NULL, NULL},
    {"status", S_IFREG | 0444, &text_ops, NULL, print_status, NULL, NULL},
    {"tables", S_IFREG | 0444, &text_ops, NULL, NULL, print_tables, NULL},
    {"walk", S_IFDIR | 0555, &folder_ops, &proc_walk_folder, NULL, NULL, NULL},
    /* The last: not in a thread's folder. */
    {"task", S_IFDIR | 0555, &folder_ops, &proc_threads_folder, NULL, NULL, NULL},
};

static const struct row *
row_of(const struct node *node)
{
    return &rows[node->value & (PROC_THREAD - 1)];
}

/* A thread's folder has no folder of threads. */
static size_t
row_count(const struct node *folder)
{
    return ARRAY_LENGTH(rows) - ((folder->value & PROC_THREAD) != 0);
}

static int
make_text(const struct node *node, struct proc_text *text)
{
    const struct row *row = row_of(node);
    struct address_space *space = NULL;
    struct proc_subject subject;

    if (proc_find_subject(node->value, &subject) != 0)
        return -ESRCH;
    if (row->print_space != NULL)
        space = process_get_space(subject.process);
    if (space != NULL) {
        row->print_space(text, space);
        space_put(space);
    }
    if (row->print != NULL)
        row->print(text, subject);
    proc_put_subject(&subject);
    return 0;
}

static int
link_follow(struct node *link, struct node **target)
{
    struct proc_subject subject;
    struct node *node;
    unsigned long state;

    if (proc_find_subject(link->value, &subject) != 0)
        return -ESRCH;
    state = spin_lock(&process_lock);
    node = row_of(link)->leads_to(subject.process);
    spin_unlock(&process_lock, state);
    proc_put_subject(&subject);
    return proc_follow_to(node, target);
}

static long
link_target(struct node *link, char *text, size_t size)
{
    struct node *target = NULL;
    long length = link_follow(link, &target);

    if (length != 0)
        return length;
    length = proc_path_text(target, text, size);
    node_put(target);
    return length;
}

static bool
subject_exists(uintptr_t value)
{
    struct proc_subject subject;

    if (proc_find_subject(value, &subject) != 0)
        return false;
    proc_put_subject(&subject);
    return true;
}

static int
look_up_row(struct node *folder, const char *name, struct node **child)
{
    size_t count = row_count(folder), row = 0;
    uintptr_t who = folder->value & ~(PROC_THREAD - 1);

    if (!subject_exists(folder->value))
        return -ENOENT;
    while (row < count && strcmp(rows[row].name, name) != 0)
        row++;
    if (row == count)
        return -ENOENT;
    *child = node_create_dynamic(folder, name, rows[row].mode, rows[row].ops, rows[row].dynamic,
                                 who | row);
    return *child != NULL ? 0 : -ENOMEM;
}

static bool
list_rows(struct node *folder, uint32_t *index, struct tree_entry *entry)
{
    if (*index >= row_count(folder) || !subject_exists(folder->value))
        return false;
    format_text(entry->name, sizeof(entry->name), "%s", rows[*index].name);
    entry->mode = rows[*index].mode & S_IFMT;
    ++*index;
    return true;
}

const struct tree_dynamic proc_process_folder = {.lookup = look_up_row, .list = list_rows};
