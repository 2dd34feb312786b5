/* fifo.c - the ends of pipes: how they come and go. pipe(2), mknod(2), fifo(7).
 *
 *   pipe(2)          node without a name ──value──► pipe ◄──state── files, the ends
 *   mkfifo(3)        node in a folder    ──value──►  "                 "
 *
 * Each end that is open counts; with the last one the pipe goes, and what nobody has read. The node
 * may stay: a FIFO has a name, and opening it again begins a new pipe. The ends of a pipe without
 * a name can be opened again by way of /proc/self/fd.
 *
 * Opening one end of a FIFO waits for somebody who opens the other. Who came and went meanwhile
 * counts, so what is waited for is a change of the number of openings.
 *
 * Lock: ends_mutex from the look whether a node has a pipe until the end is counted there, so that
 * none goes just when another one comes; the counts are the pipe's (pipe.h), whose lock is not
 * given back between counting an end and waiting for the other one.
 *
 * Cost: a pipe is 112 bytes, a node and two files, and a page once something was written; more
 * while more lies in it (pipe.c).
 */
#include "kmalloc.h"
#include "pipe.h"
#include "poll.h"
#include "syscall.h"

static struct mutex ends_mutex STATIC_MUTEX = MUTEX_INIT;

static struct pipe *
new_pipe(void)
{
    struct pipe *pipe = kzalloc(sizeof(*pipe));

    if (pipe == NULL)
        return NULL;
    mutex_init(&pipe->lock);
    pipe->limit = PIPE_BYTES;
    return pipe;
}

/* ---- counting ends ---- */

/* With the pipe's lock. A reader remembers how many openings for writing there were when nobody
 * wrote, which are none of those whose end it is to hear of; whoever writes now is one. */
static void
count_end(struct pipe *pipe, struct file *file)
{
    file->state = pipe;
    file->position = pipe->writers == 0 ? pipe->writer_opens : pipe->writer_opens - 1;
    if (file->access & FILE_READ) {
        pipe->readers++;
        pipe->reader_opens++;
    }
    if (file->access & FILE_WRITE) {
        pipe->writers++;
        pipe->writer_opens++;
    }
    pipe_set_room(pipe);
    task_wake_all(&pipe->open_wait);
}

/* True when that was the last one. */
static bool
uncount_end(struct pipe *pipe, const struct file *file)
{
    bool last;

    mutex_lock(&pipe->lock);
    pipe->readers -= (file->access & FILE_READ) != 0;
    pipe->writers -= (file->access & FILE_WRITE) != 0;
    pipe_set_room(pipe);
    pipe_wake(&pipe->read_wait);
    pipe_wake(&pipe->write_wait);
    last = pipe->readers == 0 && pipe->writers == 0;
    mutex_unlock(&pipe->lock);
    return last;
}

/* The node, held, has no pipe any more when that was the last end. */
static void
remove_end(struct pipe *pipe, const struct file *file)
{
    bool last;

    mutex_lock(&ends_mutex);
    last = uncount_end(pipe, file);
    if (last)
        file->node->value = 0;
    mutex_unlock(&ends_mutex);
    if (!last)
        return;
    pipe_drop_ring(pipe);
    kfree(pipe);
}

void
pipe_close(struct file *file)
{
    remove_end(file->state, file);
}

/* ---- opening ---- */

static bool
has_name(const struct node *node)
{
    return node->mount != &pipe_mount;
}

/* Waits for the other end. With the lock since this one was counted, so that nobody comes and goes
 * unseen. 0, also when a signal came together with the other end, which must not find this one
 * gone; or -ERESTARTSYS. */
static int
wait_for_partner(const struct file *file, struct pipe *pipe)
{
    bool reads = file->access & FILE_READ;
    const uint32_t *partners = reads ? &pipe->writers : &pipe->readers;
    const uint32_t *opens = reads ? &pipe->writer_opens : &pipe->reader_opens;
    uint32_t before = *opens;

    while (*partners == 0 && *opens == before) {
        int result = task_sleep_mutex(&pipe->open_wait, 0, &pipe->lock);

        mutex_lock(&pipe->lock);
        if (result == -EINTR && *opens == before)
            return -ERESTARTSYS;
    }
    return 0;
}

/* A writer that does not wait, and there is nobody to read. It is not counted: whoever opens the
 * other end would take it for one. With ends_mutex, under which ends with a name come and go. */
static bool
finds_nobody(const struct pipe *pipe, const struct file *file)
{
    return has_name(file->node) && file->access == FILE_WRITE && (file->flags & O_NONBLOCK) &&
           (pipe == NULL || pipe->readers == 0);
}

/* The file becomes an end of the pipe of its node, a new one if need be. With ends_mutex. 0, with
 * the pipe's lock; or -errno. */
static int
join_pipe(struct file *file)
{
    struct pipe *pipe = (struct pipe *)file->node->value;

    if (finds_nobody(pipe, file))
        return -ENXIO;
    if (pipe == NULL)
        pipe = new_pipe();
    if (pipe == NULL)
        return -ENOMEM;
    file->node->value = (uintptr_t)pipe;
    mutex_lock(&pipe->lock);
    count_end(pipe, file);
    return 0;
}

int
pipe_open(struct file *file)
{
    struct pipe *pipe;
    int error;

    if (file->access == 0) /* it would be no end, and not be counted */
        return -EINVAL;
    mutex_lock(&ends_mutex);
    error = join_pipe(file);
    mutex_unlock(&ends_mutex);
    if (error != 0)
        return error;
    pipe = file->state;
    if (has_name(file->node) && file->access != (FILE_READ | FILE_WRITE) &&
        !(file->flags & O_NONBLOCK))
        error = wait_for_partner(file, pipe);
    mutex_unlock(&pipe->lock);
    if (error != 0)
        remove_end(pipe, file);
    return error;
}

/* ---- making one ---- */

/* An end of the pipe behind a node. NULL: file_shortage says why. */
static struct file *
make_end(struct node *node, unsigned flags)
{
    struct file *file = file_create(&pipe_ops, node, flags, NULL);
    struct pipe *pipe = (struct pipe *)node->value;

    if (file == NULL)
        return NULL;
    mutex_lock(&pipe->lock);
    count_end(pipe, file);
    mutex_unlock(&pipe->lock);
    return file;
}

static int
make_ends(struct node *node, unsigned flags, struct file *ends[2])
{
    int error;

    ends[0] = make_end(node, O_RDONLY | flags);
    if (ends[0] == NULL) {
        kfree((void *)node->value);
        return file_shortage();
    }
    ends[1] = make_end(node, O_WRONLY | flags);
    if (ends[1] != NULL)
        return 0;
    error = file_shortage();
    file_put(ends[0]);
    return error;
}

int
pipe_create(unsigned flags, struct file *ends[2])
{
    struct node *node = node_create(&pipe_mount, S_IFIFO | 0600, &pipe_ops);
    int error = -ENOMEM;

    if (node == NULL)
        return -ENOMEM;
    node->value = (uintptr_t)new_pipe();
    if (node->value != 0)
        error = make_ends(node, flags, ends);
    node_put(node);
    return error;
}

/* Gives both ends descriptors. 0 or -errno, and the ends are gone. */
static int
install_ends(struct file *ends[2], bool close_on_exec, int descriptors[2])
{
    descriptors[0] = file_install(ends[0], 0, close_on_exec);
    if (descriptors[0] < 0) {
        file_put(ends[0]);
        file_put(ends[1]);
        return descriptors[0];
    }
    descriptors[1] = file_install(ends[1], 0, close_on_exec);
    if (descriptors[1] < 0) {
        file_close(descriptors[0]);
        file_put(ends[1]);
        return descriptors[1];
    }
    return 0;
}

static long
make_pipe(int *answer, unsigned flags)
{
    struct file *ends[2];
    int descriptors[2];
    int error;

    if (flags & ~(unsigned)(O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    error = pipe_create(flags & O_NONBLOCK, ends);
    if (error == 0)
        error = install_ends(ends, flags & O_CLOEXEC, descriptors);
    if (error != 0)
        return error;
    error = copy_to_user(answer, descriptors, sizeof(descriptors));
    if (error != 0) {
        file_close(descriptors[0]);
        file_close(descriptors[1]);
    }
    return error;
}

SYSCALL(pipe)
{
    return make_pipe((int *)frame->ebx, 0);
}

SYSCALL(pipe2)
{
    return make_pipe((int *)frame->ebx, frame->ecx);
}
