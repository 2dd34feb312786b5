/* devices.c - devices that are nothing but an idea: mem(4), null(4), full(4), random(4), kmsg.
 *
 *   node     reading gives        writing
 *   null     nothing: the end     takes all
 *   zero     zeros                takes all
 *   full     zeros                -ENOSPC: no room
 *   random   random bytes         takes all
 *   urandom  the same             takes all
 *   kmsg     the kernel's log     a line of the log
 */
#include <string.h>
#include "console.h"
#include "files_private.h"
#include "random.h"

/* How much of a long read is done before others may run. */
#define STRETCH (16 * PAGE_SIZE)

/* The longest line that a program may put into the log. */
#define LOG_LINE 256u

/* ---- null, zero, full ---- */

static long
read_nothing(struct file *file, struct buffer *to, uint64_t *position)
{
    (void)file, (void)to, (void)position;
    return 0;
}

static long
write_all(struct file *file, struct buffer *from, uint64_t *position)
{
    (void)file, (void)position;
    return (long)from->size;
}

static long
write_full(struct file *file, struct buffer *from, uint64_t *position)
{
    (void)file, (void)position;
    return from->size > 0 ? -ENOSPC : 0;
}

/* Fills the buffer by stretches, until a signal comes. Bytes done, or -EFAULT when there are none.
 */
static long
read_made(struct buffer *to, size_t (*make)(struct buffer *to, size_t size), size_t stretch)
{
    size_t size = to->size, total = 0;

    while (total < size) {
        size_t piece = size - total < stretch ? size - total : stretch;
        size_t done = make(to, piece);

        total += done;
        if (done < piece || task_signalled(task_current()))
            break;
        task_breathe();
    }
    return total > 0 || size == 0 ? (long)total : -EFAULT;
}

static long
read_zeros(struct file *file, struct buffer *to, uint64_t *position)
{
    (void)file, (void)position;
    return read_made(to, buffer_zero_some, STRETCH);
}

/* ---- random ---- */

static size_t
random_some(struct buffer *to, size_t size)
{
    uint8_t bytes[256];

    random_bytes(bytes, size);
    return buffer_put_some(to, bytes, size);
}

static long
read_random(struct file *file, struct buffer *to, uint64_t *position)
{
    (void)file, (void)position;
    return read_made(to, random_some, 256);
}

/* ---- kmsg ---- */

/* The position counts every byte ever logged; what the ring has lost is skipped. */
static long
read_log(struct file *file, struct buffer *to, uint64_t *position)
{
    char text[128];
    size_t total = 0;

    (void)file;
    while (to->size > 0) {
        size_t at = (size_t)*position;
        size_t size = log_read(&at, text, to->size < sizeof(text) ? to->size : sizeof(text));

        if (size == 0)
            break;
        if (buffer_put(to, text, size) != 0)
            return total > 0 ? (long)total : -EFAULT;
        total += size;
        *position = at + size;
    }
    return (long)total;
}

static long
write_log(struct file *file, struct buffer *from, uint64_t *position)
{
    char text[LOG_LINE];
    size_t size = from->size;

    (void)file, (void)position;
    if (size > LOG_LINE - 1)
        return -EINVAL;
    if (buffer_get(from, text, size) != 0)
        return -EFAULT;
    text[size] = '\0';
    klog("%s%s", text, size > 0 && text[size - 1] == '\n' ? "" : "\n");
    return (long)size;
}

/* ---- which is which ---- */

static const struct file_ops null_ops = {.read = read_nothing, .write = write_all};
static const struct file_ops zero_ops = {.read = read_zeros, .write = write_all};
static const struct file_ops full_ops = {.read = read_zeros, .write = write_full};
static const struct file_ops random_ops = {.read = read_random, .write = write_all};
static const struct file_ops log_ops = {.read = read_log, .write = write_log};

/* Major 1: memory devices. */
static const struct {
    const char *path;
    const struct file_ops *ops;
    unsigned number;
} devices[] = {
    {"/dev/null", &null_ops, 3},     {"/dev/zero", &zero_ops, 5},      {"/dev/full", &full_ops, 7},
    {"/dev/random", &random_ops, 8}, {"/dev/urandom", &random_ops, 9}, {"/dev/kmsg", &log_ops, 11},
};

void
devices_init(void)
{
    for (size_t i = 0; i < ARRAY_LENGTH(devices); i++)
        tree_add_device(devices[i].path, devices[i].ops, 1, devices[i].number);
}

int
file_mapping(const struct file *file, unsigned prot, unsigned flags, struct object **object,
             bool *may_write)
{
    bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;

    if (!(file->access & FILE_READ))
        return -EACCES;
    if (shared && (prot & PROT_WRITE) && !(file->access & FILE_WRITE))
        return -EACCES;
    *object = file_object(file);
    *may_write = !shared || file->access & FILE_WRITE;
    return *object != NULL || file->ops == &zero_ops ? 0 : -ENODEV;
}
