/* discipline.h - the line discipline of a terminal: what its keys and its output mean. termios(3).
 *
 * Pure: it keeps bytes and flags and calls `put`, nothing else, so the host tests it. Whoever uses
 * it guards it: kernel/files/tty.c keeps interrupts off around each call.
 */
#ifndef OCTAVO_DISCIPLINE_H
#define OCTAVO_DISCIPLINE_H

#include "types.h"
#include "uapi/termios.h"

/* Bytes that were typed and not read yet; a power of two. */
#define DISCIPLINE_BYTES 2048u

struct discipline {
    struct termios termios;
    /* Where output and echo go. */
    void (*put)(struct discipline *self, const char *text, size_t size);

    /* Counts of bytes ever: read <= ready <= typed <= read + DISCIPLINE_BYTES. */
    uint32_t read;  /* a program has them */
    uint32_t ready; /* a program may have them: whole lines, or everything when not canonical */
    uint32_t typed;
    uint8_t ring[DISCIPLINE_BYTES];
    uint8_t ends[DISCIPLINE_BYTES / 8]; /* bit: the byte ends a line */

    unsigned column;      /* of the cursor, since the last newline or carriage return */
    unsigned line_column; /* of the cursor where the line that is typed began */
    bool literal;         /* the next key stands for itself (after ^V) */
    bool stopped;         /* output waits (^S) */
};

/* A terminal as programs expect to find it: canonical, echo, signals, newlines translated. */
void discipline_init(struct discipline *self,
                     void (*put)(struct discipline *self, const char *text, size_t size));

/* What a byte that was typed asks for beyond being kept. */
enum discipline_event {
    DISCIPLINE_NOTHING,
    DISCIPLINE_INTERRUPT, /* SIGINT, SIGQUIT, SIGTSTP to the foreground */
    DISCIPLINE_QUIT,
    DISCIPLINE_SUSPEND,
    DISCIPLINE_RESUME, /* output goes on */
};

/* Takes one byte that was typed. */
enum discipline_event discipline_type(struct discipline *self, uint8_t byte);

/* False when a byte typed now may be lost: better wait. Never false while a line is edited. */
bool discipline_has_room(const struct discipline *self);

/* True when a read would not wait: a line, an end of file, or at least `minimum` bytes (1 at
 * least) when not canonical. */
bool discipline_readable(const struct discipline *self, unsigned minimum);

/* Bytes that are ready, with the marks of ends of file; and without them. */
size_t discipline_count(const struct discipline *self);
size_t discipline_bytes(const struct discipline *self);

/* Moves at most `size` bytes out, in canonical mode at most to the end of the line. 0 is an end of
 * file when discipline_readable said yes. *more: the same read could go on if it had room. */
size_t discipline_read(struct discipline *self, char *to, size_t size, bool *more);

/* Output of a program through oflag. */
void discipline_write(struct discipline *self, const char *text, size_t size);

/* New settings; what was typed and not read stays. */
void discipline_set(struct discipline *self, const struct termios *termios);

/* Forgets what was typed. */
void discipline_flush(struct discipline *self);

#endif
