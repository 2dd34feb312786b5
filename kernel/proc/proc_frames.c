/* proc_frames.c - /proc/octavo/frames and blocks (uapi/frames.h): all memory, to be looked at.
 *
 * Both are made when they are read, and cost as much as is read of them.
 */
#include "census.h"
#include "proc.h"

#define PIECE 512u /* bytes made at a time */

/* Describes memory from byte `at` of the file on; returns the number of bytes, 0 behind the end. */
typedef size_t (*describer)(uint32_t at, void *to, size_t size);

static size_t
describe_frames(uint32_t at, void *to, size_t size)
{
    return census_frames(pfn(at), to, size);
}

static size_t
describe_blocks(uint32_t at, void *to, size_t size)
{
    const size_t one = sizeof(struct block_summary);

    return census_blocks(at / one, to, size / one) * one;
}

static long
read_described(struct buffer *to, uint64_t *position, describer describe)
{
    uint8_t piece[PIECE] __attribute__((aligned(8)));
    size_t done = 0;

    while (to->size > 0 && *position <= UINT32_MAX) {
        size_t size = describe((uint32_t)*position, piece, to->size < PIECE ? to->size : PIECE);

        if (size == 0)
            break;
        if (buffer_put(to, piece, size) != 0)
            return done > 0 ? (long)done : -EFAULT;
        *position += size;
        done += size;
        task_breathe();
    }
    return (long)done;
}

static long
read_frames(struct file *file, struct buffer *to, uint64_t *position)
{
    (void)file;
    return read_described(to, position, describe_frames);
}

static long
read_blocks(struct file *file, struct buffer *to, uint64_t *position)
{
    (void)file;
    if (*position % sizeof(struct block_summary) != 0)
        return -EINVAL;
    return read_described(to, position, describe_blocks);
}

static const struct file_ops frames_ops = {.read = read_frames};
static const struct file_ops blocks_ops = {.read = read_blocks};

void
proc_frames_init(void)
{
    tree_add_dynamic("/proc/octavo/frames", S_IFREG | 0444, &frames_ops, NULL, 0);
    tree_add_dynamic("/proc/octavo/blocks", S_IFREG | 0444, &blocks_ops, NULL, 0);
}
