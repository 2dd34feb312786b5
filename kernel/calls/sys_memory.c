/* sys_memory.c - the system calls about memory: from registers to mm/.
 *
 * mm/ knows addresses, lengths and objects (space.h); a program knows descriptors and structures.
 * What lies between is here: which descriptor may be mapped how (mmap(2), ERRORS), and the one call
 * that answers into the program's memory (mincore). Everything else only unpacks registers.
 */
#include "file.h"
#include "space.h"
#include "syscall.h"
#include "task.h"
#include "trace.h"
#include "usercopy.h"

#define MINCORE_PIECE 256 /* pages told at a time: bytes on the kernel's stack */

static inline struct address_space *
current_space(void)
{
    return task_current()->space;
}

/* ---- events ---- */

static bool
is_error(long result)
{
    return (unsigned long)result >= (unsigned long)-4095;
}

static __attribute__((cold, noinline)) void
tell(const struct trap_frame *frame, enum trace_type type, uint32_t address, uint32_t size,
     long result)
{
    trace(type, address, size, is_error(result) ? (unsigned)-result : 0, (void *)frame->eip);
}

/* A call with its event: where it led, how much was asked for, the error. */
static __attribute__((cold, noinline)) long
traced(struct trap_frame *frame, enum trace_type type, syscall_handler call)
{
    uint32_t asked = frame->ebx, size = type == TRACE_MREMAP ? frame->edx : frame->ecx;
    long result = call(frame);
    bool tells = type == TRACE_MMAP || type == TRACE_MREMAP || type == TRACE_BRK;

    tell(frame, type, tells && !is_error(result) ? (uint32_t)result : asked,
         type == TRACE_BRK ? asked : size, result);
    return result;
}

/* A system call that the trace hears of; without it, a branch more. */
#define TRACED(type, call) (trace_on(type) ? traced(frame, type, call) : call(frame))

/* ---- brk, mmap ---- */

static long
do_brk(struct trap_frame *frame)
{
    return (long)space_brk(current_space(), frame->ebx);
}

SYSCALL(brk)
{
    return TRACED(TRACE_BRK, do_brk);
}

/* The pages [index, index + length) of a file exist as numbers. */
static bool
index_fits(uint32_t index, size_t length)
{
    return index <= UINT32_MAX - (length >> PAGE_SHIFT) - 1;
}

static long
map_held(const struct file *file, uintptr_t hint, size_t length, unsigned prot, unsigned flags,
         uint32_t index)
{
    struct object *object;
    bool may_write;
    int error;

    if (length == 0)
        return -EINVAL;
    if (!index_fits(index, length))
        return -EOVERFLOW;
    error = file_mapping(file, prot, flags, &object, &may_write);
    if (error != 0)
        return error;
    return space_mmap(current_space(), hint, length, prot,
                      object == NULL ? flags | MAP_ANONYMOUS : flags, object, index, may_write);
}

static long
map_file(uintptr_t hint, size_t length, unsigned prot, unsigned flags, int descriptor,
         uint32_t index)
{
    struct file *file = file_hold_opened(descriptor);
    long result;

    if (file == NULL)
        return -EBADF;
    result = map_held(file, hint, length, prot, flags, index);
    file_put(file);
    return result;
}

static inline long
map(uintptr_t hint, size_t length, unsigned prot, unsigned flags, int descriptor, uint32_t index)
{
    if (LIKELY(flags & MAP_ANONYMOUS))
        return space_mmap(current_space(), hint, length, prot, flags, NULL, 0, true);
    return map_file(hint, length, prot, flags, descriptor, index);
}

static long
do_mmap2(struct trap_frame *frame)
{
    return map(frame->ebx, frame->ecx, frame->edx, frame->esi, (int)frame->edi, frame->ebp);
}

SYSCALL(mmap2)
{
    return TRACED(TRACE_MMAP, do_mmap2);
}

/* mmap as it was before registers were enough: one pointer to six words, and the offset in bytes.
 */
SYSCALL(mmap)
{
    struct {
        uint32_t hint, length, prot, flags, descriptor, offset;
    } words;
    long result;

    if (copy_from_user(&words, (const void *)frame->ebx, sizeof(words)) != 0)
        return -EFAULT;
    if (words.offset & PAGE_MASK)
        return -EINVAL;
    result = map(words.hint, words.length, words.prot, words.flags, (int)words.descriptor,
                 words.offset >> PAGE_SHIFT);
    if (trace_on(TRACE_MMAP))
        tell(frame, TRACE_MMAP, is_error(result) ? words.hint : (uint32_t)result, words.length,
             result);
    return result;
}

static long
do_munmap(struct trap_frame *frame)
{
    return space_munmap(current_space(), frame->ebx, frame->ecx);
}

SYSCALL(munmap)
{
    return TRACED(TRACE_MUNMAP, do_munmap);
}

static long
do_mprotect(struct trap_frame *frame)
{
    return space_mprotect(current_space(), frame->ebx, frame->ecx, frame->edx);
}

SYSCALL(mprotect)
{
    return TRACED(TRACE_MPROTECT, do_mprotect);
}

static long
do_mremap(struct trap_frame *frame)
{
    return space_mremap(current_space(), frame->ebx, frame->ecx, frame->edx, frame->esi,
                        frame->edi);
}

SYSCALL(mremap)
{
    return TRACED(TRACE_MREMAP, do_mremap);
}

/* ---- advice, what is there ---- */

SYSCALL(madvise)
{
    return space_madvise(current_space(), frame->ebx, frame->ecx, (int)frame->edx);
}

SYSCALL(msync)
{
    return space_msync(current_space(), frame->ebx, frame->ecx, frame->edx);
}

SYSCALL(mincore)
{
    uintptr_t start = frame->ebx;
    size_t pages = (frame->ecx >> PAGE_SHIFT) + ((frame->ecx & PAGE_MASK) != 0);
    char *into = (char *)frame->edx;
    uint8_t answer[MINCORE_PIECE];

    if (start & PAGE_MASK)
        return -EINVAL;
    if (!user_range_ok(start, frame->ecx))
        return -ENOMEM;
    if (!user_range_ok((uintptr_t)into, pages))
        return -EFAULT;
    while (pages > 0) {
        size_t piece = pages < MINCORE_PIECE ? pages : MINCORE_PIECE;
        long error = space_mincore(current_space(), start, piece, answer);

        if (error != 0)
            return error;
        if (copy_to_user(into, answer, piece) != 0)
            return -EFAULT;
        start += piece << PAGE_SHIFT;
        into += piece;
        pages -= piece;
    }
    return 0;
}

/* ---- locked memory ---- */

SYSCALL(mlock)
{
    return space_mlock(current_space(), frame->ebx, frame->ecx, true, false);
}

SYSCALL(mlock2)
{
    if (frame->edx & ~(uint32_t)MLOCK_ONFAULT)
        return -EINVAL;
    return space_mlock(current_space(), frame->ebx, frame->ecx, true, frame->edx != 0);
}

SYSCALL(munlock)
{
    return space_mlock(current_space(), frame->ebx, frame->ecx, false, false);
}

SYSCALL(mlockall)
{
    return space_mlockall(current_space(), frame->ebx);
}

SYSCALL(munlockall)
{
    (void)frame;
    return space_munlockall(current_space());
}
