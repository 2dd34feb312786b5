/* signal_frame.c - the stack of a signal handler, and the way back from it.
 *
 * Layouts of Linux, i386 (asm/sigcontext.h, asm/ucontext.h of its programs). A handler is entered
 * as if it had been called: the return address leads to two instructions that call sigreturn, in
 * the program's libc (SA_RESTORER) or in a page of the kernel's.
 *
 *   old style                           SA_SIGINFO
 *   esp ► return address                esp ► return address
 *         signal                              signal, &siginfo, &ucontext
 *         sigcontext: registers               siginfo: who, why, where
 *         upper half of the mask              ucontext: alternate stack, sigcontext, mask
 *         code                                code
 *         ...                                 ...
 *         FPU state, aligned to 16            FPU state, aligned to 16
 *
 * What comes back by sigreturn is the program's word only. Segments become the program's own, flags
 * that matter to the kernel stay as they are, reserved FPU bits are taken out: there is no frame
 * that gives a program more than it had.
 */
#include <string.h>
#include "cpu.h"
#include "fpu.h"
#include "pagetable.h"
#include "range.h"
#include "signal_private.h"
#include "syscall.h"
#include "usercopy.h"

#define STACK_ALIGN 16u

/* Flags that a program may have as it likes: carry, parity, adjust, zero, sign, trap, direction,
 * overflow, resume, alignment check, identification. */
#define EFLAGS_USER  0x250DD5u
/* Those that a handler starts without: trap, direction, resume. */
#define EFLAGS_CLEAR 0x010500u

struct signal_context {
    uint32_t gs, fs, es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax, trap, error, eip, cs, eflags,
        esp_again, ss, fpu, mask, fault_address;
};
_Static_assert(sizeof(struct signal_context) == 88, "struct sigcontext of i386");

struct user_context {
    uint32_t flags, link;
    struct signal_stack stack;
    struct signal_context context;
    uint64_t mask;
} __attribute__((packed, aligned(4)));
_Static_assert(sizeof(struct user_context) == 116, "struct ucontext of i386, as the kernel knows it");

struct old_frame {
    uint32_t return_address, signal;
    struct signal_context context;
    uint32_t mask_high;
    uint8_t code[8];
};

struct info_frame {
    uint32_t return_address, signal, info_address, context_address;
    struct siginfo info;
    struct user_context context;
    uint8_t code[8];
};

/* ---- registers ---- */

static void
save_context(struct signal_context *context, const struct trap_frame *frame,
             uint32_t fpu, sigset_t mask)
{
    const struct task *task = task_current();

    *context = (struct signal_context){
        .gs = frame->gs,
        .fs = frame->fs,
        .es = frame->es,
        .ds = frame->ds,
        .edi = frame->edi,
        .esi = frame->esi,
        .ebp = frame->ebp,
        .esp = frame->esp,
        .ebx = frame->ebx,
        .edx = frame->edx,
        .ecx = frame->ecx,
        .eax = frame->eax,
        .trap = task->fault_trap,
        .error = task->fault_error,
        .eip = frame->eip,
        .cs = frame->cs,
        .eflags = frame->eflags,
        .esp_again = frame->esp,
        .ss = frame->ss,
        .fpu = fpu,
        .mask = (uint32_t)mask,
        .fault_address = task->fault_address,
    };
}

static void
load_context(const struct signal_context *context, struct trap_frame *frame)
{
    frame->gs = context->gs;
    frame->fs = context->fs;
    frame->es = context->es;
    frame->ds = context->ds;
    frame->edi = context->edi;
    frame->esi = context->esi;
    frame->ebp = context->ebp;
    frame->esp = context->esp;
    frame->ebx = context->ebx;
    frame->edx = context->edx;
    frame->ecx = context->ecx;
    frame->eax = context->eax;
    frame->eip = context->eip;
    frame->cs = USER_CODE;
    frame->ss = USER_DATA;
    frame->eflags = (frame->eflags & ~EFLAGS_USER) | (context->eflags & EFLAGS_USER);
    frame->vector = 0; /* no system call any more, nothing to do again or to go on with */
    task_current()->cut_short = 0;
}

/* ---- the way there ---- */

static bool
on_alternate_stack(const struct task *task, uintptr_t esp)
{
    return task->alt_stack_size != 0 && esp - task->alt_stack - 1 < task->alt_stack_size;
}

/* Where the handler's stack begins: the program's goes on, or its alternate one starts. */
static uintptr_t
stack_top(const struct trap_frame *frame, const struct action *action)
{
    const struct task *task = task_current();

    if ((action->flags & SA_ONSTACK) && task->alt_stack_size != 0 &&
        !on_alternate_stack(task, frame->esp))
        return task->alt_stack + task->alt_stack_size;
    return frame->esp;
}

/* The lowest address of a frame below `top`: handlers that interrupt each other must not leave the
 * alternate stack unseen, as what lies below it is some variable. */
static uintptr_t
stack_end(uintptr_t top)
{
    const struct task *task = task_current();

    return on_alternate_stack(task, top) ? task->alt_stack + 1 : 0;
}

/* As after a call: the word above the return address is aligned. */
static uintptr_t
place_frame(uintptr_t top, size_t size)
{
    return align_down(top - size + sizeof(uint32_t), STACK_ALIGN) - sizeof(uint32_t);
}

/* What a handler returns to without a restorer. Debuggers know these bytes by sight, so each frame
 * has them too, but stacks need not be executable. */
struct return_code {
    uint8_t old[8];  /* pop %eax; mov $__NR_sigreturn, %eax; int $0x80 */
    uint8_t info[8]; /* mov $__NR_rt_sigreturn, %eax; int $0x80 */
};

static const union {
    struct return_code code;
    uint8_t page[PAGE_SIZE]; /* all that a program sees of the kernel */
} return_page __attribute__((aligned(PAGE_SIZE))) = {
    .code = {.old = {0x58, 0xB8, 119, 0, 0, 0, 0xCD, 0x80}, .info = {0xB8, 173, 0, 0, 0, 0xCD, 0x80}},
};

void
signal_init(void)
{
    if (!pagetable_map(SIGNAL_PAGE, image_to_paddr((const char *)&return_page), PT_USER | PT_EXEC))
        kpanic("no memory for the page that handlers return to");
}

static uint32_t
return_address(const struct action *action, size_t offset)
{
    return action->flags & SA_RESTORER ? action->restorer : SIGNAL_PAGE + (uint32_t)offset;
}

static int
push_old(uintptr_t to, const struct trap_frame *frame, const struct action *action,
         const struct signal_info *info, uint32_t fpu, sigset_t mask)
{
    /* pop eax; mov eax, 119; int 80h */
    struct old_frame from = {
        .return_address = return_address(action, offsetof(struct return_code, old)),
        .signal = (uint32_t)info->signal,
        .mask_high = (uint32_t)(mask >> 32),
    };

    save_context(&from.context, frame, fpu, mask);
    memcpy(from.code, return_page.code.old, sizeof(from.code));
    return copy_to_user((void *)to, &from, sizeof(from));
}

static void
describe_stack(struct signal_stack *stack, uintptr_t esp)
{
    const struct task *task = task_current();

    stack->sp = task->alt_stack;
    stack->size = task->alt_stack_size;
    stack->flags = task->alt_stack_size == 0         ? SS_DISABLE
                   : on_alternate_stack(task, esp) ? SS_ONSTACK
                                                     : 0;
}

void
signal_fill_info(struct siginfo *to, const struct signal_info *info)
{
    memset(to, 0, sizeof(*to));
    to->signo = info->signal;
    to->code = info->code;
    memcpy(to->pad, info->words, sizeof(info->words));
}

static int
push_info(uintptr_t to, const struct trap_frame *frame, const struct action *action,
          const struct signal_info *info, uint32_t fpu, sigset_t mask)
{
    /* mov eax, 173; int 80h; a byte without use */
    struct info_frame from = {
        .return_address = return_address(action, offsetof(struct return_code, info)),
        .signal = (uint32_t)info->signal,
        .info_address = (uint32_t)to + offsetof(struct info_frame, info),
        .context_address = (uint32_t)to + offsetof(struct info_frame, context),
        .context.mask = mask,
    };

    describe_stack(&from.context.stack, frame->esp);
    signal_fill_info(&from.info, info);
    save_context(&from.context.context, frame, fpu, mask);
    memcpy(from.code, return_page.code.info, sizeof(from.code));
    return copy_to_user((void *)to, &from, sizeof(from));
}

int
signal_push_frame(struct trap_frame *frame, const struct action *action,
                  const struct signal_info *info, sigset_t mask)
{
    bool with_info = (action->flags & SA_SIGINFO) != 0;
    uintptr_t top = stack_top(frame, action), end = stack_end(top);
    uint32_t fpu;

    if (signal_push_fpu(&top, end, &fpu) != 0)
        return -EFAULT;
    top = place_frame(top, with_info ? sizeof(struct info_frame) : sizeof(struct old_frame));
    if (top < end || (with_info ? push_info : push_old)(top, frame, action, info, fpu, mask) != 0)
        return -EFAULT;
    frame->esp = top;
    frame->eip = action->handler;
    frame->eax = (uint32_t)info->signal;
    frame->edx = with_info ? (uint32_t)&((struct info_frame *)top)->info : 0;
    frame->ecx = with_info ? (uint32_t)&((struct info_frame *)top)->context : 0;
    frame->ds = frame->es = USER_DATA;
    frame->cs = USER_CODE;
    frame->ss = USER_DATA;
    frame->eflags &= ~EFLAGS_CLEAR;
    frame->vector = 0;
    fpu_reset(); /* a function finds the registers of the x87 empty */
    return 0;
}

/* ---- the way back ---- */

/* Ends a program whose frame is not there any more. */
static long
no_frame(struct trap_frame *frame)
{
    signal_fault(SIGSEGV, SI_KERNEL, 0, frame);
    return (long)frame->eax;
}

/* ESP is behind the return address and the signal's number, which the code popped. */
SYSCALL(sigreturn)
{
    const struct old_frame *from = (const struct old_frame *)(frame->esp - 2 * sizeof(uint32_t));
    struct old_frame old;

    if (copy_from_user(&old, from, sizeof(old)) != 0 || signal_pop_fpu(old.context.fpu) != 0)
        return no_frame(frame);
    load_context(&old.context, frame);
    signal_set_mask(old.context.mask | (sigset_t)old.mask_high << 32);
    return (long)frame->eax;
}

/* Makes `stack` the alternate one, unless the program is on it. 0, -EPERM, -EINVAL, -ENOMEM. */
static int
set_stack(struct task *task, const struct signal_stack *stack, uintptr_t esp)
{
    if (on_alternate_stack(task, esp))
        return -EPERM;
    if (stack->flags != 0 && stack->flags != SS_ONSTACK && stack->flags != SS_DISABLE)
        return -EINVAL;
    if (stack->flags != SS_DISABLE && stack->size < MINSIGSTKSZ)
        return -ENOMEM;
    task->alt_stack = stack->flags == SS_DISABLE ? 0 : stack->sp;
    task->alt_stack_size = stack->flags == SS_DISABLE ? 0 : stack->size;
    return 0;
}

/* ESP is behind the return address. The alternate stack comes back too, if it is a possible one. */
SYSCALL(rt_sigreturn)
{
    const struct info_frame *from = (const struct info_frame *)(frame->esp - sizeof(uint32_t));
    struct user_context context;

    if (copy_from_user(&context, &from->context, sizeof(context)) != 0 ||
        signal_pop_fpu(context.context.fpu) != 0)
        return no_frame(frame);
    load_context(&context.context, frame);
    (void)set_stack(task_current(), &context.stack, frame->esp);
    signal_set_mask(context.mask);
    return (long)frame->eax;
}

SYSCALL(sigaltstack)
{
    struct signal_stack stack, old;
    int error = 0;

    describe_stack(&old, frame->esp);
    if (frame->ebx != 0) {
        if (copy_from_user(&stack, (const void *)frame->ebx, sizeof(stack)) != 0)
            return -EFAULT;
        error = set_stack(task_current(), &stack, frame->esp);
    }
    if (error == 0 && frame->ecx != 0)
        error = copy_to_user((void *)frame->ecx, &old, sizeof(old));
    return error;
}
