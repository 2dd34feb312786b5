/* guard.c - faults that are meant to happen: a stack that grows, and one that may not; pages that
 * must not be touched, and a program that hears about it and mends it. */
#include "tour.h"

#define FRAME       (2 * PAGE_SIZE)
#define STACK_LIMIT (256u * 1024)

/* ---- the stack ---- */

/* Uses `depth` frames of FRAME bytes each. */
static __attribute__((noinline)) unsigned
use_stack(unsigned depth)
{
    volatile char bytes[FRAME];

    bytes[0] = (char)depth;
    return depth ? use_stack(depth - 1) + (unsigned)bytes[0] : 0;
}

/* A child whose stack may not grow beyond STACK_LIMIT, and that never stops growing it. */
static int
overflow_in_child(void)
{
    struct rlimit limit = {STACK_LIMIT, STACK_LIMIT};
    int status = 0, pid = fork();

    if (pid == 0) {
        system_call(NR_setrlimit, RLIMIT_STACK, &limit);
        use_stack(STACK_LIMIT);
        exit_now(0);
    }
    wait4(pid, &status, 0);
    return status;
}

bool
stack_step(void)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    bool ok;
    int status;

    say("The stack is an area that grows downwards by itself:");
    show_areas(here, here + 1);
    say("A function calls itself 40 times, with 8 KiB of variables each time:");
    watch_begin();
    ok = expect(use_stack(40) == 40 * 41 / 2, "variables on the stack keep their values");
    watch_tell();
    show_areas(here, here + 1);
    say("A child with a stack limit of %u KiB does so for ever:", STACK_LIMIT / 1024);
    status = overflow_in_child();
    say("it ended with signal %d (SIGSEGV is %d); the parent goes on.", WTERMSIG(status), SIGSEGV);
    return ok && expect(WTERMSIG(status) == SIGSEGV, "the child is ended by SIGSEGV");
}

/* ---- a guard page ---- */

static struct {
    volatile unsigned count;
    int code;
    uintptr_t address;
} caught;

/* Mends what the fault was about, so that the instruction works when it is done again. */
static void
mend(int signal, struct siginfo *info, void *context)
{
    void *page = (void *)(info->fault.address & ~(uintptr_t)PAGE_MASK);

    (void)context;
    caught.count++;
    caught.code = info->code;
    caught.address = info->fault.address;
    if (caught.count > 2)
        exit_now(128 + signal);
    if (info->code == SEGV_ACCERR)
        mprotect(page, PAGE_SIZE, PROT_READ | PROT_WRITE);
    else
        mmap(page, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
             0);
}

/* Writes to `at`, which faults; true when the handler was told where and why. */
static bool
write_and_catch(volatile char *at, int code, const char *name)
{
    unsigned before = caught.count;

    *at = 'g';
    say("SIGSEGV at 0x%08lx, si_code %d (%s is %d); mended, written.",
        (unsigned long)caught.address, caught.code, name, code);
    return expect(caught.count == before + 1 && caught.code == code &&
                      caught.address == (uintptr_t)at && *at == 'g',
                  "the handler is told the address and the reason");
}

bool
guard_step(void)
{
    char *at = map_pages(3, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    bool ok;

    if (!at)
        return false;
    caught.count = 0;
    signal_action(SIGSEGV, mend, 0);
    mprotect(at + PAGE_SIZE, PAGE_SIZE, PROT_NONE);
    say("3 pages. mprotect(PROT_NONE) on the middle one, then writing to it:");
    ok = write_and_catch(at + PAGE_SIZE + 123, SEGV_ACCERR, "SEGV_ACCERR");
    munmap(at + 2 * PAGE_SIZE, PAGE_SIZE);
    say("The last page unmapped. Writing there:");
    ok &= write_and_catch(at + 2 * PAGE_SIZE + 45, SEGV_MAPERR, "SEGV_MAPERR");
    signal_action(SIGSEGV, SIGNAL_DEFAULT, 0);
    munmap(at, 3 * PAGE_SIZE);
    return ok;
}
