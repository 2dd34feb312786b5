/* thread.c - what belongs to one thread: its segments, and words in the program's memory through
 * which others learn of its end.
 *
 * The GDT has three entries whose contents are the running thread's. A libc points one of them at
 * the thread's own variables and keeps its selector in GS, so that %gs:0 differs in each thread.
 *
 * When a thread ends, the word at clear_child_tid becomes 0 and who waits for it is woken (a join);
 * and each lock of its robust list gets the mark that its owner died: set_robust_list(2).
 */
#include <string.h>
#include "cpu.h"
#include "fpu.h"
#include "sched.h"
#include "syscall.h"
#include "task.h"
#include "uapi/thread.h"
#include "usercopy.h"

#define FIRST_ENTRY (TLS_SEGMENT / 8)

/* More locks than a thread can hold by reason; the list may be a ring. */
#define ROBUST_MAX 2048

/* Access byte of a data segment for ring 3, and where the rest goes: Intel SDM volume 3, 3.4.5. */
#define ACCESS_DATA  0xF1 /* present, ring 3, accessed */
#define ACCESS_WRITE 0x02
#define ACCESS_DOWN  0x04

/* ---- segments ---- */

/* What Linux takes for "none": all zero, or the flags of an absent one. */
static bool
is_empty(const struct user_desc *desc)
{
    return desc->base == 0 && desc->limit == 0 &&
           (desc->flags == 0 || desc->flags == (DESC_READ_ONLY | DESC_NOT_PRESENT));
}

static bool
is_data(const struct user_desc *desc)
{
    return desc->flags & DESC_32BIT && !(desc->flags & DESC_NOT_PRESENT) &&
           !(desc->flags & 0x04);
}

static uint64_t
pack(const struct user_desc *desc)
{
    uint32_t access = ACCESS_DATA, low, high;

    if (!(desc->flags & DESC_READ_ONLY))
        access |= ACCESS_WRITE;
    if (desc->flags & DESC_CONTENTS)
        access |= ACCESS_DOWN;
    low = (desc->limit & 0xFFFF) | desc->base << 16;
    high = (desc->base >> 16 & 0xFF) | access << 8 | (desc->limit & 0xF0000) | 1u << 22 |
           (desc->flags & DESC_USEABLE ? 1u << 20 : 0) |
           (desc->flags & DESC_PAGES ? 1u << 23 : 0) | (desc->base & 0xFF000000);
    return (uint64_t)high << 32 | low;
}

static void
unpack(uint64_t descriptor, struct user_desc *desc)
{
    uint32_t low = (uint32_t)descriptor, high = (uint32_t)(descriptor >> 32);

    desc->base = low >> 16 | (high & 0xFF) << 16 | (high & 0xFF000000);
    desc->limit = (low & 0xFFFF) | (high & 0xF0000);
    desc->flags = DESC_READ_ONLY | DESC_NOT_PRESENT;
    if (descriptor == 0)
        return;
    desc->flags = DESC_32BIT | (high >> 8 & ACCESS_WRITE ? 0 : DESC_READ_ONLY) |
                  (high >> 8 & ACCESS_DOWN ? 0x02 : 0) | (high & 1u << 20 ? DESC_USEABLE : 0) |
                  (high & 1u << 23 ? DESC_PAGES : 0);
}

/* The first free entry of the thread, or -1. */
static int
free_entry(const struct task *task)
{
    for (int i = 0; i < TLS_SEGMENTS; i++) {
        if (task->tls[i] == 0)
            return FIRST_ENTRY + i;
    }
    return -1;
}

static int
store(struct task *task, const struct user_desc *desc)
{
    uint32_t slot = desc->entry_number - FIRST_ENTRY;

    if (slot >= TLS_SEGMENTS || (!is_empty(desc) && !is_data(desc)))
        return -EINVAL;
    task->tls[slot] = is_empty(desc) ? 0 : pack(desc);
    if (task == task_current())
        cpu_set_tls(task->tls);
    return 0;
}

int
thread_set_area(struct task *task, const void *from)
{
    struct user_desc desc;

    if (copy_from_user(&desc, from, sizeof(desc)) != 0)
        return -EFAULT;
    return store(task, &desc);
}

SYSCALL(set_thread_area)
{
    struct task *me = task_current();
    void *at = (void *)frame->ebx;
    struct user_desc desc;
    int entry;

    if (copy_from_user(&desc, at, sizeof(desc)) != 0)
        return -EFAULT;
    if (desc.entry_number != UINT32_MAX)
        return store(me, &desc);
    entry = free_entry(me);
    if (entry < 0)
        return -ESRCH;
    desc.entry_number = (uint32_t)entry;
    if (put_user_u32(desc.entry_number, at) != 0)
        return -EFAULT;
    return store(me, &desc);
}

SYSCALL(get_thread_area)
{
    void *at = (void *)frame->ebx;
    struct user_desc desc;

    if (get_user_u32(&desc.entry_number, at) != 0)
        return -EFAULT;
    if (desc.entry_number - FIRST_ENTRY >= TLS_SEGMENTS)
        return -EINVAL;
    unpack(task_current()->tls[desc.entry_number - FIRST_ENTRY], &desc);
    return copy_to_user(at, &desc, sizeof(desc));
}

/* ---- words that tell of the end ---- */

SYSCALL(set_tid_address)
{
    struct task *me = task_current();

    me->clear_child_tid = (uint32_t *)frame->ebx;
    return me->tid;
}

SYSCALL(set_robust_list)
{
    if (frame->ecx != sizeof(struct robust_list_head))
        return -EINVAL;
    task_current()->robust_list = frame->ebx;
    return 0;
}

SYSCALL(get_robust_list)
{
    unsigned long state = spin_lock(&process_lock);
    const struct task *task = frame->ebx == 0 ? task_current() : task_find((int)frame->ebx);
    bool found = task != NULL;
    uint32_t list = found ? task->robust_list : 0;

    spin_unlock(&process_lock, state);
    if (!found)
        return -ESRCH;
    if (put_user_u32(sizeof(struct robust_list_head), (void *)frame->edx) != 0)
        return -EFAULT;
    return put_user_u32(list, (void *)frame->ecx);
}

/* The word of one lock: if the thread holds it, marks it and wakes one who waits. */
static bool
abandon_lock(const struct task *task, uint32_t address)
{
    uint32_t word, was;

    if (address % 4 != 0 || get_user_u32(&was, (void *)address) != 0)
        return false;
    do { /* who begins to wait meanwhile changes the word */
        word = was;
        if ((word & FUTEX_TID_MASK) != (uint32_t)task->tid)
            return true;
        if (exchange_user_u32(&was, (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED, (void *)address) != 0)
            return false;
    } while (was != word);
    if (word & FUTEX_WAITERS)
        futex_wake(address, 1);
    return true;
}

/* The lock that the thread was about to take or to give back. When it had given it back already, it
 * owed those who wait a wake-up. */
static void
abandon_pending(const struct task *task, uint32_t address)
{
    uint32_t word;

    if (address % 4 == 0 && get_user_u32(&word, (void *)address) == 0 && word == 0)
        futex_wake(address, 1);
    else
        abandon_lock(task, address);
}

/* The list is the program's: it may lead anywhere, and ends at the latest after ROBUST_MAX. An
 * entry with bit 0 set is a lock with priority inheritance, which there is not. */
static void
abandon_locks(const struct task *task)
{
    struct robust_list_head head;
    uint32_t entry, next;

    if (copy_from_user(&head, (void *)task->robust_list, sizeof(head)) != 0)
        return;
    entry = head.next & ~1u;
    for (unsigned i = 0; i < ROBUST_MAX && entry != task->robust_list; i++) {
        if (get_user_u32(&next, (void *)entry) != 0)
            return;
        if (entry != (head.pending & ~1u) &&
            !abandon_lock(task, entry + (uint32_t)head.futex_offset))
            return;
        entry = next & ~1u;
    }
    if (head.pending != 0)
        abandon_pending(task, (head.pending & ~1u) + (uint32_t)head.futex_offset);
}

void
thread_release_words(struct task *task)
{
    uint32_t address = (uint32_t)task->clear_child_tid;

    if (task->robust_list != 0)
        abandon_locks(task);
    task->robust_list = 0;
    task->clear_child_tid = NULL;
    if (address == 0 || task->space->refs + task->process->thread_count == 2)
        return;
    if (put_user_u32(0, (void *)address) == 0)
        futex_wake(address, 1);
}

void
thread_reset(void)
{
    struct task *me = task_current();

    thread_release_words(me);
    fpu_drop(me);
    memset(me->tls, 0, sizeof(me->tls));
    cpu_set_tls(me->tls);
    me->alt_stack = me->alt_stack_size = 0;
    me->restore_blocked = false;
}
