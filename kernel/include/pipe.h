/* pipe.h - pipes within the kernel; programs have pipe(2) and mknod(2).
 *
 * Lock: `lock` of a pipe for all of it; the caller holds a file that is one of its ends. The value
 * of a node, which is its pipe, changes under `ends_mutex` of fifo.c, taken before `lock`.
 */
#ifndef OCTAVO_PIPE_H
#define OCTAVO_PIPE_H

#include "file.h"
#include "poll.h"

#define PIPE_BUF   4096u    /* a write of no more is not torn apart */
#define PIPE_BYTES 0x10000u /* a new pipe holds so many; F_SETPIPE_SZ: from a page to PIPE_MAX */
#define PIPE_MAX   0x100000u

/* The value of a node, and the state of each file that is an end. */
struct pipe {
    struct mutex lock;
    char *ring;     /* NULL until something is written */
    uint32_t size;  /* of the ring, a power of two; 0 without one */
    uint32_t limit; /* what it may grow to, a power of two */
    bool cramped;   /* a larger ring was not to be had, and nothing was read since */
    uint32_t head, used;
    uint32_t room; /* what can be written at once: nothing without a ring or without a reader */
    uint32_t readers, writers;           /* ends that are open; no two zeros: then it is gone */
    uint32_t reader_opens, writer_opens; /* that ever were */
    struct wait_queue read_wait, write_wait, open_wait;
};

/* After the ring or a reader came, or the last reader went. */
static inline void
pipe_set_room(struct pipe *pipe)
{
    pipe->room = pipe->readers != 0 ? pipe->size - pipe->used : 0;
}

/* What lies in the pipe is forgotten, and its memory given back. With the lock, or by the last one
 * who has it. */
void pipe_drop_ring(struct pipe *pipe);

/* Something changed for those who wait for it. With the lock, which they have too when they look
 * and go to sleep. */
static inline void
pipe_wake(struct wait_queue *queue)
{
    task_wake_all(queue);
    poll_changed();
}

/* The end to read from and the one to write to, with one reference each; `flags` is O_NONBLOCK or
 * 0. 0, -ENOMEM or -ENFILE. */
MUST_CHECK int pipe_create(unsigned flags, struct file *ends[2]);

/* F_GETPIPE_SZ and F_SETPIPE_SZ of fcntl(2), for any file: what the pipe may hold, in bytes;
 * setting rounds up to a power of two of pages. -EBADF: it is no pipe; -EINVAL: more than 2 GiB;
 * -EPERM: more than PIPE_MAX; -EBUSY: more lies in it; -ENOMEM. */
long pipe_get_limit(const struct file *file);
long pipe_set_limit(struct file *file, uint32_t wanted);

/* Of pipe_ops (kernel/files/fifo.c). */
int pipe_open(struct file *file);
void pipe_close(struct file *file);

#endif
