/* backtrace.c - who called whom, read from the stack.
 *
 * Every function that calls another begins with `push ebp; mov ebp, esp`, so EBP leads to a list:
 *
 *   ebp -> | caller's ebp | return address |      one pair a call, towards the stack's top
 *
 * The list may be broken, which is often why a backtrace is wanted. So each pair must be readable,
 * aligned and above the one before, and the walk has a bound. A trap continues the list: its
 * handler's return address is trap_return, and the registers it interrupted are the handler's
 * argument.
 *
 * A function that calls none (a leaf) has no pair of its own. When it faults, its caller is found
 * on the stack: the first word there that leads into code.
 *
 * Shown is the last byte of the call, one before the return address: behind a call that never
 * returns, another function may begin.
 */
#include <string.h>
#include "ktests.h"
#include "platform.h"
#include "pagetable.h"
#include "symbols.h"
#include "trap.h"

/* More calls than fit on a kernel stack. */
#define BACKTRACE_MAX 4096
/* Lines that help; the outermost calls of a long list are left out. */
#define LINES_MAX 40
/* No function has more than this many words on the stack. */
#define FRAME_LARGEST 1024

/* A leaf saves no more registers than this above its return address. */
#define LEAF_WORDS 6

struct call {
    uint32_t ebp;
    uint32_t eip;
    struct trap_frame *trap; /* what lies behind the pair, when eip is trap_return or its like */
};

/* Behind the calls that traps.asm makes with a frame as argument. */
extern char trap_return[], page_fault_return[], syscall_return[], work_return[];

static bool
in_text(uintptr_t address)
{
    return (address >= (uintptr_t)text_start && address < (uintptr_t)text_end) ||
           ktests_code(address);
}

/* Prints one line a call, but calls that repeat (a recursion) as their number. */
struct listing {
    struct printer *out;
    uintptr_t last;
    unsigned repeats;
    unsigned lines;
};

static void
end_repeats(struct listing *listing)
{
    if (listing->repeats != 0)
        print(listing->out, "  ... and %u more of the last line\n", listing->repeats);
    listing->repeats = 0;
}

static void
list_call(struct listing *listing, uintptr_t eip)
{
    char place[100];

    if (eip == listing->last) {
        listing->repeats++;
        return;
    }
    end_repeats(listing);
    symbol_place(eip, place, sizeof(place));
    print(listing->out, "  %s\n", place);
    listing->last = eip;
    listing->lines++;
}

static bool
returns_from_trap(uintptr_t eip)
{
    return eip == (uintptr_t)trap_return || eip == (uintptr_t)page_fault_return ||
           eip == (uintptr_t)syscall_return || eip == (uintptr_t)work_return;
}

/* The pair that `ebp` leads to; false when there cannot be one. */
static bool
read_call(uintptr_t ebp, struct call *call)
{
    const struct call *at = (const struct call *)ebp;

    if (ebp % 4 != 0 || !kernel_read_ok(at, 2 * sizeof(uint32_t)))
        return false;
    call->ebp = at->ebp;
    call->eip = at->eip;
    call->trap = NULL;
    if (returns_from_trap(call->eip))
        call->trap = (struct trap_frame *)(ebp + 2 * sizeof(uint32_t));
    return in_text(call->eip);
}

/* Steps over the trap that interrupted the next function. False when its frame cannot be read. */
static bool
step_over_trap(struct listing *listing, struct call *call)
{
    const struct trap_frame *trap = call->trap;

    if (!kernel_read_ok(trap, offsetof(struct trap_frame, esp)))
        return false;
    end_repeats(listing);
    print(listing->out, "  -- %s --\n", trap_name(trap->vector));
    call->eip = trap->eip;
    call->ebp = trap->ebp;
    return true;
}

/* The calls that the pairs from `ebp` on tell of. */
static void
list_pairs(struct listing *listing, uintptr_t ebp)
{
    struct call call;

    for (unsigned depth = 0; depth < BACKTRACE_MAX && listing->lines < LINES_MAX; depth++) {
        if (!read_call(ebp, &call))
            break;
        if (call.trap == NULL)
            call.eip--;
        else if (!step_over_trap(listing, &call))
            break;
        list_call(listing, call.eip);
        if (call.ebp <= ebp)
            break;
        ebp = call.ebp;
    }
    end_repeats(listing);
}

void
backtrace_print(struct printer *out, uintptr_t eip, uintptr_t ebp)
{
    struct listing listing = {.out = out, .last = ~eip};

    list_call(&listing, eip);
    list_pairs(&listing, ebp);
}

/* Whether the function that `eip` lies in begins with `push ebp; mov ebp, esp`. */
static bool
has_pair(uintptr_t eip)
{
    static const uint8_t prologue[] = {0x55, 0x89, 0xE5};
    uint32_t offset;

    return symbol_find(eip, &offset) == NULL ||
           memcmp((const void *)(eip - offset), prologue, sizeof(prologue)) == 0;
}

/* The call that led to `eip` without leaving a pair: what is on top of the stack when that is no
 * code at all, and near there in a leaf, behind the registers it saved. 0: none. */
static uintptr_t
unpaired_caller(uintptr_t eip, const uint32_t *stack)
{
    unsigned words = !in_text(eip) ? 1 : has_pair(eip) ? 0 : LEAF_WORDS;

    for (unsigned i = 0; i < words && kernel_read_ok(&stack[i], sizeof(*stack)); i++) {
        if (in_text(stack[i]))
            return stack[i] - 1;
    }
    return 0;
}

void
backtrace_print_trap(struct printer *out, const struct trap_frame *frame, const uint32_t *stack)
{
    struct listing listing = {.out = out, .last = ~frame->eip};
    uintptr_t caller = unpaired_caller(frame->eip, stack);

    list_call(&listing, frame->eip);
    if (caller != 0)
        list_call(&listing, caller);
    list_pairs(&listing, frame->ebp);
}

void
backtrace_here(struct printer *out)
{
    const uint32_t *frame = __builtin_frame_address(0);

    backtrace_print(out, frame[1] - 1, frame[0]);
}

/* True when the call came from ring 3, so that nothing further out is the kernel's. */
static bool
from_program(const uint32_t *pair)
{
    const struct trap_frame *trap = (const void *)(pair + 2);

    if (pair[1] == (uintptr_t)syscall_return)
        return true;
    return returns_from_trap(pair[1]) && (trap->cs & 3) != 0;
}

/* As fast as can be, for stacks of every allocation: what is on a kernel stack that works is
 * believed, and a program's EBP is never followed. */
unsigned
stack_walk(const void **calls, unsigned most)
{
    const uint32_t *pair = __builtin_frame_address(0), *next;
    unsigned count = 0;

    for (; count < most && in_text(pair[1]); pair = next) {
        const struct trap_frame *trap = (const void *)(pair + 2);
        bool trapped = returns_from_trap(pair[1]);

        if (from_program(pair))
            break;
        calls[count++] = (const void *)(trapped ? trap->eip : pair[1]);
        next = (const uint32_t *)(trapped ? trap->ebp : pair[0]);
        if (next <= pair || next >= pair + FRAME_LARGEST)
            break;
    }
    return count;
}
