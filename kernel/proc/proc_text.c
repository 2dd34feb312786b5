/* proc_text.c - files whose text is made when they are read.
 *
 *   read at position 0 ──► make prints ──► text in memory ──► this read and the next ones
 *                                           │
 *                                           └── freed at close, made anew by a read at 0
 */
#include "format.h"
#include "kmalloc.h"
#include "proc.h"

#define FIRST_ROOM 256u
#define ROOM_SPARE 256u

/* ---- text ---- */

static bool
make_room(struct proc_text *text, size_t size)
{
    size_t room = text->room == 0 ? FIRST_ROOM : text->room;
    char *bytes;

    while (room - text->size < size)
        room *= 2;
    if (room == text->room)
        return true;
    bytes = krealloc(text->bytes, room);
    if (bytes == NULL)
        return false;
    text->bytes = bytes;
    text->room = room;
    return true;
}

void
proc_text_add(struct proc_text *text, const void *bytes, size_t size)
{
    if (text->counts)
        text->size += size;
    if (size == 0 || text->failed || text->counts)
        return;
    if (!make_room(text, size)) {
        text->failed = true;
        return;
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

static void
put(void *arg, const char *bytes, size_t size)
{
    proc_text_add(arg, bytes, size);
}

static void
vprint(struct printer *self, const char *format, va_list args)
{
    format_to(put, self, format, args);
}

_Static_assert(offsetof(struct proc_text, printer) == 0, "vprint finds the text by its printer");

static void
forget(struct file *file)
{
    struct proc_text *text = file->state;

    if (text == NULL)
        return;
    kfree(text->bytes);
    kfree(text);
    file->state = NULL;
}

typedef int maker(const struct node *node, struct proc_text *text);

/* Has the text made once for its size, and makes room for that and for what the room itself may
 * change in it. */
static int
make_all_room(struct file *file, maker *make, struct proc_text *text)
{
    size_t size;
    int error;

    text->counts = true;
    error = make(file->node, text);
    text->counts = false;
    size = text->size + ROOM_SPARE;
    text->size = 0;
    if (error == 0 && !make_room(text, size))
        error = -ENOMEM;
    return error;
}

/* One text is made at a time: what prints may have a buffer of its own (file_object_name). */
static struct mutex proc_mutex STATIC_MUTEX = MUTEX_INIT;

static int
make_text(struct file *file, maker *make, bool whole)
{
    struct proc_text *text = kzalloc(sizeof(*text));
    int error = 0;

    forget(file);
    if (text == NULL)
        return -ENOMEM;
    text->printer.vprint = vprint;
    file->state = text;
    mutex_lock(&proc_mutex);
    if (whole)
        error = make_all_room(file, make, text);
    if (error == 0)
        error = make(file->node, text);
    mutex_unlock(&proc_mutex);
    if (error == 0 && text->failed)
        error = -ENOMEM;
    if (error != 0)
        forget(file);
    return error;
}

/* ---- operations of files ---- */

static long
read_text(struct file *file, struct buffer *to, uint64_t *position, maker *make, bool whole)
{
    const struct proc_text *text;
    size_t size;

    if (file->state == NULL || *position == 0) {
        int error = make_text(file, make, whole);

        if (error != 0)
            return error;
    }
    text = file->state;
    if (*position >= text->size)
        return 0;
    size = text->size - (size_t)*position;
    if (size > to->size)
        size = to->size;
    if (buffer_put(to, text->bytes + (size_t)*position, size) != 0)
        return -EFAULT;
    *position += size;
    return (long)size;
}

long
proc_read(struct file *file, struct buffer *to, uint64_t *position, maker *make)
{
    return read_text(file, to, position, make, false);
}

long
proc_read_whole(struct file *file, struct buffer *to, uint64_t *position, maker *make)
{
    return read_text(file, to, position, make, true);
}

void
proc_close(struct file *file)
{
    forget(file);
}

int
proc_take_line(struct buffer *from, char *line, size_t size)
{
    size_t length = from->size;

    if (length >= size)
        return -EINVAL;
    if (buffer_get(from, line, length) != 0)
        return -EFAULT;
    if (length > 0 && line[length - 1] == '\n')
        length--;
    line[length] = '\0';
    return 0;
}
