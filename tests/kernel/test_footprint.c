/* test_footprint.c - what a process costs the kernel: frames for its stack and its share of slabs,
 * beyond its own pages and page tables. At most FRAMES_MOST, for a program with as many areas as a
 * C library's, three open files, handlers, a thread segment and the FPU in use.
 */
#include <string.h>
#include "../../mm/mm_private.h"
#include "programs.h"
#include "cpu.h"
#include "file.h"
#include "frame.h"
#include "ktest.h"
#include "mm.h"
#include "mm_debug.h"
#include "pmm.h"
#include "sched.h"
#include "signal.h"
#include "uapi/fcntl.h"

#define CALL(number) "mov $" #number ", %eax; int $0x80;"
#define MAP(prot)                                                                                  \
    "xor %ebx, %ebx; mov $0x2000, %ecx; mov $" #prot ", %edx; mov $0x22, %esi; or $-1, %edi;"      \
    "xor %ebp, %ebp;" CALL(192)

#define FRAMES_MOST 4
#define FEW  20
#define MANY 84
#define HUNDREDTHS(count) ((count) * 100 / (MANY - FEW))

/* Four areas more than a test's program has, %gs; each child has a handler, uses the FPU and
 * sleeps. */
PROGRAM(crowd, MAP(1) MAP(3) MAP(1) MAP(3)
               "movl $0x100000, 0x200200\n"
               "movl $-1, 0x200100; movl $0x200000, 0x200104; movl $0xFFFFF, 0x200108; movl $0x51, 0x20010C\n"
               "mov $0x200100, %ebx;" CALL(243) "movl $1000, 0x200000; movl $0, 0x200004\n"
               "1: " CALL(2) "test %eax, %eax; jz 2f; jns 1b; neg %eax; mov %eax, %ebx;" CALL(252)
               "2: mov $12, %ebx; mov $0x200200, %ecx; xor %edx, %edx; mov $8, %esi;" CALL(174)
               "mov 0x200010, %eax; test %eax, %eax; jz 3f; fld1\n"
               "3: mov $0x200000, %ebx; xor %ecx, %ecx;" CALL(162) "hlt");

static bool
give_files(struct process *process)
{
    struct file *file;

    for (unsigned i = 0; i < 3; i++) {
        if (file_open("/dev/null", O_RDWR, 0, &file) != 0)
            return false;
        process->files->file[i] = file;
    }
    process->files->first = 3;
    return true;
}

static bool prepared;

static void
prepare(struct process *process)
{
    static const uint32_t use_fpu = 1;

    prepared = give_files(process);
    if (!(read_cr0() & CR0_EM))
        space_write(process->space, 0x200010, &use_fpu, sizeof(use_fpu));
}

static void
end_all(void)
{
    for (struct process *process = process_list; process != NULL; process = process->next)
        signal_process(process, 9);
    while (process_list != NULL)
        task_idle();
}

static bool
all_sleep(void)
{
    for (struct process *process = process_list; process != NULL; process = process->next) {
        if (process->threads->state != TASK_SLEEPING)
            return false;
    }
    return true;
}

/* Frames by owner while `count` children sleep. False when they could not all be made. */
static bool
measure(unsigned count, unsigned long frames[FRAME_OWNERS])
{
    unsigned limit = task_limit;
    int pid, status;

    task_limit = count + 1;
    pid = start_program(PROGRAM_OF(crowd), prepare);
    status = pid < 0 ? pid : process_wait(pid);
    task_limit = limit;
    if (pid < 0 || !prepared)
        return false;
    while (!all_sleep())
        task_idle();
    mm_drain();
    mm_count_owners(frames);
    end_all();
    return status == 11 << 8; /* EAGAIN */
}

KTEST(footprint, of_a_sleeping_process)
{
    static const uint8_t kernels[] = {FRAME_METADATA, FRAME_SLAB, FRAME_ALLOCATED, FRAME_HEAP,
                                      FRAME_VMALLOC, FRAME_STACK};
    unsigned long few[FRAME_OWNERS], many[FRAME_OWNERS], sum = 0;

    if (process_list != NULL)
        SKIP("programs are running");
    if (debug_on(DEBUG_GUARD))
        SKIP("objects have pages of their own");
    if (pmm_free_frames() < MANY * 24)
        SKIP("not enough memory");
    CHECK(measure(FEW, few));
    CHECK(measure(MANY, many));
    for (size_t i = 0; i < ARRAY_LENGTH(kernels); i++) {
        unsigned long more = many[kernels[i]] - few[kernels[i]];

        sum += more;
        if (more != 0)
            print(ktest_out, "# %s: %lu.%02lu frames a process\n", frame_owner_name(kernels[i]),
                  HUNDREDTHS(more) / 100, HUNDREDTHS(more) % 100);
    }
    print(ktest_out, "# together %lu.%02lu frames; its own: %lu page tables, %lu pages\n",
          HUNDREDTHS(sum) / 100, HUNDREDTHS(sum) % 100,
          (many[FRAME_PAGE_TABLE] - few[FRAME_PAGE_TABLE]) / (MANY - FEW),
          (many[FRAME_USER] - few[FRAME_USER]) / (MANY - FEW));
    CHECK(HUNDREDTHS(sum) <= FRAMES_MOST * 100);
    CHECK(HUNDREDTHS(sum) >= 200); /* the stack is among them */
}
