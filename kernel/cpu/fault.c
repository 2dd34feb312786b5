/* fault.c - exceptions that are no bug of the kernel.
 *
 *   page fault ── ring 3 ──────────────► space_fault ── done ──► again
 *        │                                    └──────── not ──► signal, or the OOM policy
 *        └── kernel, in a copy (usercopy) ──► space_fault ── done ──► again
 *        │                                    └──────── not ──► the copy's fixup: -EFAULT
 *        └── kernel, elsewhere ──► a bug
 *
 * So a copy to or from a program brings pages in and breaks copy-on-write as the program itself
 * would; it may have to wait for the space's lock. While the CPU has a window open (page.h) nobody
 * may wait: then the copy ends at its fixup, and who copies closes the window, has the page brought
 * in (user_bring), and goes on. The page fault's gate turns interrupts off, because another fault
 * would overwrite CR2.
 *
 * Any other exception in ring 3 is a signal: signal(7), and what Linux makes of each vector.
 */
#include "cpu.h"
#include "fault.h"
#include "fpu.h"
#include "oom.h"
#include "page.h"
#include "platform.h"
#include "reclaim.h"
#include "signal.h"
#include "space.h"
#include "task.h"
#include "trace.h"
#include "trap.h"
#include "usercopy.h"

static enum fault_access
access_of(const struct trap_frame *frame)
{
    if (frame->error & FAULT_FETCH)
        return FAULT_FETCH_ACCESS;
    return frame->error & FAULT_WRITE ? FAULT_WRITE_ACCESS : FAULT_READ;
}

static __attribute__((cold, noinline)) enum fault_result
repair_traced(struct address_space *space, uintptr_t address, enum fault_access access,
              uintptr_t code)
{
    return space_fault_traced(space, address, access, (unsigned)task_current()->process->pid,
                              (void *)code);
}

/* `code` is the instruction that wants it. */
static inline enum fault_result
repair(struct address_space *space, uintptr_t address, enum fault_access access, uintptr_t code)
{
    return trace_on(TRACE_FAULT) ? repair_traced(space, address, access, code)
                                 : space_fault(space, address, access);
}

enum fault_result
fault_repair(uintptr_t address, enum fault_access access, uintptr_t code)
{
    return repair(task_current()->space, address, access, code);
}

/* A fault in ring 3 that space_fault could not repair. */
static void
bad_access(enum fault_result result, uintptr_t address, const struct trap_frame *frame)
{
    switch (result) {
    case FAULT_ACCERR:
        signal_fault(SIGSEGV, SEGV_ACCERR, address, frame);
        break;
    case FAULT_BUSERR:
        signal_fault(SIGBUS, BUS_ADRERR, address, frame);
        break;
    case FAULT_NOMEM:
        oom_handle(address, access_of(frame), frame->eip);
        break;
    default:
        signal_fault(SIGSEGV, SEGV_MAPERR, address, frame);
    }
}

static void
user_fault(struct trap_frame *frame, uintptr_t address)
{
    enum fault_result result = FAULT_MAPERR;

    interrupts_enable();
    if (LIKELY(address < USER_END))
        result = repair(task_current()->space, address, access_of(frame), frame->eip);
    if (UNLIKELY(result != FAULT_DONE))
        bad_access(result, address, frame);
}

/* A copy cannot wait until somebody has made room (oom.h): when memory is short it may have some of
 * the kernel's. The program's own next fault then finds that memory is out. */
static enum fault_result
fault_of_copy(struct address_space *space, uintptr_t address, enum fault_access access,
              uintptr_t code)
{
    enum fault_result result = repair(space, address, access, code);

    if (result != FAULT_NOMEM || pmm_free_frames() > reclaim_low_mark())
        return result;
    __atomic_fetch_add(&page_urgent, 1, __ATOMIC_RELAXED);
    result = repair(space, address, access, code);
    __atomic_fetch_sub(&page_urgent, 1, __ATOMIC_RELAXED);
    return result;
}

static void
kernel_fault(struct trap_frame *frame, uintptr_t address)
{
    struct address_space *space = task_current()->space;
    uintptr_t fixup = usercopy_fixup(frame->eip);

    if (fixup == 0 || (address >= USER_END && !usercopy_probing))
        trap_unexpected(frame);
    interrupts_restore(frame->eflags);
    if (usercopy_probing || space == NULL || frame_window_is_open() ||
        fault_of_copy(space, address, access_of(frame), frame->eip) != FAULT_DONE)
        frame->eip = fixup;
}

bool
user_bring(const void *at, bool write)
{
    return fault_of_copy(task_current()->space, (uintptr_t)at,
                         write ? FAULT_WRITE_ACCESS : FAULT_READ,
                         (uintptr_t)__builtin_return_address(0)) == FAULT_DONE;
}

void
page_fault(struct trap_frame *frame)
{
    uintptr_t address = read_cr2();

    if (LIKELY(trap_from_user(frame)))
        user_fault(frame, address);
    else
        kernel_fault(frame, address);
}

/* What a program is told of a computation that failed. */
static unsigned
float_code(unsigned exceptions)
{
    if (exceptions & FPU_INVALID)
        return FPE_FLTINV;
    if (exceptions & FPU_ZERO_DIVIDE)
        return FPE_FLTDIV;
    if (exceptions & FPU_OVERFLOW)
        return FPE_FLTOVF;
    return exceptions & (FPU_UNDERFLOW | FPU_DENORMAL) ? FPE_FLTUND : FPE_FLTRES;
}

void
user_exception(struct trap_frame *frame)
{
    static const struct {
        uint8_t signal, code;
    } signals[TRAP_EXCEPTIONS] = {
        [TRAP_DIVIDE] = {SIGFPE, FPE_INTDIV},
        [TRAP_DEBUG] = {SIGTRAP, TRAP_TRACE},
        [TRAP_BREAKPOINT] = {SIGTRAP, SI_KERNEL},
        [TRAP_OVERFLOW] = {SIGSEGV, SI_KERNEL},
        [TRAP_BOUND] = {SIGSEGV, SI_KERNEL},
        [TRAP_OPCODE] = {SIGILL, ILL_ILLOPN},
        [TRAP_NO_FPU] = {SIGILL, ILL_ILLOPN},
        [TRAP_NOT_PRESENT] = {SIGBUS, SI_KERNEL},
        [TRAP_STACK] = {SIGBUS, SI_KERNEL},
        [TRAP_FPU] = {SIGFPE, FPE_FLTINV},
        [TRAP_ALIGNMENT] = {SIGBUS, BUS_ADRALN},
        [TRAP_SIMD] = {SIGFPE, FPE_FLTINV},
    };
    unsigned signal = signals[frame->vector].signal, code = signals[frame->vector].code;

    interrupts_enable();
    if (signal == 0)
        signal = SIGSEGV, code = SI_KERNEL;
    if (frame->vector == TRAP_FPU || frame->vector == TRAP_SIMD)
        code = float_code(fpu_exceptions(frame->vector == TRAP_SIMD));
    signal_fault((int)signal, (int)code, code == SI_KERNEL ? 0 : frame->eip, frame);
}
