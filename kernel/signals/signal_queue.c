/* signal_queue.c - what is known of pending signals, and which is taken first.
 *
 *   set of pending signals   bit n-1: signal n waits
 *   infos ──► info ──► info  who sent it and why, in the order of sending; none for what the kernel
 *                            sends without further word
 *
 * A fault's signal is taken before all others, because its handler must see the registers of the
 * fault; then those to the thread, then those to the process, each by number.
 *
 * Lock: signals_lock; the number of all infos is atomic.
 */
#include "kmalloc.h"
#include "signal_private.h"

#define INFOS_MAX 4096 /* of all programs */

static unsigned info_count;

/* ---- what is known of pending signals ---- */

static void
info_free(struct signal_info *info)
{
    (void)__atomic_sub_fetch(&info_count, 1, __ATOMIC_RELAXED);
    kfree(info);
}

bool
signal_may_queue(void)
{
    return __atomic_load_n(&info_count, __ATOMIC_RELAXED) < INFOS_MAX;
}

struct signal_info *
signal_info_copy(const struct signal_info *info)
{
    struct signal_info *copy;

    if (!signal_may_queue())
        return NULL;
    copy = kmalloc(sizeof(*copy));
    if (copy == NULL)
        return NULL;
    (void)__atomic_add_fetch(&info_count, 1, __ATOMIC_RELAXED);
    *copy = *info;
    copy->next = NULL;
    return copy;
}

void
signal_infos_append(struct signal_info **infos, struct signal_info *info)
{
    while (*infos != NULL)
        infos = &(*infos)->next;
    *infos = info;
}

void
signal_infos_remove(struct signal_info **infos, sigset_t set)
{
    while (*infos != NULL) {
        struct signal_info *info = *infos;

        if (signal_bit(info->signal) & set) {
            *infos = info->next;
            info_free(info);
        } else {
            infos = &info->next;
        }
    }
}

void
signal_drop(struct signal_info **infos)
{
    signal_infos_remove(infos, ~(sigset_t)0);
}

/* ---- taking ---- */

/* The lowest signal of a set that is not empty. */
static int
lowest(sigset_t set)
{
    uint32_t low = (uint32_t)set;

    return low != 0 ? __builtin_ctz(low) + 1 : __builtin_ctz((uint32_t)(set >> 32)) + 33;
}

/* Moves what is known of info->signal from the list to *info. True when more of it is queued. */
static bool
take_info(struct signal_info **infos, struct signal_info *info)
{
    bool found = false;

    while (*infos != NULL) {
        struct signal_info *first = *infos;

        if (first->signal != info->signal) {
            infos = &first->next;
            continue;
        }
        if (found)
            return true;
        found = true;
        *info = *first;
        *infos = first->next;
        info_free(first);
    }
    return false;
}

static void
take_from(sigset_t *pending, struct signal_info **infos, int signal, struct signal_info *info)
{
    *info = (struct signal_info){.signal = signal, .code = SI_KERNEL};
    if (!take_info(infos, info))
        *pending &= ~signal_bit(signal);
}

/* What a fault caused comes before anything else: its handler must see the registers of the fault.
 */
static bool
take_fault(struct task *task, sigset_t set, struct signal_info *info)
{
    int signal = task->fault_signal;

    if (signal == 0 || (signal_bit(signal) & set & task->pending) == 0)
        return false;
    task->fault_signal = 0;
    task->pending &= ~signal_bit(signal);
    *info = (struct signal_info){
        .signal = signal, .code = (int)task->fault_code, .address = task->fault_address};
    return true;
}

bool
signal_take(struct task *task, sigset_t set, struct signal_info *info)
{
    struct process *process = task->process;

    if (take_fault(task, set, info))
        return true;
    if ((task->pending & set) != 0)
        take_from(&task->pending, &task->infos, lowest(task->pending & set), info);
    else if ((process->pending & set) != 0)
        take_from(&process->pending, &process->infos, lowest(process->pending & set), info);
    else
        return false;
    return true;
}
