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

static volatile uintptr_t nowhere = 8;

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
    die("usage: ends null|constant|kernel|jump|stack|opcode|halt|unknown, ends exit STATUS");
}
