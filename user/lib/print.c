/* print.c - text out. Standard output goes through one buffer; messages go out at once, behind
 * what the buffer holds, so that both appear in the order in which they were said. */
#include "runtime.h"

static char waiting[1024];
static size_t waiting_size;
static long output_error; /* the first one since print_check */

/* 0 or -errno. */
static long
write_all(int fd, const char *bytes, size_t size)
{
    while (size) {
        long done = write(fd, bytes, size);

        if (done == -EINTR)
            continue;
        if (done <= 0)
            return done;
        bytes += done;
        size -= (size_t)done;
    }
    return 0;
}

static void
write_output(const char *bytes, size_t size)
{
    long error = write_all(1, bytes, size);

    if (!output_error)
        output_error = error;
}

void
print_flush(void)
{
    write_output(waiting, waiting_size);
    waiting_size = 0;
}

bool
print_check(void)
{
    long error;

    print_flush();
    error = output_error;
    output_error = 0;
    if (error)
        complain("cannot write: %s", error_text(error));
    return error == 0;
}

void
print_bytes(const void *bytes, size_t size)
{
    if (size > sizeof(waiting) - waiting_size)
        print_flush();
    if (size > sizeof(waiting)) {
        write_output(bytes, size);
        return;
    }
    memcpy(waiting + waiting_size, bytes, size);
    waiting_size += size;
}

static void
put_output(void *arg, const char *text, size_t size)
{
    (void)arg;
    print_bytes(text, size);
}

void
print(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    format_to(put_output, NULL, format, args);
    va_end(args);
}

static void
print_error_list(const char *prefix, const char *format, va_list args, const char *suffix)
{
    char text[256];
    int used = format_text(text, sizeof(text), "%s%s", prefix, *prefix ? ": " : "");
    size_t start = (size_t)used < sizeof(text) ? (size_t)used : sizeof(text) - 1;

    format_text_v(text + start, sizeof(text) - start - 1, format, args);
    start = strlen(text);
    memcpy(text + start, suffix, strlen(suffix) + 1);
    print_flush();
    write_all(2, text, strlen(text));
}

void
print_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_error_list("", format, args, "");
    va_end(args);
}

void
complain(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_error_list(program_name, format, args, "\n");
    va_end(args);
}

_Noreturn void
die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print_error_list(program_name, format, args, "\n");
    va_end(args);
    exit(1);
}
