/* proc_task.c - /proc/PID and /proc/PID/task/TID: a folder for each process and thread.
 *
 *   /proc ── 12 ──┬── stat, maps ...       text, made when read (proc_text.c)
 *                 ├── exe, cwd, root       links
 *                 ├── fd ── 0, 1 ...       links to what is open
 *                 ├── mem, fail-nth        bytes of its own kind
 *                 └── task ── 12 ── stat, maps ...
 *
 * The nodes are made by each look-up and hold no process: their value is a number and a row of the
 * table, so a file of a process that has ended answers -ESRCH.
 *
 *   value = number << 8 | THREAD | row
 */
#include "format.h"
#include "kmalloc.h"
#include "mm.h"
#include "reclaim.h"
#include "proc.h"

#define THREAD 0x80u /* the number is a thread's */
#define LINE   32u
#define PIECE  512u /* bytes of mem copied at a time */

/* ---- who a node is about ---- */

/* The thread is NULL when the process has none any more. */
struct subject {
    struct process *process;
    struct task *task;
};

static int
number_of(uintptr_t value)
{
    return (int)(value >> 8);
}

static uintptr_t
value_of(int number, uintptr_t thread, size_t row)
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

/* 0 or -ESRCH. */
static int
find_subject(uintptr_t value, struct subject *subject)
{
    if (value & THREAD) {
        subject->task = task_find(number_of(value));
        subject->process = subject->task != NULL ? subject->task->process : NULL;
    } else {
        subject->process = process_find(number_of(value));
        subject->task = subject->process != NULL ? first_thread(subject->process) : NULL;
    }
    return subject->process != NULL ? 0 : -ESRCH;
}

/* A decimal number without sign or leading zero, as names of folders are; -1: it is none. */
static int
parse_number(const char *name)
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
add_memory(struct proc_text *text, const struct process *process, uintptr_t start, uintptr_t end)
{
    char piece[128];

    while (start < end) {
        size_t size = end - start < sizeof(piece) ? end - start : sizeof(piece);
        size_t got = space_read(process->space, start, piece, size);

        proc_text_add(text, piece, got);
        if (got < size)
            return;
        start += size;
    }
}

static void
print_cmdline(struct proc_text *text, struct subject subject)
{
    const struct address_space *space = subject.process->space;

    if (space != NULL)
        add_memory(text, subject.process, space->args_start, space->args_end);
}

static void
print_environ(struct proc_text *text, struct subject subject)
{
    const struct address_space *space = subject.process->space;

    if (space != NULL)
        add_memory(text, subject.process, space->env_start, space->env_end);
}

static void
print_comm(struct proc_text *text, struct subject subject)
{
    print(&text->printer, "%s\n", subject.process->name);
}

static void
print_stat(struct proc_text *text, struct subject subject)
{
    proc_print_stat(&text->printer, subject.process, subject.task);
}

static void
print_statm(struct proc_text *text, struct subject subject)
{
    proc_print_statm(&text->printer, subject.process);
}

static void
print_status(struct proc_text *text, struct subject subject)
{
    proc_print_status(&text->printer, subject.process, subject.task);
}

static void
print_limits(struct proc_text *text, struct subject subject)
{
    proc_print_limits(&text->printer, subject.process);
}

static void
print_maps(struct proc_text *text, struct subject subject)
{
    if (subject.process->space != NULL)
        space_print_maps(&text->printer, subject.process->space);
}

static void
print_smaps(struct proc_text *text, struct subject subject)
{
    if (subject.process->space != NULL)
        space_print_smaps(&text->printer, subject.process->space);
}

static void
print_tables(struct proc_text *text, struct subject subject)
{
    if (subject.process->space != NULL)
        space_print_tables(&text->printer, subject.process->space);
}

static void
print_mounts(struct proc_text *text, struct subject subject)
{
    (void)subject;
    proc_print_mounts(&text->printer);
}

/* How likely the process is to be ended when memory is out: its part of all memory in thousandths.
 */
static void
print_oom_score(struct proc_text *text, struct subject subject)
{
    unsigned long resident = subject.process->space != NULL ? space_resident(subject.process->space)
                                                            : 0;
    unsigned long thousandth = pmm_managed_frames() / 1000 + 1;

    print(&text->printer, "%lu\n", resident / thousandth);
}

/* ---- links ---- */

static long
copy_text(char *to, size_t size, const char *text)
{
    size_t length = strlen(text);

    if (length > size)
        length = size;
    memcpy(to, text, length);
    return (long)length;
}

/* The path of a node, as a link shows it. */
static long
path_text(struct node *node, char *text, size_t size)
{
    char *path = kmalloc(PATH_MAX), *start;
    bool gone = false;
    long length = -ENAMETOOLONG;

    if (path == NULL)
        return -ENOMEM;
    start = node_path(node, path, PATH_MAX, &gone);
    if (start != NULL)
        length = copy_text(text, size, start);
    if (length >= 0 && gone)
        length += copy_text(text + length, size - (size_t)length, " (deleted)");
    kfree(path);
    return length;
}

/* The node that a link of a process leads to now, without a reference; NULL: none. */
typedef struct node *(*leads_to)(struct subject subject);

static struct node *
exe_node(struct subject subject)
{
    const struct object *object = subject.process->executable;

    return object != NULL ? (struct node *)node_of_object(object) : NULL;
}

static struct node *
cwd_node(struct subject subject)
{
    return subject.process->folder != NULL ? subject.process->folder->current : NULL;
}

static struct node *
root_node(struct subject subject)
{
    (void)subject;
    return tree_root;
}

static int
follow_to(struct node *node, struct node **target)
{
    if (node == NULL)
        return -ENOENT;
    node_revive(node);
    *target = node;
    return 0;
}

/* ---- fd ---- */

/* A link in fd: `value` has the process, the name is the descriptor. NULL: no longer open. */
static struct file *
file_of_link(const struct node *link)
{
    int descriptor = parse_number(link->name);
    struct subject subject;

    if (find_subject(link->value, &subject) != 0 || subject.process->files == NULL)
        return NULL;
    if (descriptor < 0 || (unsigned)descriptor >= subject.process->files->size)
        return NULL;
    return subject.process->files->file[descriptor];
}

static long
descriptor_target(struct node *link, char *text, size_t size)
{
    const struct file *file = file_of_link(link);
    char pipe[LINE];

    if (file == NULL)
        return -ENOENT;
    if (file->node->mount != &pipe_mount)
        return path_text(file->node, text, size);
    format_text(pipe, sizeof(pipe), "pipe:[%lu]", (unsigned long)file->node->number);
    return copy_text(text, size, pipe);
}

static int
descriptor_follow(struct node *link, struct node **target)
{
    const struct file *file = file_of_link(link);

    return follow_to(file != NULL ? file->node : NULL, target);
}

static const struct tree_dynamic descriptor_link = {
    .target = descriptor_target, .follow = descriptor_follow,
};

static int
look_up_descriptor(struct node *folder, const char *name, struct node **child)
{
    struct node *link = node_create_dynamic(folder, name, S_IFLNK | 0700, NULL, &descriptor_link,
                                            folder->value);

    if (link == NULL)
        return -ENOMEM;
    if (parse_number(name) < 0 || file_of_link(link) == NULL) {
        node_put(link);
        return -ENOENT;
    }
    *child = link;
    return 0;
}

static void
fill_entry(struct tree_entry *entry, int number, uint32_t mode)
{
    format_text(entry->name, sizeof(entry->name), "%d", number);
    entry->mode = mode;
}

static bool
list_descriptors(struct node *folder, uint32_t *index, struct tree_entry *entry)
{
    const struct files *files;
    struct subject subject;

    if (find_subject(folder->value, &subject) != 0 || subject.process->files == NULL)
        return false;
    files = subject.process->files;
    while (*index < files->size && files->file[*index] == NULL)
        ++*index;
    if (*index >= files->size)
        return false;
    fill_entry(entry, (int)(*index)++, S_IFLNK);
    return true;
}

static const struct tree_dynamic fd_folder = {
    .lookup = look_up_descriptor, .list = list_descriptors,
};

/* ---- task ---- */

extern const struct tree_dynamic process_folder;

static int
look_up_thread(struct node *folder, const char *name, struct node **child)
{
    int number = parse_number(name);
    const struct task *task = number > 0 ? task_find(number) : NULL;

    if (task == NULL || task->process != process_find(number_of(folder->value)))
        return -ENOENT;
    *child = node_create_dynamic(folder, name, S_IFDIR | 0555, &folder_ops, &process_folder,
                                 value_of(number, THREAD, 0));
    return *child != NULL ? 0 : -ENOMEM;
}

/* The least number at or above *index among the threads. */
static bool
list_threads(struct node *folder, uint32_t *index, struct tree_entry *entry)
{
    const struct process *process = process_find(number_of(folder->value));
    const struct task *found = NULL, *task = process != NULL ? process->threads : NULL;

    for (; task != NULL; task = task->next_thread) {
        if ((uint32_t)task->tid >= *index && (found == NULL || task->tid < found->tid))
            found = task;
    }
    if (found == NULL)
        return false;
    *index = (uint32_t)found->tid + 1;
    fill_entry(entry, found->tid, S_IFDIR);
    return true;
}

static const struct tree_dynamic task_folder = {
    .lookup = look_up_thread, .list = list_threads,
};

/* ---- mem ---- */

/* Moves bytes between a program's memory and the buffer, as far as it goes. */
static long
move_memory(struct file *file, struct buffer *buffer, uint64_t *position, bool write)
{
    char piece[PIECE];
    struct subject subject;
    size_t done = 0;

    if (find_subject(file->node->value, &subject) != 0 || subject.process->space == NULL)
        return 0;
    while (buffer->size > 0 && *position < USER_END) {
        struct address_space *space = subject.process->space;
        size_t size = buffer->size < PIECE ? buffer->size : PIECE, got;

        if (write && buffer_get(buffer, piece, size) != 0)
            return done > 0 ? (long)done : -EFAULT;
        got = write ? space_write(space, (uintptr_t)*position, piece, size)
                    : space_read(space, (uintptr_t)*position, piece, size);
        if (!write && buffer_put(buffer, piece, got) != 0)
            return done > 0 ? (long)done : -EFAULT;
        *position += got;
        done += got;
        if (got < size)
            break;
    }
    return done > 0 || buffer->size == 0 ? (long)done : -EIO;
}

static long
read_mem(struct file *file, struct buffer *to, uint64_t *position)
{
    return move_memory(file, to, position, false);
}

static long
write_mem(struct file *file, struct buffer *from, uint64_t *position)
{
    return move_memory(file, from, position, true);
}

static const struct file_ops mem_ops = {.read = read_mem, .write = write_mem};

/* ---- fail-nth ---- */

/* N, written: the N-th allocation that the kernel makes for this task from now on fails; 0: none.
 * Read: how many are left until then, 0 when it has failed. Only of one's own. Reading and writing
 * allocate nothing, so that a program which has the file open knows what it counts. */
static struct task *
own_task(const struct file *file)
{
    struct subject subject;

    if (find_subject(file->node->value, &subject) != 0)
        return NULL;
    if (!(file->node->value & THREAD) && subject.process == task_current()->process)
        return task_current();
    return subject.task == task_current() ? subject.task : NULL;
}

static long
read_fail_nth(struct file *file, struct buffer *to, uint64_t *position)
{
    struct task *task = own_task(file);
    char line[LINE];
    unsigned long counted;
    size_t size;

    if (task == NULL)
        return -EPERM;
    if (*position != 0)
        return 0;
    counted = mm_fail_nth(0);
    task->fail_in = counted < task->fail_in ? task->fail_in - counted : 0;
    size = (size_t)format_text(line, sizeof(line), "%lu\n", task->fail_in);
    if (size > to->size)
        size = to->size;
    if (buffer_put(to, line, size) != 0)
        return -EFAULT;
    *position += size;
    (void)mm_fail_nth(task->fail_in);
    return (long)size;
}

static long
write_fail_nth(struct file *file, struct buffer *from, uint64_t *position)
{
    struct task *task = own_task(file);
    long size = (long)from->size;
    char line[LINE];
    int error, number;

    (void)position;
    if (task == NULL)
        return -EPERM;
    error = proc_take_line(from, line, sizeof(line));
    if (error != 0)
        return error;
    number = parse_number(line);
    if (number < 0)
        return -EINVAL;
    task->fail_in = (unsigned long)number;
    if (number > 0)
        reclaim_pools();
    (void)mm_fail_nth(task->fail_in);
    return size;
}

static const struct file_ops fail_nth_ops = {.read = read_fail_nth, .write = write_fail_nth};

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
    struct subject subject;
    int error = find_subject(file->node->value, &subject);

    (void)position;
    if (error == 0)
        error = buffer_get(from, name, taken);
    if (error != 0)
        return error;
    if (taken > 0 && name[taken - 1] == '\n')
        name[taken - 1] = '\0';
    memcpy(subject.process->name, name, TASK_NAME_SIZE);
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
    void (*print)(struct proc_text *text, struct subject subject); /* text files */
    leads_to leads_to;                                             /* links */
} rows[] = {
    {"cmdline", S_IFREG | 0444, &text_ops, NULL, print_cmdline, NULL},
    {"comm", S_IFREG | 0644, &comm_ops, NULL, print_comm, NULL},
    {"cwd", S_IFLNK | 0777, NULL, &link_dynamic, NULL, cwd_node},
    {"environ", S_IFREG | 0400, &text_ops, NULL, print_environ, NULL},
    {"exe", S_IFLNK | 0777, NULL, &link_dynamic, NULL, exe_node},
    {"fail-nth", S_IFREG | 0644, &fail_nth_ops, NULL, NULL, NULL},
    {"fd", S_IFDIR | 0500, &folder_ops, &fd_folder, NULL, NULL},
    {"limits", S_IFREG | 0444, &text_ops, NULL, print_limits, NULL},
    {"maps", S_IFREG | 0444, &text_ops, NULL, print_maps, NULL},
    {"mem", S_IFREG | 0600, &mem_ops, NULL, NULL, NULL},
    {"mounts", S_IFREG | 0444, &text_ops, NULL, print_mounts, NULL},
    {"oom_score", S_IFREG | 0444, &text_ops, NULL, print_oom_score, NULL},
    {"root", S_IFLNK | 0777, NULL, &link_dynamic, NULL, root_node},
    {"smaps", S_IFREG | 0444, &text_ops, NULL, print_smaps, NULL},
    {"stat", S_IFREG | 0444, &text_ops, NULL, print_stat, NULL},
    {"statm", S_IFREG | 0444, &text_ops, NULL, print_statm, NULL},
    {"status", S_IFREG | 0444, &text_ops, NULL, print_status, NULL},
    {"tables", S_IFREG | 0444, &text_ops, NULL, print_tables, NULL},
    {"task", S_IFDIR | 0555, &folder_ops, &task_folder, NULL, NULL}, /* the last: not in a task */
};

static const struct row *
row_of(const struct node *node)
{
    return &rows[node->value & (THREAD - 1)];
}

/* A thread's folder has no folder of threads. */
static size_t
row_count(const struct node *folder)
{
    return ARRAY_LENGTH(rows) - ((folder->value & THREAD) != 0);
}

static int
make_text(const struct node *node, struct proc_text *text)
{
    struct subject subject;
    int error = find_subject(node->value, &subject);

    if (error == 0)
        row_of(node)->print(text, subject);
    return error;
}

static int
link_follow(struct node *link, struct node **target)
{
    struct subject subject;
    int error = find_subject(link->value, &subject);

    return error != 0 ? error : follow_to(row_of(link)->leads_to(subject), target);
}

static long
link_target(struct node *link, char *text, size_t size)
{
    struct node *target = NULL;
    long length = link_follow(link, &target);

    if (length != 0)
        return length;
    length = path_text(target, text, size);
    node_put(target);
    return length;
}

static int
look_up_row(struct node *folder, const char *name, struct node **child)
{
    struct subject subject;
    size_t count = row_count(folder), row = 0;

    if (find_subject(folder->value, &subject) != 0)
        return -ENOENT;
    while (row < count && strcmp(rows[row].name, name) != 0)
        row++;
    if (row == count)
        return -ENOENT;
    *child = node_create_dynamic(folder, name, rows[row].mode, rows[row].ops, rows[row].dynamic,
                                 value_of(number_of(folder->value), folder->value & THREAD, row));
    return *child != NULL ? 0 : -ENOMEM;
}

static bool
list_rows(struct node *folder, uint32_t *index, struct tree_entry *entry)
{
    struct subject subject;

    if (*index >= row_count(folder) || find_subject(folder->value, &subject) != 0)
        return false;
    format_text(entry->name, sizeof(entry->name), "%s", rows[*index].name);
    entry->mode = rows[*index].mode & S_IFMT;
    ++*index;
    return true;
}

const struct tree_dynamic process_folder = {.lookup = look_up_row, .list = list_rows};

/* ---- /proc itself ---- */

static int
look_up_process(struct node *folder, const char *name, struct node **child)
{
    int number = parse_number(name);

    if (number <= 0 || process_find(number) == NULL)
        return -ENOENT;
    *child = node_create_dynamic(folder, name, S_IFDIR | 0555, &folder_ops, &process_folder,
                                 value_of(number, 0, 0));
    return *child != NULL ? 0 : -ENOMEM;
}

/* The least number at or above *index. */
static bool
list_processes(struct node *folder, uint32_t *index, struct tree_entry *entry)
{
    const struct process *found = process_from((int)*index);

    (void)folder;
    if (found == NULL)
        return false;
    *index = (uint32_t)found->pid + 1;
    fill_entry(entry, found->pid, S_IFDIR);
    return true;
}

static const struct tree_dynamic proc_folder = {
    .lookup = look_up_process, .list = list_processes,
};

static long
self_target(struct node *link, char *text, size_t size)
{
    char name[LINE];

    (void)link;
    format_text(name, sizeof(name), "%d", task_current()->process->pid);
    return copy_text(text, size, name);
}

static long
thread_self_target(struct node *link, char *text, size_t size)
{
    char name[LINE];

    (void)link;
    format_text(name, sizeof(name), "%d/task/%d", task_current()->process->pid,
                task_current()->tid);
    return copy_text(text, size, name);
}

static const struct tree_dynamic self_link = {.target = self_target};
static const struct tree_dynamic thread_self_link = {.target = thread_self_target};

void
proc_task_init(void)
{
    tree_add_dynamic("/proc", S_IFDIR | 0555, &folder_ops, &proc_folder, 0);
    tree_add_dynamic("/proc/self", S_IFLNK | 0777, NULL, &self_link, 0);
    tree_add_dynamic("/proc/thread-self", S_IFLNK | 0777, NULL, &thread_self_link, 0);
}
