/* proc_list.c - /proc and /proc/PID/task: which processes and threads there are, by number; and
 * /proc/self.
 *
 * Lock: process_lock for each look-up and for each step of a listing, which goes by numbers: so it
 * may be walked while processes come and go.
 */
#include "format.h"
#include "proc_private.h"

#define LINE 32u

void
proc_fill_entry(struct tree_entry *entry, int number, uint32_t mode)
{
    format_text(entry->name, sizeof(entry->name), "%d", number);
    entry->mode = mode;
}

/* ---- task ---- */

static int
look_up_thread(struct node *folder, const char *name, struct node **child)
{
    int number = proc_parse_number(name);
    unsigned long state = spin_lock(&process_lock);
    const struct task *task = number > 0 ? task_find(number) : NULL;
    bool found = task != NULL && task->process == process_find(proc_number_of(folder->value));

    spin_unlock(&process_lock, state);
    if (!found)
        return -ENOENT;
    *child = node_create_dynamic(folder, name, S_IFDIR | 0555, &folder_ops, &proc_process_folder,
                                 proc_value_of(number, PROC_THREAD, 0));
    return *child != NULL ? 0 : -ENOMEM;
}

/* The least number at or above `from` among the threads of a process; 0: there is none. */
static int
thread_from(int pid, uint32_t from)
{
    unsigned long state = spin_lock(&process_lock);
    const struct process *process = process_find(pid);
    const struct task *task = process != NULL ? process->threads : NULL;
    int found = 0;

    for (; task != NULL; task = task->next_thread) {
        if ((uint32_t)task->tid >= from && (found == 0 || task->tid < found))
            found = task->tid;
    }
    spin_unlock(&process_lock, state);
    return found;
}

static bool
list_threads(struct node *folder, uint32_t *index, struct tree_entry *entry)
{
    int tid = thread_from(proc_number_of(folder->value), *index);

    if (tid == 0)
        return false;
    *index = (uint32_t)tid + 1;
    proc_fill_entry(entry, tid, S_IFDIR);
    return true;
}

const struct tree_dynamic proc_threads_folder = {
    .lookup = look_up_thread, .list = list_threads,
};

/* ---- /proc itself ---- */

static int
look_up_process(struct node *folder, const char *name, struct node **child)
{
    int number = proc_parse_number(name);
    struct process *process = number > 0 ? process_get(number) : NULL;

    if (process == NULL)
        return -ENOENT;
    process_put(process);
    *child = node_create_dynamic(folder, name, S_IFDIR | 0555, &folder_ops, &proc_process_folder,
                                 proc_value_of(number, 0, 0));
    return *child != NULL ? 0 : -ENOMEM;
}

/* The least number at or above *index. */
static bool
list_processes(struct node *folder, uint32_t *index, struct tree_entry *entry)
{
    struct process *found = process_get_from((int)*index);

    (void)folder;
    if (found == NULL)
        return false;
    *index = (uint32_t)found->pid + 1;
    proc_fill_entry(entry, found->pid, S_IFDIR);
    process_put(found);
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
    return proc_copy_text(text, size, name);
}

static long
thread_self_target(struct node *link, char *text, size_t size)
{
    char name[LINE];

    (void)link;
    format_text(name, sizeof(name), "%d/task/%d", task_current()->process->pid,
                task_current()->tid);
    return proc_copy_text(text, size, name);
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
