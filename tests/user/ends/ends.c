/* ends.c - a program that ends in the way it is told: ends WAY [STATUS]. */
#include "runtime.h"

static volatile unsigned deepest = ~0u;

/* Never ends: every call has a page of its own on the stack. */
static unsigned
deeper(unsigned depth)
{
    volatile char page[PAGE_SIZE];

    page[0] = (char)depth;
    return depth == deepest ? 0 : deeper(depth + 1) + (unsigned)page[0];
}

static const char text[] = "constant";

static volatile uintptr_t nowhere = 8, poisoned = 0x6b6b6b6b;

/* The handler's frame finds no more room than the program did. */
static void
handle(int signal, struct siginfo *info, void *context)
{
    (void)signal;
    (void)info;
    (void)context;
}

static void
overflow_with_handler(void)
{
    signal_action(SIGSEGV, handle, 0);
    deeper(0);
}

static char *
map(int protection, int fd, size_t size)
{
    return mmap(NULL, size, protection, fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_PRIVATE, fd, 0);
}

/* The second page lies behind the end of a file of two bytes. */
static void
read_behind_file(void)
{
    int fd = open("/tmp/two", O_RDWR | O_CREAT, 0600);

    write(fd, "ab", 2);
    ((volatile char *)map(PROT_READ, fd, 2 * PAGE_SIZE))[PAGE_SIZE + 3]++;
}

static void
jump_to_data(void)
{
    static char code[] = {(char)0xC3};

    ((void (*)(void))(uintptr_t)code)();
}

static void
end_by(const char *way)
{
    if (strcmp(way, "null") == 0)
        *(volatile char *)nowhere = 1;
    else if (strcmp(way, "constant") == 0)
        *(volatile char *)(uintptr_t)text = 1;
    else if (strcmp(way, "kernel") == 0)
        system_call(NR_exit, *(volatile char *)0xC0000000);
    else if (strcmp(way, "jump") == 0)
        ((void (*)(void))0x12345678)();
    else if (strcmp(way, "stack") == 0)
        deeper(0);
    else if (strcmp(way, "handler") == 0)
        overflow_with_handler();
    else if (strcmp(way, "file") == 0)
        read_behind_file();
    else if (strcmp(way, "guard") == 0)
        *(volatile char *)map(PROT_NONE, -1, PAGE_SIZE) = 1;
    else if (strcmp(way, "heap") == 0)
        *(volatile char *)brk((uintptr_t)brk(0) + PAGE_SIZE) = 1;
    else if (strcmp(way, "text") == 0)
        *(volatile char *)*(uintptr_t *)text = 1;
    else if (strcmp(way, "freed") == 0)
        *(volatile char *)(poisoned + 16) = 1;
    else if (strcmp(way, "data") == 0)
        jump_to_data();
    else if (strcmp(way, "opcode") == 0)
        __asm__ volatile("ud2");
    else if (strcmp(way, "halt") == 0)
        __asm__ volatile("hlt");
}

int
main(int argc, char **argv)
{
    unsigned long status = 0;

    if (argc == 2 && strcmp(argv[1], "unknown") == 0)
        return system_call(NR_ptrace) == -ENOSYS && system_call(NR_ptrace) == -ENOSYS ? 0 : 1;
    if (argc == 3 && strcmp(argv[1], "exit") == 0 && text_number(argv[2], &status))
        return (int)status;
    if (argc == 2)
        end_by(argv[1]);
    die("usage: ends null|constant|kernel|jump|data|stack|handler|file|guard|heap|text|freed|"
        "opcode|halt|unknown, ends exit STATUS");
}
