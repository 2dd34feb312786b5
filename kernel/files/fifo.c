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
 * none goes just when another one comes; the counts are the pipe's (pipe.h).
 *
 * Cost: a pipe is 104 bytes, a node and two files, and a page once something was written.
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

    if (pipe != NULL)
        mutex_init(&pipe->lock);
    return pipe;
}

/* ---- counting ends ---- */

static void
add_end(struct pipe *pipe, struct file *file)
{
    mutex_lock(&pipe->lock);
    file->state = pipe;
    file->position = pipe->writer_opens;
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
    mutex_unlock(&pipe->lock);
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
    kfree(pipe->ring);
    kfree(pipe);
}

void
pipe_close(struct file *file)
{
    remove_end(file->state, file);
}

/* ---- opening ---- */

/* Waits for the other end. 0 or -errno. */
static int
wait_for_partner(const struct file *file, struct pipe *pipe)
{
    bool reads = file->access & FILE_READ;
    const uint32_t *partners = reads ? &pipe->writers : &pipe->readers;
    const uint32_t *opens = reads ? &pipe->writer_opens : &pipe->reader_opens;
    uint32_t before;
    int error = 0;

    mutex_lock(&pipe->lock);
    before = *opens;
    if (*partners == 0 && file->flags & O_NONBLOCK) {
        mutex_unlock(&pipe->lock);
        return reads ? 0 : -ENXIO;
    }
    while (error == 0 && *partners == 0 && *opens == before) {
        if (task_sleep_mutex(&pipe->open_wait, 0, &pipe->lock) == -EINTR)
            error = -ERESTARTSYS;
        mutex_lock(&pipe->lock);
    }
    mutex_unlock(&pipe->lock);
    return error;
}

/* The pipe of a node, a new one if need be, with one end more; NULL: no memory. */
static struct pipe *
join_pipe(struct node *node, struct file *file)
{
    struct pipe *pipe;

    mutex_lock(&ends_mutex);
    pipe = (struct pipe *)node->value;
    if (pipe == NULL)
        pipe = new_pipe();
    node->value = (uintptr_t)pipe;
    if (pipe != NULL)
        add_end(pipe, file);
    mutex_unlock(&ends_mutex);
    return pipe;
}

int
pipe_open(struct file *file)
{
    struct node *node = file->node;
    struct pipe *pipe;
    int error = 0;

    if (file->access == 0) /* it would be no end, and not be counted */
        return -EINVAL;
    pipe = join_pipe(node, file);
    if (pipe == NULL)
        return -ENOMEM;
    if (node->mount != &pipe_mount && file->access != (FILE_READ | FILE_WRITE))
        error = wait_for_partner(file, pipe);
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

    if (file != NULL)
        add_end((struct pipe *)node->value, file);
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
