/* sys_files.c - system calls that move bytes: read(2), write(2), readv(2), pread(2), sendfile(2).
 *
 * The short way of a call: the descriptor's file, is it open for that, does the range lie in the
 * program's half, and then the file's own read or write. The file is held meanwhile, for it may
 * sleep, and another thread may close the descriptor. Calls that use the file's position, and what
 * else it keeps (`state`), do so in turn; pread and pwrite of regular files use neither.
 *
 * A vector is moved piece by piece. Others must not come between them: a regular file's bytes are
 * locked for all of it, and a short write to a pipe or a terminal is gathered first.
 *
 * A call moves at most TRANSFER_MAX bytes, as on Linux, so that the count is never taken for an
 * error.
 */
#include <string.h>
#include "file.h"
#include "kmalloc.h"
#include "pipe.h"
#include "syscall.h"

#define TRANSFER_MAX 0x7FFFF000u

/* Vectors up to this length need no memory. */
#define IOVECS_FEW 8

typedef long (*mover)(struct file *file, struct buffer *buffer, uint64_t *position);

/* How a call moves bytes: to or from the program, at the file's position or at a given one. */
struct transfer {
    struct file *file; /* held */
    mover move;
    uint64_t *position;
    bool reads;
    bool in_turn; /* and its turn is taken */
};

static inline long
move_bytes(struct file *file, mover move, uint32_t at, uint32_t size, uint64_t *position,
           bool at_once)
{
    struct buffer buffer = {(char *)at, size, false, at_once};

    if (UNLIKELY(!user_range_ok(at, size)))
        return -EFAULT;
    if (UNLIKELY(size > TRANSFER_MAX))
        buffer.size = TRANSFER_MAX;
    if (UNLIKELY(move == NULL))
        return -EINVAL;
    return move(file, &buffer, position);
}

/* At the file's own position. */
static inline long
move_next(struct file *file, mover move, const struct trap_frame *frame)
{
    long done;

    if (file->ops->stream)
        return move_bytes(file, move, frame->ecx, frame->edx, &file->position, false);
    mutex_lock(&file->turn);
    done = move_bytes(file, move, frame->ecx, frame->edx, &file->position, false);
    mutex_unlock(&file->turn);
    return done;
}

SYSCALL(read)
{
    struct file *file = file_hold((int)frame->ebx);
    long done = -EBADF;

    if (UNLIKELY(file == NULL))
        return -EBADF;
    if (LIKELY(file->access & FILE_READ))
        done = move_next(file, file->ops->read, frame);
    file_put(file);
    return done;
}

SYSCALL(write)
{
    struct file *file = file_hold((int)frame->ebx);
    long done = -EBADF;

    if (UNLIKELY(file == NULL))
        return -EBADF;
    if (LIKELY(file->access & FILE_WRITE))
        done = move_next(file, file->ops->write, frame);
    file_put(file);
    return done;
}

/* ---- at a position of the call's own ---- */

static uint64_t
join(uint32_t low, uint32_t high)
{
    return (uint64_t)high << 32 | low;
}

/* May bytes of the file be moved, at a position of the call's own or at its own? */
static int
check_transfer(const struct file *file, bool reads, const uint64_t *position)
{
    if (!(file->access & (reads ? FILE_READ : FILE_WRITE)))
        return -EBADF;
    return position != NULL && !file_has_position(file) ? -ESPIPE : 0;
}

/* The file to move bytes of, at *position or, when that is NULL, at its own. 0 or -errno; 0:
 * transfer_end ends it. */
static int
transfer_begin(struct transfer *transfer, int descriptor, bool reads, uint64_t *position)
{
    struct file *file;
    int error;

    if (position != NULL && (int64_t)*position < 0)
        return -EINVAL;
    file = file_hold(descriptor);
    if (file == NULL)
        return -EBADF;
    error = check_transfer(file, reads, position);
    if (error != 0) {
        file_put(file);
        return error;
    }
    transfer->file = file;
    transfer->move = reads ? file->ops->read : file->ops->write;
    transfer->position = position != NULL ? position : &file->position;
    transfer->reads = reads;
    transfer->in_turn = !file->ops->stream && (position == NULL || file->ops != &regular_ops);
    if (transfer->in_turn)
        mutex_lock(&file->turn);
    return 0;
}

static void
transfer_end(const struct transfer *transfer)
{
    if (transfer->in_turn)
        mutex_unlock(&transfer->file->turn);
    file_put(transfer->file);
}

static long
move_at(const struct trap_frame *frame, bool reads)
{
    uint64_t position = join(frame->esi, frame->edi);
    struct transfer transfer;
    long done = transfer_begin(&transfer, (int)frame->ebx, reads, &position);

    if (done != 0)
        return done;
    done = move_bytes(transfer.file, transfer.move, frame->ecx, frame->edx, &position, false);
    transfer_end(&transfer);
    return done;
}

SYSCALL(pread64)
{
    return move_at(frame, true);
}

SYSCALL(pwrite64)
{
    return move_at(frame, false);
}

/* ---- vectors ---- */

/* Each piece in turn until one is not done whole. A read that has something does not wait for more.
 * Bytes, or -errno when there are none. */
static long
move_pieces(const struct transfer *transfer, const struct iovec *pieces, uint32_t count)
{
    long total = 0;

    for (uint32_t i = 0; i < count; i++) {
        long done;

        if (pieces[i].size == 0)
            continue;
        done = move_bytes(transfer->file, transfer->move, pieces[i].base, pieces[i].size,
                          transfer->position, transfer->reads && total > 0);
        if (done < 0)
            return total > 0 ? total : done;
        total += done;
        if ((uint32_t)done < pieces[i].size)
            break;
        task_breathe();
    }
    return total;
}

/* The same with nobody else's bytes in between. */
static long
move_locked_pieces(const struct transfer *transfer, const struct iovec *pieces, uint32_t count)
{
    struct transfer locked = *transfer;
    long done;

    locked.move = transfer->reads ? regular_locked_ops.read : regular_locked_ops.write;
    regular_lock(transfer->file, transfer->reads);
    done = move_pieces(&locked, pieces, count);
    regular_unlock(transfer->file, transfer->reads);
    return done;
}

/* The bytes of all pieces to `bytes`, which has room. 0 or -EFAULT. */
static int
gather(char *bytes, const struct iovec *pieces, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (copy_from_user(bytes, (const void *)pieces[i].base, pieces[i].size) != 0)
            return -EFAULT;
        bytes += pieces[i].size;
    }
    return 0;
}

/* One write of all the pieces, `size` bytes. */
static long
write_gathered(const struct transfer *transfer, const struct iovec *pieces, uint32_t count,
               size_t size)
{
    char *bytes = kmalloc(size);
    struct buffer buffer = {bytes, size, true, false};
    long done;

    if (bytes == NULL)
        return -ENOMEM;
    done = gather(bytes, pieces, count);
    if (done == 0)
        done = transfer->move(transfer->file, &buffer, transfer->position);
    kfree(bytes);
    return done;
}

/* The bytes of a write that must stay in one piece although it comes in several; 0: it may be done
 * one by one. */
static size_t
size_in_one(const struct transfer *transfer, const struct iovec *pieces, uint32_t count)
{
    size_t size = 0;
    uint32_t some = 0;

    if (transfer->reads || !transfer->file->ops->stream || transfer->move == NULL)
        return 0;
    for (uint32_t i = 0; i < count && size <= PIPE_BUF; i++) {
        some += pieces[i].size > 0;
        size += pieces[i].size;
    }
    return some > 1 && size <= PIPE_BUF ? size : 0;
}

/* Are the pieces the program's, and their sum a count? Cuts them to TRANSFER_MAX together. */
static int
check_pieces(struct iovec *pieces, uint32_t count)
{
    uint32_t left = TRANSFER_MAX;

    for (uint32_t i = 0; i < count; i++) {
        if ((int32_t)pieces[i].size < 0)
            return -EINVAL;
        if (!user_range_ok(pieces[i].base, pieces[i].size))
            return -EFAULT;
        if (pieces[i].size > left)
            pieces[i].size = left;
        left -= pieces[i].size;
    }
    return 0;
}

static long
copy_and_move(const struct transfer *transfer, const void *from, struct iovec *pieces,
              uint32_t count)
{
    size_t size;
    long done;

    if (copy_from_user(pieces, from, count * sizeof(*pieces)) != 0)
        return -EFAULT;
    done = check_pieces(pieces, count);
    if (done != 0)
        return done;
    size = size_in_one(transfer, pieces, count);
    if (size != 0)
        return write_gathered(transfer, pieces, count, size);
    if (transfer->file->ops == &regular_ops)
        return move_locked_pieces(transfer, pieces, count);
    return move_pieces(transfer, pieces, count);
}

static long
move_vector(const struct transfer *transfer, const void *from, uint32_t count)
{
    struct iovec few[IOVECS_FEW], *pieces = few;
    long done;

    if (count > IOV_MAX)
        return -EINVAL;
    if (count > IOVECS_FEW)
        pieces = kmalloc(count * sizeof(*pieces));
    if (pieces == NULL)
        return -ENOMEM;
    done = copy_and_move(transfer, from, pieces, count);
    if (pieces != few)
        kfree(pieces);
    return done;
}

static long
vector_call(const struct trap_frame *frame, bool reads, uint64_t *position)
{
    struct transfer transfer;
    long done = transfer_begin(&transfer, (int)frame->ebx, reads, position);

    if (done != 0)
        return done;
    done = move_vector(&transfer, (const void *)frame->ecx, frame->edx);
    transfer_end(&transfer);
    return done;
}

SYSCALL(readv)
{
    return vector_call(frame, true, NULL);
}

SYSCALL(writev)
{
    return vector_call(frame, false, NULL);
}

SYSCALL(preadv)
{
    uint64_t position = join(frame->esi, frame->edi);

    return vector_call(frame, true, &position);
}

SYSCALL(pwritev)
{
    uint64_t position = join(frame->esi, frame->edi);

    return vector_call(frame, false, &position);
}

/* ---- from file to file ---- */

/* One piece by way of `page`. Bytes written, 0 at the end, or -errno. */
static long
send_piece(struct file *to, struct file *from, uint64_t *position, char *page, size_t size)
{
    uint64_t start = *position;
    struct buffer in = {page, size, true, false}, out = {page, 0, true, false};
    long got = from->ops->read(from, &in, position);
    long done;

    if (got <= 0)
        return got;
    out.size = (size_t)got;
    done = to->ops->write(to, &out, &to->position);
    *position = start + (uint64_t)(done > 0 ? done : 0);
    return done;
}

static long
send_pieces(struct file *to, struct file *from, uint64_t *position, char *page, size_t size)
{
    size_t total = 0;

    while (total < size) {
        size_t piece = size - total < PAGE_SIZE ? size - total : PAGE_SIZE;
        long done = send_piece(to, from, position, page, piece);

        if (done < 0)
            return total > 0 ? (long)total : done;
        total += (size_t)done;
        if ((size_t)done < piece || task_signalled(task_current()))
            break;
        task_breathe();
    }
    return (long)total;
}

/* Streams have no position, and may wait for ever for somebody who reads. */
static long
send_in_turn(struct file *to, struct file *from, uint64_t *position, char *page, size_t size)
{
    long done;

    if (!to->ops->stream)
        mutex_lock(&to->turn);
    done = send_pieces(to, from, position, page, size);
    if (!to->ops->stream)
        mutex_unlock(&to->turn);
    return done;
}

/* From the position of `from`, which others may use meanwhile: its turn is not kept while `to` has
 * no room. Who ends last says where it goes on, as on Linux. */
static long
send_next(struct file *to, struct file *from, char *page, size_t size)
{
    uint64_t position;
    long done;

    mutex_lock(&from->turn);
    position = from->position;
    mutex_unlock(&from->turn);
    done = send_in_turn(to, from, &position, page, size);
    if (done <= 0)
        return done;
    mutex_lock(&from->turn);
    from->position = position;
    mutex_unlock(&from->turn);
    return done;
}

static long
send_held(struct file *to, struct file *from, uint64_t *position, size_t size)
{
    char *page;
    long done;

    if (!(to->access & FILE_WRITE) || !(from->access & FILE_READ))
        return -EBADF;
    if (to->ops->write == NULL || file_object(from) == NULL || (to->flags & O_APPEND))
        return -EINVAL;
    page = kmalloc(PAGE_SIZE);
    if (page == NULL)
        return -ENOMEM;
    if (size > TRANSFER_MAX)
        size = TRANSFER_MAX;
    done = position != NULL ? send_in_turn(to, from, position, page, size)
                            : send_next(to, from, page, size);
    kfree(page);
    return done;
}

static long
send_file(const struct trap_frame *frame, uint64_t *position)
{
    struct file *to = file_hold((int)frame->ebx), *from = file_hold((int)frame->ecx);
    long done = -EBADF;

    if (to != NULL && from != NULL)
        done = send_held(to, from, position, frame->esi);
    if (to != NULL)
        file_put(to);
    if (from != NULL)
        file_put(from);
    return done;
}

/* `width` bytes of position are at `user`, unless that is NULL. */
static long
send_at(const struct trap_frame *frame, size_t width)
{
    void *user = (void *)frame->edx;
    uint64_t position = 0;
    long done;

    if (user == NULL)
        return send_file(frame, NULL);
    if (copy_from_user(&position, user, width) != 0)
        return -EFAULT;
    if ((int64_t)position < 0 || (width == sizeof(uint32_t) && (int32_t)position < 0))
        return -EINVAL;
    done = send_file(frame, &position);
    if (copy_to_user(user, &position, width) != 0)
        return -EFAULT;
    return done;
}

SYSCALL(sendfile)
{
    return send_at(frame, sizeof(uint32_t));
}

SYSCALL(sendfile64)
{
    return send_at(frame, sizeof(uint64_t));
}
