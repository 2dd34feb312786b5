/* printer.c - klog_v: one text to every console and into the log.
 *
 * A message is formatted piece by piece into a small buffer, so that no length is too long and no
 * memory is needed; the console lock keeps the pieces of one message together. The last LOG_BYTES
 * of all messages stay readable in a ring: log_end counts every byte ever logged, and the byte at
 * count n is log_ring[n % LOG_BYTES].
 */
#include "platform.h"
#include "printer.h"
#include "console.h"
#include "format.h"

#define LOG_BYTES   16384u
#define PIECE_BYTES 128u

_Static_assert((LOG_BYTES & (LOG_BYTES - 1)) == 0, "indexes wrap by masking");

/* Guarded by the console lock. */
static char log_ring[LOG_BYTES];
static size_t log_end;

struct piece {
    char text[PIECE_BYTES];
    size_t used;
    bool logged;
};

static void
log_append(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        log_ring[log_end++ & (LOG_BYTES - 1)] = text[i];
}

static void
piece_flush(struct piece *piece)
{
    console_write(piece->text, piece->used);
    if (piece->logged)
        log_append(piece->text, piece->used);
    piece->used = 0;
}

static void
piece_put(void *arg, const char *text, size_t size)
{
    struct piece *piece = arg;

    for (size_t i = 0; i < size; i++) {
        piece->text[piece->used++] = text[i];
        if (piece->used == PIECE_BYTES)
            piece_flush(piece);
    }
}

static void
print_message(bool logged, const char *format, va_list args)
{
    struct piece piece = {.used = 0, .logged = logged};
    unsigned long state = console_lock();

    format_to(piece_put, &piece, format, args);
    piece_flush(&piece);
    console_unlock(state);
}

void
klog_v(const char *format, va_list args)
{
    print_message(true, format, args);
}

static void
console_vprint(struct printer *self, const char *format, va_list args)
{
    (void)self;
    print_message(false, format, args);
}

struct printer console_printer = {console_vprint};

/* The oldest line is left out when the ring has lost its beginning. */
void
log_print(struct printer *out)
{
    size_t end = log_end;
    size_t at = end > LOG_BYTES ? end - LOG_BYTES : 0;

    if (at) {
        while (at < end && log_ring[at & (LOG_BYTES - 1)] != '\n')
            at++;
        at++;
    }
    for (; at < end; at++)
        print(out, "%c", log_ring[at & (LOG_BYTES - 1)]);
}

size_t
log_read(size_t *from, char *text, size_t size)
{
    size_t end = log_end, done = 0;

    if (end - *from > LOG_BYTES)
        *from = end - LOG_BYTES;
    for (; done < size && *from + done != end; done++)
        text[done] = log_ring[(*from + done) & (LOG_BYTES - 1)];
    return done;
}
