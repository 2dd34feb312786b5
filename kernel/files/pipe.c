/* pipe.c - pipes: bytes that one end writes and the other reads, in order. pipe(2), pipe(7).
 *
 *              head        head + used
 *                v             v
 *   |............bbbbbbbbbbbbbb.............|   a ring; head is 0 whenever it is empty
 *
 * The bytes go straight between the programs' memory and the ring. A pipe that has been emptied
 * begins at the ring's start again, so that what fits is copied in one piece. A write allocates a
 * page, which stays when all is read. What does not fit makes the ring larger, up to the pipe's
 * limit; once all is read, a larger one goes. Where there is no memory for a larger one, or all
 * pipes together have enough, the pipe holds what it has room for.
 *
 * A write of at most PIPE_BUF (4096) bytes goes in as a whole or waits until it can; a longer one
 * goes in by pieces. Whoever waits is woken by the other end, and only if somebody waits: the short
 * way of a call is a copy and a few comparisons.
 *
 * Lock: pipe->lock, a mutex, since copies from and to programs may wait for memory. Whoever waits
 * for the other end gives it up meanwhile. poll only reads words: what changed after its look wakes
 * it (poll.h). An open end is a reference to the pipe, and the caller holds the end's file. How
 * ends come and go is in fifo.c.
 */
#include "kmalloc.h"
#include "pipe.h"
#include "pmm.h"
#include "poll.h"
#include "signal.h"
#include "syscall.h"
#include "uapi/termios.h"

/* What pipes hold beyond a page each may be one of so many frames of the machine: it is the
 * kernel's memory, which nobody can be asked to give back. */
#define FRAMES_A_PAGE 16

static unsigned long more_pages;

_Static_assert(PIPE_BUF <= PAGE_SIZE, "an atomic write must fit into an empty pipe");

/* ---- the ring ---- */

/* A ring of `size` bytes, or NULL: no memory, or others have what may be had beyond a page each. */
static char *
ring_create(uint32_t size)
{
    unsigned long more = size / PAGE_SIZE - 1, most = pmm_managed_frames() / FRAMES_A_PAGE;
    char *ring = NULL;

    if (__atomic_add_fetch(&more_pages, more, __ATOMIC_RELAXED) <= most || more == 0)
        ring = kmalloc(size);
    if (ring == NULL)
        (void)__atomic_fetch_sub(&more_pages, more, __ATOMIC_RELAXED);
    return ring;
}

void
pipe_drop_ring(struct pipe *pipe)
{
    if (pipe->ring == NULL)
        return;
    (void)__atomic_fetch_sub(&more_pages, pipe->size / PAGE_SIZE - 1, __ATOMIC_RELAXED);
    kfree(pipe->ring);
    pipe->ring = NULL;
    pipe->size = 0;
    pipe_set_room(pipe);
}

/* The bytes lie in `ring`, which has room for `size` and becomes the pipe's, from its start on. */
static void
move_ring(struct pipe *pipe, char *ring, uint32_t size)
{
    uint32_t straight = pipe->size - pipe->head;

    if (straight > pipe->used)
        straight = pipe->used;
    if (pipe->used > 0) {
        memcpy(ring, pipe->ring + pipe->head, straight);
        memcpy(ring + straight, pipe->ring, pipe->used - straight);
    }
    pipe_drop_ring(pipe);
    pipe->ring = ring;
    pipe->size = size;
    pipe->head = 0;
    pipe_set_room(pipe);
}

/* Makes room for `more` bytes, as far as the limit and memory allow. */
static void
make_room(struct pipe *pipe, uint32_t more)
{
    uint32_t size = PAGE_SIZE;

    while (size < pipe->limit && size < pipe->used + more)
        size *= 2;
    for (; size > pipe->size; size /= 2) {
        char *ring = ring_create(size);

        if (ring != NULL) {
            move_ring(pipe, ring, size);
            return;
        }
    }
    pipe->cramped = true;
}

/* Nothing is in it any more. */
static void
reset_ring(struct pipe *pipe)
{
    pipe->head = 0;
    if (UNLIKELY(pipe->size > PAGE_SIZE))
        pipe_drop_ring(pipe);
}

/* Takes `size` bytes into the ring, which has room. 0, or -EFAULT and nothing was taken. */
static inline int
ring_take(struct pipe *pipe, struct buffer *from, size_t size)
{
    uint32_t at = (pipe->head + pipe->used) & (pipe->size - 1);
    size_t straight = pipe->size - at;

    if (LIKELY(size <= straight)) {
        if (buffer_get(from, pipe->ring + at, size) != 0)
            return -EFAULT;
    } else if (buffer_get(from, pipe->ring + at, straight) != 0 ||
               buffer_get(from, pipe->ring, size - straight) != 0) {
        return -EFAULT;
    }
    pipe->used += size;
    pipe->room -= size;
    return 0;
}

/* Gives the first `size` bytes, which are there. 0, or -EFAULT and they stay. */
static inline int
ring_give(struct pipe *pipe, struct buffer *to, size_t size)
{
    size_t straight = pipe->size - pipe->head;

    if (LIKELY(size <= straight)) {
        if (buffer_put(to, pipe->ring + pipe->head, size) != 0)
            return -EFAULT;
    } else if (buffer_put(to, pipe->ring + pipe->head, straight) != 0 ||
               buffer_put(to, pipe->ring, size - straight) != 0) {
        return -EFAULT;
    }
    pipe->used -= size;
    pipe->room += size;
    pipe->head = (pipe->head + size) & (pipe->size - 1);
    if (pipe->used == 0)
        reset_ring(pipe);
    return 0;
}

/* ---- writing ---- */

/* Sleeps without the lock. 0 or -ERESTARTSYS. */
static int
sleep_for(struct pipe *pipe, struct wait_queue *queue)
{
    int result = task_sleep_mutex(queue, 0, &pipe->lock);

    mutex_lock(&pipe->lock);
    return result == -EINTR ? -ERESTARTSYS : 0;
}

/* Not enough room: should it be waited for? 0, or why not. */
static int
may_wait(const struct file *file, const struct pipe *pipe)
{
    if (pipe->used == 0)
        return -ENOMEM; /* there is nothing whose reading would make room */
    return file->flags & O_NONBLOCK ? -EAGAIN : 0;
}

/* Waits until `needed` bytes of `wanted` fit. 0 or why it is of no use to wait. */
static int
wait_for_room(struct file *file, struct pipe *pipe, size_t needed, size_t wanted)
{
    while (pipe->readers != 0) {
        int error;

        make_room(pipe, wanted < pipe->limit ? (uint32_t)wanted : pipe->limit);
        if (pipe->size - pipe->used >= needed)
            return 0;
        error = may_wait(file, pipe);
        if (error == 0)
            error = sleep_for(pipe, &pipe->write_wait);
        if (error != 0)
            return error;
    }
    signal_task(task_current(), SIGPIPE);
    return -EPIPE;
}

static long
write_pieces(struct file *file, struct pipe *pipe, struct buffer *from, size_t size)
{
    size_t needed = size <= PIPE_BUF ? size : 1;
    size_t done = 0;

    while (done < size) {
        int error = wait_for_room(file, pipe, needed, size - done);
        size_t room = pipe->size - pipe->used;
        size_t piece = size - done < room ? size - done : room;

        if (error == 0)
            error = ring_take(pipe, from, piece);
        if (error != 0)
            return done > 0 ? (long)done : error;
        pipe_wake(&pipe->read_wait);
        done += piece;
    }
    return (long)done;
}

static long
pipe_write(struct file *file, struct buffer *from, uint64_t *position)
{
    struct pipe *pipe = file->state;
    size_t size = from->size;
    long done = (long)size;

    (void)position;
    mutex_lock(&pipe->lock);
    if (UNLIKELY(size > pipe->room))
        done = write_pieces(file, pipe, from, size);
    else if (UNLIKELY(ring_take(pipe, from, size) != 0))
        done = -EFAULT;
    else
        pipe_wake(&pipe->read_wait);
    mutex_unlock(&pipe->lock);
    return done;
}

/* ---- reading ---- */

/* Waits until there is something to read or never will be. */
static int
wait_for_bytes(struct file *file, struct pipe *pipe, bool at_once)
{
    while (pipe->used == 0 && pipe->writers != 0) {
        if (at_once || (file->flags & O_NONBLOCK))
            return -EAGAIN;
        if (sleep_for(pipe, &pipe->read_wait) != 0)
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
    pipe->cramped = false;
    pipe_wake(&pipe->write_wait);
    return (long)size;
}

static long
pipe_read(struct file *file, struct buffer *to, uint64_t *position)
{
    struct pipe *pipe = file->state;
    long done = 0;

    (void)position;
    mutex_lock(&pipe->lock);
    if (UNLIKELY(pipe->used == 0 && to->size > 0))
        done = wait_for_bytes(file, pipe, to->at_once);
    if (LIKELY(done == 0))
        done = read_bytes(pipe, to);
    mutex_unlock(&pipe->lock);
    return done;
}

/* ---- questions ---- */

/* Without a writer it is over, if there ever was one. */
static unsigned
poll_reader(const struct file *file, const struct pipe *pipe)
{
    bool over = pipe->writers == 0 && pipe->writer_opens != file->position;

    return (pipe->used > 0 ? POLL_IN : 0) | (over ? POLL_HUP : 0);
}

/* Ready means that a write of PIPE_BUF bytes does not wait. */
static unsigned
poll_writer(const struct pipe *pipe)
{
    uint32_t most = pipe->cramped ? pipe->size : pipe->limit;

    return (pipe->used + PIPE_BUF <= most ? POLL_OUT : 0) |
           (pipe->readers != 0 ? 0 : POLL_ERR);
}

static unsigned
pipe_poll(struct file *file)
{
    const struct pipe *pipe = file->state;

    return (file->access & FILE_READ ? poll_reader(file, pipe) : 0) |
           (file->access & FILE_WRITE ? poll_writer(pipe) : 0);
}

static long
pipe_ioctl(struct file *file, unsigned request, uintptr_t argument)
{
    const struct pipe *pipe = file->state;

    if (request != FIONREAD)
        return -ENOTTY;
    return put_user_u32(pipe->used, (void *)argument);
}

long
pipe_get_limit(const struct file *file)
{
    const struct pipe *pipe = file->state;

    return file->ops == &pipe_ops ? (long)pipe->limit : -EBADF;
}

/* With the lock. 0 or -errno. */
static int
change_limit(struct pipe *pipe, uint32_t limit)
{
    if (pipe->used > limit)
        return -EBUSY;
    if (pipe->size > limit) {
        char *ring = kmalloc(limit); /* less than before: nobody need be asked */

        if (ring == NULL)
            return -ENOMEM;
        (void)__atomic_fetch_add(&more_pages, limit / PAGE_SIZE - 1, __ATOMIC_RELAXED);
        move_ring(pipe, ring, limit);
    }
    pipe->limit = limit;
    pipe_wake(&pipe->write_wait);
    return 0;
}

long
pipe_set_limit(struct file *file, uint32_t wanted)
{
    struct pipe *pipe = file->state;
    uint32_t limit = PAGE_SIZE;
    int error;

    if (file->ops != &pipe_ops)
        return -EBADF;
    if (wanted > 1u << 31)
        return -EINVAL;
    if (wanted > PIPE_MAX)
        return -EPERM;
    while (limit < wanted)
        limit *= 2;
    mutex_lock(&pipe->lock);
    error = change_limit(pipe, limit);
    mutex_unlock(&pipe->lock);
    return error != 0 ? error : (long)limit;
}

const struct file_ops pipe_ops = {
    .read = pipe_read, .write = pipe_write, .poll = pipe_poll, .ioctl = pipe_ioctl,
    .open = pipe_open, .close = pipe_close, .stream = true,
};
