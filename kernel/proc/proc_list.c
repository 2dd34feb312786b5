/* proc_list.c - /proc and /proc/PID/task: which processes and threads there are, by number; and
 * /proc/self.
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
    const struct task *task = number > 0 ? task_find(number) : NULL;

    if (task == NULL || task->process != process_find(proc_number_of(folder->value)))
        return -ENOENT;
    *child = node_create_dynamic(folder, name, S_IFDIR | 0555, &folder_ops, &proc_process_folder,
                                 proc_value_of(number, PROC_THREAD, 0));
    return *child != NULL ? 0 : -ENOMEM;
}

/* The least number at or above *index among the threads. */
static bool
list_threads(struct node *folder, uint32_t *index, struct tree_entry *entry)
{
    const struct process *process = process_find(proc_number_of(folder->value));
    const struct task *found = NULL, *task = process != NULL ? process->threads : NULL;

    for (; task != NULL; task = task->next_thread) {
        if ((uint32_t)task->tid >= *index && (found == NULL || task->tid < found->tid))
            found = task;
    }
    if (found == NULL)
        return false;
    *index = (uint32_t)found->tid + 1;
    proc_fill_entry(entry, found->tid, S_IFDIR);
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

    if (number <= 0 || process_find(number) == NULL)
        return -ENOENT;
    *child = node_create_dynamic(folder, name, S_IFDIR | 0555, &folder_ops, &proc_process_folder,
                                 proc_value_of(number, 0, 0));
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
    proc_fill_entry(entry, found->pid, S_IFDIR);
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
