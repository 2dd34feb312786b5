/* heap.c - memory for our programs: sizes are powers of two, free ones wait in a list a size.
 *
 *     word before an object:  its size class k; the object has 2^k - 4 bytes
 *
 *     free[4]  ─► 16-byte blocks         taken from the end of the heap (brk) a page at a time,
 *     free[5]  ─► 32 ...                 never given back
 *     above free[CLASSES - 1]: a mapping of its own (mmap), unmapped when released; the word
 *                              before the object holds its size in pages << 8
 *
 * At most half of a block is wasted; allocate and release take a handful of instructions.
 */
#include "runtime.h"

enum { CLASS_MIN = 4, CLASS_MAX = 15 }; /* 16 bytes to 32 KiB */

struct block {
    uint32_t word;
    union {
        struct block *next; /* while free */
        char bytes[4];
    };
};
#define HEADER offsetof(struct block, bytes)

static struct block *free_blocks[CLASS_MAX + 1];
static uintptr_t fresh, fresh_end; /* what brk gave and is in no block yet */

static _Noreturn void
out_of_memory(void)
{
    die("out of memory");
}

/* Makes at least `size` fresh bytes. What was left of the last ones stays unused if they are not
 * next to each other. */
static void
extend(size_t size)
{
    uintptr_t end = brk(0), wanted;

    if (end != fresh_end)
        fresh = fresh_end = (end + 15) & ~(uintptr_t)15;
    wanted = (fresh + size + PAGE_MASK) & ~(uintptr_t)PAGE_MASK;
    if (brk(wanted) != wanted)
        out_of_memory();
    fresh_end = wanted;
}

static struct block *
cut_block(unsigned class)
{
    size_t size = (size_t)1 << class;
    struct block *block;

    if (fresh_end - fresh < size)
        extend(size);
    block = (struct block *)fresh;
    fresh += size;
    return block;
}

static void *
allocate_pages(size_t size)
{
    size_t pages = (size + PAGE_MASK) >> PAGE_SHIFT;
    struct block *block = mmap(NULL, pages << PAGE_SHIFT, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (mmap_failed(block))
        out_of_memory();
    block->word = pages << 8;
    return block->bytes;
}

void *
allocate(size_t size)
{
    unsigned class = CLASS_MIN;
    struct block *block;

    if (size > SIZE_MAX / 2)
        out_of_memory();
    size += HEADER;
    while (class <= CLASS_MAX && (size_t)1 << class < size)
        class++;
    if (class > CLASS_MAX)
        return allocate_pages(size);
    block = free_blocks[class];
    if (block)
        free_blocks[class] = block->next;
    else
        block = cut_block(class);
    block->word = class;
    return block->bytes;
}

static size_t
usable_size(const struct block *block)
{
    size_t size = block->word >> 8 ? block->word >> 8 << PAGE_SHIFT : (size_t)1 << block->word;

    return size - HEADER;
}

void
release(void *object)
{
    struct block *block;

    if (!object)
        return;
    block = (struct block *)((char *)object - HEADER);
    if (block->word >> 8) {
        munmap(block, block->word >> 8 << PAGE_SHIFT);
        return;
    }
    block->next = free_blocks[block->word];
    free_blocks[block->word] = block;
}

void *
reallocate(void *object, size_t size)
{
    size_t old = object ? usable_size((struct block *)((char *)object - HEADER)) : 0;
    void *new;

    if (object && size <= old)
        return object;
    new = allocate(size);
    memcpy(new, object, old);
    release(object);
    return new;
}

char *
copy_text(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(allocate(size), text, size);
}
