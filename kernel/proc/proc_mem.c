/* proc_mem.c - files of /proc/PID whose bytes are not text: mem, the program's memory by address;
 * pagemap, the frame behind each of its pages; and fail-nth, which makes an allocation of the
 * kernel fail.
 */
#include "format.h"
#include "mm.h"
#include "proc_private.h"
#include "reclaim.h"

#define LINE  32u
#define PIECE 512u /* bytes of mem copied at a time */

/* ---- mem ---- */

/* Moves bytes between a program's memory and the buffer, as far as it goes. */
static long
move_pieces(struct address_space *space, struct buffer *buffer, uint64_t *position, bool write)
{
    char piece[PIECE];
    size_t done = 0;

    while (buffer->size > 0 && *position < USER_END) {
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
        task_breathe();
    }
    return done > 0 || buffer->size == 0 ? (long)done : -EIO;
}

static long
move_memory(struct file *file, struct buffer *buffer, uint64_t *position, bool write)
{
    struct address_space *space = proc_space_of(file->node->value);
    long done;

    if (space == NULL)
        return 0;
    done = move_pieces(space, buffer, position, write);
    space_put(space);
    return done;
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

const struct file_ops proc_mem_ops = {.read = read_mem, .write = write_mem};

/* ---- pagemap ---- */

static long
copy_pagemap(struct address_space *space, struct buffer *to, uint64_t *position)
{
    uint64_t words[PIECE / sizeof(uint64_t)];
    const uint64_t pages = USER_END >> PAGE_SHIFT;
    size_t done = 0;

    while (to->size > 0 && *position < pages * sizeof(*words)) {
        uint32_t page = (uint32_t)*position / sizeof(*words), left = (uint32_t)pages - page;
        size_t count = to->size / sizeof(*words);

        count = count < ARRAY_LENGTH(words) ? count : ARRAY_LENGTH(words);
        count = count < left ? count : left;
        space_fill_pagemap(space, page << PAGE_SHIFT, count, words);
        if (buffer_put(to, words, count * sizeof(*words)) != 0)
            return done > 0 ? (long)done : -EFAULT;
        *position += count * sizeof(*words);
        done += count * sizeof(*words);
    }
    return (long)done;
}

static long
read_pagemap(struct file *file, struct buffer *to, uint64_t *position)
{
    struct address_space *space;
    long done;

    if (*position % sizeof(uint64_t) != 0 || to->size % sizeof(uint64_t) != 0)
        return -EINVAL;
    space = proc_space_of(file->node->value);
    if (space == NULL)
        return 0;
    done = copy_pagemap(space, to, position);
    space_put(space);
    return done;
}

const struct file_ops proc_pagemap_ops = {.read = read_pagemap};

/* ---- fail-nth ---- */

/* N, written: the N-th allocation that the kernel makes for this task from now on fails; 0: none.
 * Read: how many are left until then, 0 when it has failed. Only of one's own. Reading and writing
 * allocate nothing, so that a program which has the file open knows what it counts. */
static struct task *
own_task(const struct file *file)
{
    struct task *me = task_current();
    int number = proc_number_of(file->node->value);

    if (file->node->value & PROC_THREAD)
        return number == me->tid ? me : NULL;
    return number == me->process->pid ? me : NULL;
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
    number = proc_parse_number(line);
    if (number < 0)
        return -EINVAL;
    task->fail_in = (unsigned long)number;
    if (number > 0) {
        reclaim_pools();
        space_drain(task->space);
    }
    (void)mm_fail_nth(task->fail_in);
    return size;
}

const struct file_ops proc_fail_nth_ops = {.read = read_fail_nth, .write = write_fail_nth};
