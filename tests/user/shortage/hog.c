/* hog.c - a program that needs more memory than there is.
 *
 *     hog MIB             touches so much memory of its own
 *     hog MIB FILE        three times in turn: writes and checks it, reads FILE through a mapping
 *                         and through read, which must agree
 */
#include "runtime.h"

#define WORDS (PAGE_SIZE / 4)

static uint32_t *memory;
static size_t pages;

/* Gives each page a word of this round, where the one of the round before must be. */
static void
write_memory(uint32_t round)
{
    for (size_t i = 0; i < pages; i++) {
        uint32_t *word = &memory[i * WORDS + i % WORDS];

        if (*word != (round ? (uint32_t)i * 7 + round - 1 : 0))
            die("page %zu holds %lx in round %lu", i, (unsigned long)*word, (unsigned long)round);
        *word = (uint32_t)i * 7 + round;
    }
}

static uint32_t
add_up(uint32_t sum, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i += 64)
        sum = sum * 31 + bytes[i];
    return sum;
}

/* The same sum as add_up over the whole file, read piece by piece. */
static uint32_t
read_file(int fd)
{
    static uint8_t piece[PAGE_SIZE];
    uint32_t sum = 0;
    long size;

    lseek(fd, 0, 0);
    while ((size = read(fd, piece, sizeof(piece))) > 0)
        sum = add_up(sum, piece, (size_t)size);
    if (size < 0)
        die("read: %s", error_text(size));
    return sum;
}

static void
thrash(const char *path)
{
    int fd = open(path, O_RDONLY, 0);
    long size = lseek(fd, 0, 2);
    const uint8_t *file = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);

    if (fd < 0 || size <= 0 || mmap_failed(file))
        die("cannot map %s", path);
    for (uint32_t round = 0; round < 3; round++) {
        write_memory(round);
        if (add_up(0, file, (size_t)size) != read_file(fd))
            die("the file's two sums differ in round %lu", (unsigned long)round);
    }
}

int
main(int argc, char **argv)
{
    unsigned long mib;

    if (argc < 2 || !text_number(argv[1], &mib))
        die("usage: hog MIB [FILE]");
    pages = mib << (20 - PAGE_SHIFT);
    memory = mmap(NULL, pages << PAGE_SHIFT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                  -1, 0);
    if (mmap_failed(memory)) {
        print("refused\n");
        return 3;
    }
    if (argc > 2)
        thrash(argv[2]);
    else
        write_memory(0);
    print("touched %lu MiB\n", mib);
    return 0;
}
