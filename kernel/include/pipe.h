/* pipe.h - pipes within the kernel; programs have pipe(2) and mknod(2).
 *
 * Lock: `lock` of a pipe for all of it; the caller holds a file that is one of its ends. The value
 * of a node, which is its pipe, changes under `ends_mutex` of fifo.c, taken before `lock`.
 */
#ifndef OCTAVO_PIPE_H
#define OCTAVO_PIPE_H

#include "file.h"
#include "poll.h"

#define PIPE_BYTES PAGE_SIZE
#define PIPE_BUF   4096u /* a write of no more is not torn apart */

/* The value of a node, and the state of each file that is an end. */
struct pipe {
    struct mutex lock;
    char *ring; /* NULL until something is written */
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
    pipe->room = pipe->ring != NULL && pipe->readers != 0 ? PIPE_BYTES - pipe->used : 0;
}

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

/* Of pipe_ops (kernel/files/fifo.c). */
int pipe_open(struct file *file);
void pipe_close(struct file *file);

#endif
