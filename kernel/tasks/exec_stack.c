/* exec_stack.c - what a program finds on its stack when it starts.
 *
 * From the top down (System V ABI, Intel386 supplement, 3-28; the auxiliary vector is what a libc
 * reads of the kernel):
 *
 *   USER_END  0            four bytes
 *             path         the name the program was started by (AT_EXECFN)
 *             strings      environment above arguments
 *             random       16 bytes (AT_RANDOM)
 *             auxv         pairs, ended by AT_NULL
 *             envp[] NULL  argv[] NULL
 *   ESP ────► argc         aligned to 16
 */
#include <string.h>
#include "cpu.h"
#include "exec_stack.h"
#include "kmalloc.h"
#include "random.h"
#include "range.h"
#include "uapi/errno.h"
#include "uapi/time.h"

#define STACK_ALIGN 16u
#define RANDOM_SIZE 16u

enum {
    AT_NULL = 0, AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5, AT_PAGESZ = 6, AT_BASE = 7, AT_FLAGS = 8,
    AT_ENTRY = 9, AT_UID = 11, AT_EUID = 12, AT_GID = 13, AT_EGID = 14, AT_HWCAP = 16,
    AT_CLKTCK = 17, AT_SECURE = 23, AT_RANDOM = 25, AT_EXECFN = 31, AUXV_PAIRS = 17
};

/* Where things are on the stack. */
struct layout {
    uintptr_t path, strings, random, vectors;
    size_t vector_words;
};

static struct layout
lay_out(const struct exec_args *args, const char *path)
{
    struct layout layout;

    layout.vector_words = 1 + args->argc + 1 + args->envc + 1 + 2 * AUXV_PAIRS;
    layout.path = USER_END - sizeof(uint32_t) - (strlen(path) + 1);
    layout.strings = layout.path - args->size;
    layout.random = layout.strings - RANDOM_SIZE;
    layout.vectors = align_down(layout.random - layout.vector_words * sizeof(uint32_t), STACK_ALIGN);
    return layout;
}

/* What the CPU says it can do: AT_HWCAP. */
static uint32_t
hardware_capabilities(void)
{
    uint32_t eax = 1, ebx, ecx, edx;

    if (!cpu_features.has_cpuid)
        return 0;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    return edx;
}

static uint32_t *
put_pair(uint32_t *to, uint32_t type, uint32_t value)
{
    to[0] = type;
    to[1] = value;
    return to + 2;
}

static uint32_t *
put_auxv(const struct elf_program *program, uint32_t base, const struct layout *layout,
         uint32_t *to)
{
    to = put_pair(to, AT_PHDR, program->headers != 0 ? base + program->headers : 0);
    to = put_pair(to, AT_PHENT, sizeof(struct elf_program_header));
    to = put_pair(to, AT_PHNUM, program->header_count);
    to = put_pair(to, AT_PAGESZ, PAGE_SIZE);
    to = put_pair(to, AT_BASE, 0);
    to = put_pair(to, AT_FLAGS, 0);
    to = put_pair(to, AT_ENTRY, base + program->entry);
    for (uint32_t type = AT_UID; type <= AT_EGID; type++)
        to = put_pair(to, type, 0);
    to = put_pair(to, AT_HWCAP, hardware_capabilities());
    to = put_pair(to, AT_CLKTCK, CLOCK_TICKS_PER_SECOND);
    to = put_pair(to, AT_SECURE, 0);
    to = put_pair(to, AT_RANDOM, layout->random);
    to = put_pair(to, AT_EXECFN, layout->path);
    return put_pair(to, AT_NULL, 0);
}

/* `count` pointers to strings that begin at `text` (at address `at` for the program), and NULL.
 * Leaves *text and *at behind the last one. */
static uint32_t *
put_pointers(uint32_t *to, unsigned count, const char **text, uintptr_t *at)
{
    for (; count > 0; count--) {
        size_t size = strlen(*text) + 1;

        *to++ = *at;
        *text += size;
        *at += size;
    }
    *to++ = 0;
    return to;
}

/* Argument count and the pointers to arguments and environment; /proc shows where those are. */
static uint32_t *
put_strings(struct address_space *space, const struct exec_args *args, const struct layout *layout,
            uint32_t *to)
{
    const char *text = args->text;
    uintptr_t at = layout->strings;

    *to++ = args->argc;
    space->args_start = at;
    to = put_pointers(to, args->argc, &text, &at);
    space->args_end = space->env_start = at;
    to = put_pointers(to, args->envc, &text, &at);
    space->env_end = at;
    return to;
}

static bool
put(struct address_space *space, uintptr_t to, const void *from, size_t size)
{
    return space_write(space, to, from, size) == size;
}

long
exec_write_stack(struct address_space *space, const struct exec_args *args,
                 const struct elf_program *program, uint32_t base, const char *path,
                 uint32_t *stack)
{
    struct layout layout = lay_out(args, path);
    size_t size = layout.vector_words * sizeof(uint32_t);
    uint32_t *words = kmalloc(size), *end;
    uint8_t random[RANDOM_SIZE];
    bool done;

    if (words == NULL)
        return -ENOMEM;
    end = put_strings(space, args, &layout, words);
    end = put_auxv(program, base, &layout, end);
    ASSERT(end == words + layout.vector_words);
    random_bytes(random, sizeof(random));
    done = put(space, layout.path, path, strlen(path) + 1) &&
           put(space, layout.strings, args->text, args->size) &&
           put(space, layout.random, random, sizeof(random)) &&
           put(space, layout.vectors, words, size);
    kfree(words);
    *stack = layout.vectors;
    return done ? 0 : -ENOMEM;
}
