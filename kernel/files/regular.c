/* regular.c - reading and writing regular files, through the page cache.
 *
 *   read:  object page (brought in if need be) ──► the program's memory
 *   write: the program's memory ──► object page; the object grows first
 *
 * The same pages are mapped by mmap, so a shared mapping and read and write always agree. A page is
 * held while it is copied from or to: the copy itself may fault, and so may take pages of the cache
 * away, but not this one. A page of high memory is seen through a window, which is closed while the
 * program's page comes. Between pieces long calls let others run.
 *
 * Lock: a lock a file, which reads share and a write, or a new size, has alone: nobody reads what
 * is being written, and nobody sees a file larger than its bytes. Faults of mappings do not take
 * it.
 *
 * A piece that reaches beyond the end makes the file larger first, and cuts it back when less was
 * written. Bytes that were never written have no page and read as zeros.
 */
#include "file.h"
#include "node_private.h"
#include "pmm.h"
#include "signal.h"
#include "uapi/resource.h"

/* The largest file, as Linux has it on i386; and for who does not know of large ones. */
#define FILE_SIZE_MAX  0x7FFFFFFFFFFull
#define SMALL_SIZE_MAX 0x7FFFFFFFull

/* Others may run after this many pieces. */
#define PIECES_A_BREATH 64

/* The part of a transfer that lies in one page. */
struct piece {
    uint32_t index;
    size_t offset, size;
};

static struct piece
next_piece(uint64_t position, size_t size)
{
    struct piece piece = {(uint32_t)(position >> PAGE_SHIFT), (size_t)position & PAGE_MASK, size};

    if (piece.size > PAGE_SIZE - piece.offset)
        piece.size = PAGE_SIZE - piece.offset;
    return piece;
}

static void
breathe(unsigned *pieces)
{
    if (++*pieces % PIECES_A_BREATH == 0)
        task_breathe();
}

/* Copies bytes of a page, to who asked or from there, up to the first that is no good. How many. */
static inline __attribute__((always_inline)) size_t
copy_once(struct buffer *buffer, pfn_t page, size_t offset, size_t size, bool reads)
{
    char *bytes = frame_map(page);
    size_t done = reads ? buffer_put_some(buffer, bytes + offset, size)
                        : buffer_get_some(buffer, bytes + offset, size);

    frame_unmap(page, bytes);
    return done;
}

/* The same behind the first, whose page of the program's comes now. */
static __attribute__((noinline)) size_t
copy_rest(struct buffer *buffer, pfn_t page, size_t offset, size_t size, bool reads)
{
    size_t done = 0;

    while (done < size && user_bring(buffer->at, reads))
        done += copy_once(buffer, page, offset + done, size - done, reads);
    return done;
}

static inline __attribute__((always_inline)) size_t
copy_piece(struct buffer *buffer, pfn_t page, struct piece piece, bool reads)
{
    size_t done = copy_once(buffer, page, piece.offset, piece.size, reads);

    if (UNLIKELY(done < piece.size))
        done += copy_rest(buffer, page, piece.offset + done, piece.size - done, reads);
    return done;
}

/* ---- reading ---- */

/* The page with one more holder, or frame 0: it was never written. 0 or -errno. */
static inline int
page_to_read(struct object *object, uint32_t index, pfn_t *page)
{
    if (object->ops->fill != NULL)
        return object_page(object, index, page);
    *page = object_look(object, index);
    return 0;
}

/* Bytes copied, or -errno when none. */
static long
read_piece(struct object *object, struct buffer *to, struct piece piece)
{
    pfn_t page;
    size_t done;
    int error = page_to_read(object, piece.index, &page);

    if (error != 0)
        return error;
    if (page.n == 0) {
        done = buffer_zero_some(to, piece.size);
        return done > 0 ? (long)done : -EFAULT;
    }
    done = copy_piece(to, page, piece, true);
    page_put(page);
    return done > 0 ? (long)done : -EFAULT;
}

static long
read_pieces(struct object *object, struct buffer *to, uint64_t *position)
{
    size_t total = 0, left = to->size;
    unsigned pieces = 0;

    while (left > 0 && *position < object->size) {
        struct piece piece = next_piece(*position, left);
        long done;

        if (piece.size > object->size - *position)
            piece.size = (size_t)(object->size - *position);
        done = read_piece(object, to, piece);
        if (done < 0)
            return total > 0 ? (long)total : done;
        total += (size_t)done;
        left -= (size_t)done;
        *position += (size_t)done;
        if ((size_t)done < piece.size)
            break;
        breathe(&pieces);
    }
    return (long)total;
}

static long
read_locked(struct file *file, struct buffer *to, uint64_t *position)
{
    return read_pieces(file->node->object, to, position);
}

static long
regular_read(struct file *file, struct buffer *to, uint64_t *position)
{
    struct rw_mutex *lock = node_bytes_lock(file->node);
    long done;

    rw_lock_shared(lock);
    done = read_locked(file, to, position);
    rw_unlock_shared(lock);
    return done;
}

/* ---- writing ---- */

unsigned long
file_space_pages(void)
{
    return pmm_managed_frames() / 2;
}

unsigned long
file_space_free(void)
{
    unsigned long used = object_counted_pages();

    return used < file_space_pages() ? file_space_pages() - used : 0;
}

/* Into one page, which the object reaches over. */
static long
fill_piece(struct object *object, struct buffer *from, struct piece piece)
{
    pfn_t page;
    size_t done;
    int error = object_page(object, piece.index, &page);

    if (error != 0)
        return error;
    done = copy_piece(from, page, piece, false);
    page_put(page);
    return done > 0 ? (long)done : -EFAULT;
}

/* Bytes copied, or -errno when none. */
static long
write_piece(struct object *object, struct buffer *from, uint64_t position, struct piece piece)
{
    uint64_t old_size = object->size;
    bool grows = position + piece.size > old_size;
    long done;

    if (grows)
        object_set_size(object, position + piece.size);
    done = fill_piece(object, from, piece);
    if (grows && done < (long)piece.size) {
        if (done > 0 && position + (size_t)done > old_size)
            old_size = position + (size_t)done;
        object_set_size(object, old_size);
    }
    return done;
}

/* How much of a write at `position` may be done: the file's largest size, `end`, and the process's
 * limit cut it short. -EFBIG when nothing is left. */
static long
allowed_size(uint64_t position, size_t size, uint64_t end)
{
    uint32_t limit = task_current()->process->limits[RLIMIT_FSIZE].soft;

    if (limit != RLIM_INFINITY && limit < end) {
        end = limit;
        if (position >= end)
            signal_process(task_current()->process, SIGXFSZ);
    }
    if (position >= end)
        return -EFBIG;
    return size > end - position ? (long)(end - position) : (long)size;
}

/* Others that append while this one lets them run do not lose what they wrote. */
static long
write_pieces(const struct file *file, struct buffer *from, uint64_t *position, size_t size)
{
    struct object *object = file->node->object;
    size_t total = 0;
    unsigned pieces = 0;

    while (total < size) {
        struct piece piece;
        long done;

        if (file->flags & O_APPEND)
            *position = object->size;
        piece = next_piece(*position, size - total);
        done = write_piece(object, from, *position, piece);
        if (done < 0)
            return total > 0 ? (long)total : done;
        total += (size_t)done;
        *position += (size_t)done;
        if ((size_t)done < piece.size)
            break;
        breathe(&pieces);
    }
    return (long)total;
}

static long
write_locked(struct file *file, struct buffer *from, uint64_t *position)
{
    struct object *object = file->node->object;
    long size, done;

    if (file->flags & O_APPEND)
        *position = object->size;
    if (from->size == 0)
        return 0;
    size = allowed_size(*position, from->size,
                        file->flags & O_LARGEFILE ? FILE_SIZE_MAX : SMALL_SIZE_MAX);
    if (size < 0)
        return size;
    done = write_pieces(file, from, position, (size_t)size);
    if (done > 0)
        node_touch(file->node);
    return done;
}

static long
regular_write(struct file *file, struct buffer *from, uint64_t *position)
{
    struct rw_mutex *lock = node_bytes_lock(file->node);
    long done;

    rw_lock(lock);
    done = write_locked(file, from, position);
    rw_unlock(lock);
    return done;
}

const struct file_ops regular_ops = {.read = regular_read, .write = regular_write};

/* ---- several moves in one ---- */

const struct file_ops regular_locked_ops = {.read = read_locked, .write = write_locked};

void
regular_lock(struct file *file, bool reads)
{
    if (reads)
        rw_lock_shared(node_bytes_lock(file->node));
    else
        rw_lock(node_bytes_lock(file->node));
}

void
regular_unlock(struct file *file, bool reads)
{
    if (reads)
        rw_unlock_shared(node_bytes_lock(file->node));
    else
        rw_unlock(node_bytes_lock(file->node));
}

/* ---- sizes ---- */

static int
set_size_locked(struct node *node, uint64_t size)
{
    if (size > node->object->size) {
        long allowed = size <= FILE_SIZE_MAX ? allowed_size(size - 1, 1, size) : -EFBIG;

        if (allowed < 0)
            return (int)allowed;
    }
    object_set_size(node->object, size);
    node_touch(node);
    return 0;
}

int
node_set_size(struct node *node, uint64_t size)
{
    int error;

    rw_lock(node_bytes_lock(node));
    error = set_size_locked(node, size);
    rw_unlock(node_bytes_lock(node));
    return error;
}

int
node_grow(struct node *node, uint64_t size)
{
    int error = 0;

    rw_lock(node_bytes_lock(node));
    if (size > node->object->size)
        error = set_size_locked(node, size);
    rw_unlock(node_bytes_lock(node));
    return error;
}

/* ---- for the kernel and for mmap ---- */

struct object *
file_object(const struct file *file)
{
    return S_ISREG(file->node->mode) ? file->node->object : NULL;
}

uint64_t
file_size(const struct file *file)
{
    const struct object *object = file_object(file);

    return object != NULL ? object->size : 0;
}

long
file_read(struct file *file, void *to, size_t size, uint64_t position)
{
    struct buffer buffer = {to, size, true, false};

    if (!(file->access & FILE_READ) || file->ops->read == NULL)
        return -EINVAL;
    return file->ops->read(file, &buffer, &position);
}

/* What is said of a file whose name is gone. */
static const char deleted[] = " (deleted)";
_Static_assert(OBJECT_NAME_ROOM > sizeof(deleted), "there is room for a name before that");

const char *
file_object_name_to(const struct object *object, char text[OBJECT_NAME_ROOM])
{
    const size_t room = OBJECT_NAME_ROOM - sizeof(deleted) + 1;
    const struct node *node = node_of_object(object);
    bool gone;
    char *name;

    if (node == NULL)
        return "";
    name = node_path(node, text, room, &gone);
    if (name == NULL) {
        node_name(node, text, OBJECT_NAME_ROOM);
        return text;
    }
    if (gone)
        memcpy(text + room - 1, deleted, sizeof(deleted));
    return name;
}

const char *
file_object_name(const struct object *object)
{
    static char text[OBJECT_NAME_ROOM];

    return file_object_name_to(object, text);
}
