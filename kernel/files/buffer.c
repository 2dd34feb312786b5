/* buffer.c - copying between the kernel and whoever asked, as far as it goes. */
#include "file.h"

static size_t
moved(struct buffer *buffer, size_t size)
{
    buffer->at += size;
    buffer->size -= size;
    return size;
}

size_t
buffer_put_some(struct buffer *buffer, const void *from, size_t size)
{
    if (UNLIKELY(buffer->kernel))
        memcpy(buffer->at, from, size);
    else
        size -= copy_to_user_partial(buffer->at, from, size);
    return moved(buffer, size);
}

size_t
buffer_get_some(struct buffer *buffer, void *to, size_t size)
{
    if (UNLIKELY(buffer->kernel))
        memcpy(to, buffer->at, size);
    else
        size -= copy_from_user_partial(to, buffer->at, size);
    return moved(buffer, size);
}

/* Page by page of the program's: the first that is no good ends it. */
size_t
buffer_zero_some(struct buffer *buffer, size_t size)
{
    size_t total = 0;

    while (total < size) {
        size_t piece = PAGE_SIZE - ((uintptr_t)buffer->at & PAGE_MASK);

        if (piece > size - total)
            piece = size - total;
        if (buffer->kernel)
            memset(buffer->at, 0, piece);
        else if (clear_user(buffer->at, piece) != 0)
            break;
        total += moved(buffer, piece);
    }
    return total;
}
