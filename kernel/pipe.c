/* pipe.c - pipes: bytes that one end writes and the other reads, in order. pipe(2), pipe(7).
 *
 *              head        head + used
 *                v             v
 *   |............bbbbbbbbbbbbbb.............|   one page, a ring; head is 0 whenever it is empty
 *
 * The bytes go straight between the programs' memory and the page. A pipe that has been emptied
 * begins at the page's start again, so that what fits is copied in one piece. The page is allocated
 * by the first write and stays as long as the pipe.
 *
 * A write of at most PIPE_BUF (4096) bytes goes in as a whole or waits until it can; a longer one
 * goes in by pieces. Whoever waits is woken by the other end, and only if somebody waits: the short
 * way of a call is a copy and a few comparisons.
 *
 * Nothing here is touched from interrupts, and no one sleeps within a copy: what tasks share needs
 * no lock (task.h). An open end is a reference to the pipe, and the caller holds the end's file.
 *
 * Cost: 40 bytes and two files, and a page once something was written.
 */
#include "file.h"
#include "kmalloc.h"
#include "pipe.h"
#include "poll.h"
#include "signal.h"
#include "syscall.h"
#include "uapi/fcntl.h"
#include "uapi/termios.h"
#include "usercopy.h"

#define PIPE_BYTES PAGE_SIZE

_Static_assert(PIPE_BUF <= PIPE_BYTES, "an atomic write must fit into an empty pipe");

struct pipe {
    char *ring; /* NULL until something is written */
    uint32_t head, used;
    bool has_reader, has_writer;
    struct wait_queue readers, writers;
};

/* ---- the ring ---- */

/* Takes `size` bytes into the ring, which has room. 0, or -EFAULT and nothing was taken. */
static inline int
ring_take(struct pipe *pipe, struct buffer *from, size_t size)
{
    uint32_t at = (pipe->head + pipe->used) & (PIPE_BYTES - 1);
    size_t straight = PIPE_BYTES - at;

    if (LIKELY(size <= straight)) {
        if (buffer_get(from, pipe->ring + at, size) != 0)
            return -EFAULT;
    } else if (buffer_get(from, pipe->ring + at, straight) != 0 ||
               buffer_get(from, pipe->ring, size - straight) != 0) {
        return -EFAULT;
    }
    pipe->used += size;
    return 0;
}

/* Gives the first `size` bytes, which are there. 0, or -EFAULT and they stay. */
static inline int
ring_give(struct pipe *pipe, struct buffer *to, size_t size)
{
    size_t straight = PIPE_BYTES - pipe->head;

    if (LIKELY(size <= straight)) {
        if (buffer_put(to, pipe->ring + pipe->head, size) != 0)
            return -EFAULT;
    } else if (buffer_put(to, pipe->ring + pipe->head, straight) != 0 ||
               buffer_put(to, pipe->ring, size - straight) != 0) {
        return -EFAULT;
    }
    pipe->used -= size;
    pipe->head = pipe->used == 0 ? 0 : (pipe->head + size) & (PIPE_BYTES - 1);
    return 0;
}

static inline void
wake(struct wait_queue *queue)
{
    if (queue->first != NULL)
        task_wake_all(queue);
    poll_changed();
}

/* ---- writing ---- */

/* Waits until `needed` bytes fit. 0 or why it is of no use to wait. */
static int
wait_for_room(struct file *file, struct pipe *pipe, size_t needed)
{
    if (pipe->ring == NULL && (pipe->ring = kmalloc(PIPE_BYTES)) == NULL)
        return -ENOMEM;
    while (pipe->has_reader && PIPE_BYTES - pipe->used < needed) {
        if (file->flags & O_NONBLOCK)
            return -EAGAIN;
        if (task_sleep(&pipe->writers, 0) == -EINTR)
            return -ERESTARTSYS;
    }
    if (pipe->has_reader)
        return 0;
    signal_task(task_current(), SIGPIPE);
    return -EPIPE;
}

static long
write_pieces(struct file *file, struct pipe *pipe, struct buffer *from, size_t size)
{
    size_t needed = size <= PIPE_BUF ? size : 1;
    size_t done = 0;

    while (done < size) {
        int error = wait_for_room(file, pipe, needed);
        size_t room = PIPE_BYTES - pipe->used;
        size_t piece = size - done < room ? size - done : room;

        if (error == 0)
            error = ring_take(pipe, from, piece);
        if (error != 0)
            return done > 0 ? (long)done : error;
        wake(&pipe->readers);
        done += piece;
    }
    return (long)done;
}

static long
pipe_write(struct file *file, struct buffer *from, uint64_t *position)
{
    struct pipe *pipe = file->state;
    size_t size = from->size;

    (void)position;
    if (LIKELY(pipe->ring != NULL && pipe->has_reader && size <= PIPE_BYTES - pipe->used)) {
        if (UNLIKELY(ring_take(pipe, from, size) != 0))
            return -EFAULT;
        wake(&pipe->readers);
        return (long)size;
    }
    return write_pieces(file, pipe, from, size);
}

/* ---- reading ---- */

/* Waits until there is something to read or never will be. */
static int
wait_for_bytes(struct file *file, struct pipe *pipe)
{
    while (pipe->used == 0 && pipe->has_writer) {
        if (file->flags & O_NONBLOCK)
            return -EAGAIN;
        if (task_sleep(&pipe->readers, 0) == -EINTR)
            return -ERESTARTSYS;
    }
    return 0;
}

static long
read_bytes(struct pipe *pipe, struct buffer *to)
{
    size_t size = to->size < pipe->used ? to->size : pipe->used;

    if (size == 0)
        return 0;
    if (UNLIKELY(ring_give(pipe, to, size) != 0))
        return -EFAULT;
    wake(&pipe->writers);
    return (long)size;
}

static long
pipe_read(struct file *file, struct buffer *to, uint64_t *position)
{
    struct pipe *pipe = file->state;
    int error;

    (void)position;
    if (LIKELY(pipe->used > 0 || to->size == 0))
        return read_bytes(pipe, to);
    error = wait_for_bytes(file, pipe);
    return error != 0 ? error : read_bytes(pipe, to);
}

/* ---- the rest of a file's life ---- */

static unsigned
poll_reader(struct file *file)
{
    struct pipe *pipe = file->state;

    return (pipe->used > 0 ? POLL_IN : 0) | (pipe->has_writer ? 0 : POLL_HUP);
}

/* Ready means that a write of PIPE_BUF bytes does not wait. */
static unsigned
poll_writer(struct file *file)
{
    struct pipe *pipe = file->state;

    return (PIPE_BYTES - pipe->used >= PIPE_BUF ? POLL_OUT : 0) | (pipe->has_reader ? 0 : POLL_ERR);
}

static long
pipe_ioctl(struct file *file, unsigned request, uintptr_t argument)
{
    struct pipe *pipe = file->state;

    if (request != FIONREAD)
        return -ENOTTY;
    return put_user_u32(pipe->used, (void *)argument);
}

static void
free_if_closed(struct pipe *pipe)
{
    if (pipe->has_reader || pipe->has_writer)
        return;
    kfree(pipe->ring);
    kfree(pipe);
}

static void
close_reader(struct file *file)
{
    struct pipe *pipe = file->state;

    pipe->has_reader = false;
    wake(&pipe->writers);
    free_if_closed(pipe);
}

static void
close_writer(struct file *file)
{
    struct pipe *pipe = file->state;

    pipe->has_writer = false;
    wake(&pipe->readers);
    free_if_closed(pipe);
}

static const struct file_ops reader_ops = {
    .read = pipe_read, .poll = poll_reader, .ioctl = pipe_ioctl, .close = close_reader,
    .stream = true,
};

static const struct file_ops writer_ops = {
    .write = pipe_write, .poll = poll_writer, .ioctl = pipe_ioctl, .close = close_writer,
    .stream = true,
};

/* ---- making one ---- */

int
pipe_create(unsigned flags, struct file *ends[2])
{
    struct pipe *pipe = kzalloc(sizeof(*pipe));

    if (pipe == NULL)
        return -ENOMEM;
    ends[0] = file_create(&reader_ops, NULL, O_RDONLY | flags, pipe);
    if (ends[0] == NULL) {
        kfree(pipe);
        return file_shortage();
    }
    pipe->has_reader = true;
    ends[1] = file_create(&writer_ops, NULL, O_WRONLY | flags, pipe);
    if (ends[1] == NULL) {
        int error = file_shortage();

        file_put(ends[0]);
        return error;
    }
    pipe->has_writer = true;
    return 0;
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
