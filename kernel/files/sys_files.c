/* sys_files.c - system calls that move bytes: read(2), write(2), readv(2), pread(2), sendfile(2).
 *
 * The short way of a call: the descriptor's file, is it open for that, does the range lie in the
 * program's half, and then the file's own read or write. The file is held meanwhile, for it may
 * sleep, and another thread may close the descriptor.
 *
 * A vector is moved piece by piece; but a short write to a pipe or a terminal is gathered first, as
 * others must not come between its pieces.
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
    struct file *file;
    mover move;
    uint64_t *position;
    bool reads;
};

static inline long
move_bytes(struct file *file, mover move, uint32_t at, uint32_t size, uint64_t *position)
{
    struct buffer buffer = {(char *)at, size, false};
    long done;

    if (UNLIKELY(!user_range_ok(at, size)))
        return -EFAULT;
    if (UNLIKELY(size > TRANSFER_MAX))
        buffer.size = TRANSFER_MAX;
    if (UNLIKELY(move == NULL))
        return -EINVAL;
    file_get(file);
    done = move(file, &buffer, position);
    file_put(file);
    return done;
}

SYSCALL(read)
{
    struct file *file = file_of((int)frame->ebx);

    if (UNLIKELY(file == NULL || !(file->access & FILE_READ)))
        return -EBADF;
    return move_bytes(file, file->ops->read, frame->ecx, frame->edx, &file->position);
}

SYSCALL(write)
{
    struct file *file = file_of((int)frame->ebx);

    if (UNLIKELY(file == NULL || !(file->access & FILE_WRITE)))
        return -EBADF;
    return move_bytes(file, file->ops->write, frame->ecx, frame->edx, &file->position);
}

/* ---- at a position of the call's own ---- */

static uint64_t
join(uint32_t low, uint32_t high)
{
    return (uint64_t)high << 32 | low;
}

/* The file to move bytes of, at *position or, when that is NULL, at its own. 0 or -errno. */
static int
transfer_init(struct transfer *transfer, int descriptor, bool reads, uint64_t *position)
{
    struct file *file = file_of(descriptor);

    if (position != NULL && (int64_t)*position < 0)
        return -EINVAL;
    if (file == NULL || !(file->access & (reads ? FILE_READ : FILE_WRITE)))
        return -EBADF;
    if (position != NULL && !file_has_position(file))
        return -ESPIPE;
    transfer->file = file;
    transfer->move = reads ? file->ops->read : file->ops->write;
    transfer->position = position != NULL ? position : &file->position;
    transfer->reads = reads;
    return 0;
}

static long
move_at(const struct trap_frame *frame, bool reads)
{
    uint64_t position = join(frame->esi, frame->edi);
    struct transfer transfer;
    int error = transfer_init(&transfer, (int)frame->ebx, reads, &position);

    if (error != 0)
        return error;
    return move_bytes(transfer.file, transfer.move, frame->ecx, frame->edx, &position);
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

/* Reading goes on to the next piece only when that needs no waiting. */
static bool
would_wait(const struct transfer *transfer)
{
    const struct file_ops *ops = transfer->file->ops;

    return transfer->reads && ops->poll != NULL && !(ops->poll(transfer->file) & POLL_IN);
}

/* Each piece in turn until one is not done whole. Bytes, or -errno when there are none. */
static long
move_pieces(const struct transfer *transfer, const struct iovec *pieces, uint32_t count)
{
    long total = 0;

    for (uint32_t i = 0; i < count; i++) {
        long done;

        if (pieces[i].size == 0)
            continue;
        if (total > 0 && would_wait(transfer))
            break;
        done = move_bytes(transfer->file, transfer->move, pieces[i].base, pieces[i].size,
                          transfer->position);
        if (done < 0)
            return total > 0 ? total : done;
        total += done;
        if ((uint32_t)done < pieces[i].size)
            break;
    }
    return total;
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
    struct buffer buffer = {bytes, size, true};
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
    file_get(transfer->file);
    if (size != 0)
        done = write_gathered(transfer, pieces, count, size);
    else
        done = move_pieces(transfer, pieces, count);
    file_put(transfer->file);
    return done;
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
    int error = transfer_init(&transfer, (int)frame->ebx, reads, position);

    return error != 0 ? error : move_vector(&transfer, (const void *)frame->ecx, frame->edx);
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
    struct buffer in = {page, size, true}, out = {page, 0, true};
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
    }
    return (long)total;
}

static long
send_file(struct file *to, struct file *from, uint64_t *position, size_t size)
{
    char *page;
    long done;

    if (to == NULL || from == NULL || !(to->access & FILE_WRITE) || !(from->access & FILE_READ))
        return -EBADF;
    if (to->ops->write == NULL || file_object(from) == NULL || (to->flags & O_APPEND))
        return -EINVAL;
    page = kmalloc(PAGE_SIZE);
    if (page == NULL)
        return -ENOMEM;
    file_get(to);
    file_get(from);
    done = send_pieces(to, from, position != NULL ? position : &from->position, page,
                       size < TRANSFER_MAX ? size : TRANSFER_MAX);
    file_put(from);
    file_put(to);
    kfree(page);
    return done;
}

/* `width` bytes of position are at `user`, unless that is NULL. */
static long
send_at(const struct trap_frame *frame, size_t width)
{
    struct file *to = file_of((int)frame->ebx), *from = file_of((int)frame->ecx);
    void *user = (void *)frame->edx;
    uint64_t position = 0;
    long done;

    if (user == NULL)
        return send_file(to, from, NULL, frame->esi);
    if (copy_from_user(&position, user, width) != 0)
        return -EFAULT;
    if ((int64_t)position < 0 || (width == sizeof(uint32_t) && (int32_t)position < 0))
        return -EINVAL;
    done = send_file(to, from, &position, frame->esi);
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
