/* test_programs.c - programs.h, and proof that ring 3 is reached and left. */
#include <string.h>
#include "programs.h"
#include "exec.h"
#include "ktest.h"
#include "uapi/signal.h"

static bool
fill(struct address_space *space, struct program program)
{
    size_t size = (size_t)(program.end - program.start);
    unsigned prot = PROT_READ | PROT_WRITE | PROT_EXEC;

    return vm_alloc_map(space, PROGRAM_CODE, PAGE_SIZE, prot) == 0 &&
           vm_alloc_map(space, PROGRAM_DATA, PAGE_SIZE, prot) == 0 &&
           vm_alloc_map(space, PROGRAM_STACK - PROGRAM_STACK_PAGES * PAGE_SIZE,
                        PROGRAM_STACK_PAGES * PAGE_SIZE, prot) == 0 &&
           space_write(space, PROGRAM_CODE, program.start, size) == size;
}

struct address_space *
program_space(struct program program)
{
    struct address_space *space = space_create();

    if (space == NULL || fill(space, program))
        return space;
    space_put(space);
    return NULL;
}

int
start_program(struct program program, void (*prepare)(struct process *process))
{
    struct exec_image image = {
        .space = program_space(program), .entry = PROGRAM_CODE, .stack = PROGRAM_STACK, .name = "test"};

    return image.space != NULL ? process_launch(&image, prepare) : -ENOMEM;
}

int
run_program(struct program program)
{
    int pid = start_program(program, NULL);

    return pid < 0 ? pid : process_wait(pid);
}

PROGRAM(answer, "mov $42, %ebx; mov $1, %eax; int $0x80");
PROGRAM(group, "mov $0x1203, %ebx; mov $252, %eax; int $0x80");
PROGRAM(null, "xor %eax, %eax; mov %eax, (%eax)");
PROGRAM(kernel_write, "mov $0xC0100000, %eax; mov %eax, (%eax)");
PROGRAM(divide, "xor %ecx, %ecx; div %ecx");
PROGRAM(privileged, "cli");
PROGRAM(undefined, "ud2");

KTEST(programs, exit_code)
{
    CHECK_EQ(run_program(PROGRAM_OF(answer)), 42 << 8);
    CHECK_EQ(run_program(PROGRAM_OF(group)), 3 << 8);
}

KTEST(programs, exceptions_are_signals)
{
    CHECK_EQ(run_program(PROGRAM_OF(null)) & 0x7F, SIGSEGV);
    CHECK_EQ(run_program(PROGRAM_OF(kernel_write)) & 0x7F, SIGSEGV);
    CHECK_EQ(run_program(PROGRAM_OF(divide)) & 0x7F, SIGFPE);
    CHECK_EQ(run_program(PROGRAM_OF(privileged)) & 0x7F, SIGSEGV);
    CHECK_EQ(run_program(PROGRAM_OF(undefined)) & 0x7F, SIGILL);
}
