/* cpu.c - the tables the CPU works with.
 *
 * GDT: flat segments for the kernel and for programs, so that paging alone protects memory, three
 * that belong to the running thread (its thread-local storage, by %gs), one whose base is this
 * CPU's struct cpu (the kernel's %fs: this_cpu.h), and two task state segments. The first only
 * tells the CPU where the kernel stack is when a trap comes from ring 3, and receives the registers
 * when the second takes over. The second is the double fault's: a task of its own with a stack of
 * its own. When a kernel stack overflows into its guard page, the CPU cannot push the page fault's
 * frame there; the fault becomes a double fault, and only a task switch still finds a stack to
 * report from.
 *
 * IDT: an interrupt gate a vector, leading to traps.asm; vector 8 is the task gate, 80h the system
 * calls' trap gate. Programs may raise 3 (INT3), 4 (INTO) and 80h themselves.
 */
#include <string.h>
#include "cpu.h"
#include "platform.h"
#include "trap.h"

#define EFLAGS_ID      0x200000u
#define CPUID_EDX_FPU  (1u << 0)
#define CPUID_EDX_PSE  (1u << 3)
#define CPUID_EDX_TSC  (1u << 4)
#define CPUID_EDX_PAE  (1u << 6)
#define CPUID_EDX_APIC (1u << 9)
#define CPUID_EDX_PGE  (1u << 13)
#define CPUID_EDX_PSE36 (1u << 17)
#define CPUID_EDX_FXSR (1u << 24)
#define CPUID_EDX_SSE  (1u << 25)
#define CPUID_ECX_X2APIC (1u << 21)

#define MSR_APIC_BASE    0x1B
#define APIC_BASE_X2APIC 0x400

/* Leaves of CPUID that AMD defined first. */
#define EXTENDED              0x80000000u
#define CPUID_EXTENDED_EDX_NX (1u << 20)
#define MOST_ADDRESS_BITS     40 /* more than there are descriptors for */

/* Access bytes of descriptors: Intel SDM volume 3, 3.4.5 and 7.2.2. */
#define ACCESS_CODE      0x9A
#define ACCESS_DATA      0x92
#define ACCESS_USER      0x60
#define ACCESS_TSS       0x89
#define ACCESS_INTERRUPT 0x8E
#define ACCESS_TRAP      0x8F
#define ACCESS_TASK_GATE 0x85
#define FLAGS_FLAT       0xC0 /* limit counts pages, 32 bits */
#define FLAGS_BYTES      0x40 /* limit counts bytes, 32 bits */

struct table_pointer {
    uint16_t limit;
    uint32_t base;
} __attribute__((packed));

struct cpu_features cpu_features;

extern struct task idle_task;
static struct cpu boot_cpu = {.task = &idle_task};
struct cpu *cpu_by_id[CPU_MAX] = {&boot_cpu};
unsigned cpus_running = 1;

static uint64_t idt[256];

extern void (*const trap_stubs[TRAP_VECTORS])(void);
extern void double_fault_entry(void), page_fault_entry(void), syscall_entry(void);
extern char boot_stack_top[], fault_stack_top[];

static uint64_t
descriptor(uint32_t base, uint32_t limit, unsigned access, unsigned flags)
{
    uint64_t low = limit & 0xFFFF, base_low = base & 0xFFFFFF;

    return low | base_low << 16 | (uint64_t)access << 40 |
           (uint64_t)((limit >> 16 & 0xF) | flags) << 48 | (uint64_t)(base >> 24) << 56;
}

static uint64_t
gate(unsigned selector, uint32_t offset, unsigned access)
{
    return (offset & 0xFFFF) | (uint64_t)selector << 16 | (uint64_t)access << 40 |
           (uint64_t)(offset >> 16) << 48;
}

static void
fill_tss(struct tss *tss, void *stack)
{
    tss->esp0 = (uintptr_t)stack;
    tss->ss0 = KERNEL_DATA;
    tss->cr3 = read_cr3();
    tss->io_map = sizeof(*tss); /* beyond the limit: no port is allowed */
}

static void
fill_double_fault_tss(struct tss *tss, void *stack)
{
    fill_tss(tss, stack);
    tss->eip = (uintptr_t)double_fault_entry;
    tss->eflags = 0x2; /* interrupts off; bit 1 is always set */
    tss->esp = (uintptr_t)stack;
    tss->cs = KERNEL_CODE;
    tss->ss = tss->ds = tss->es = tss->gs = KERNEL_DATA;
    tss->fs = CPU_SEGMENT;
}

static void
fill_gdt(struct cpu *cpu)
{
    uint64_t *gdt = cpu->gdt;

    gdt[KERNEL_CODE / 8] = descriptor(0, 0xFFFFF, ACCESS_CODE, FLAGS_FLAT);
    gdt[KERNEL_DATA / 8] = descriptor(0, 0xFFFFF, ACCESS_DATA, FLAGS_FLAT);
    gdt[USER_CODE / 8] = descriptor(0, 0xFFFFF, ACCESS_CODE | ACCESS_USER, FLAGS_FLAT);
    gdt[USER_DATA / 8] = descriptor(0, 0xFFFFF, ACCESS_DATA | ACCESS_USER, FLAGS_FLAT);
    gdt[TASK_SEGMENT / 8] =
        descriptor((uintptr_t)&cpu->tss, sizeof(cpu->tss) - 1, ACCESS_TSS, 0);
    gdt[DOUBLE_FAULT_TSS / 8] = descriptor((uintptr_t)&cpu->double_fault_tss,
                                           sizeof(cpu->double_fault_tss) - 1, ACCESS_TSS, 0);
    gdt[CPU_SEGMENT / 8] = descriptor((uintptr_t)cpu, sizeof(*cpu) - 1, ACCESS_DATA, FLAGS_BYTES);
}

/* The selectors of code and data are those of entry.asm's GDT; loading them again fetches the new
 * descriptors. */
static void
load_gdt(const struct cpu *cpu)
{
    struct table_pointer pointer = {sizeof(cpu->gdt) - 1, (uintptr_t)cpu->gdt};

    __asm__ volatile("lgdt %0\n\t"
                     "ljmp %1, $1f\n"
                     "1:\n\t"
                     "mov %2, %%ds\n\t"
                     "mov %2, %%es\n\t"
                     "mov %2, %%gs\n\t"
                     "mov %2, %%ss\n\t"
                     "mov %3, %%fs\n\t"
                     "lldt %w4\n\t"
                     "ltr %w5"
                     :
                     : "m"(pointer), "i"(KERNEL_CODE), "r"(KERNEL_DATA), "r"(CPU_SEGMENT), "r"(0),
                       "r"(TASK_SEGMENT)
                     : "memory");
}

void
cpu_set_gate(unsigned vector, void (*entry)(void), bool user)
{
    ASSERT(vector < ARRAY_LENGTH(idt));
    idt[vector] = gate(KERNEL_CODE, (uintptr_t)entry, ACCESS_INTERRUPT | (user ? ACCESS_USER : 0));
}

void
cpu_set_trap_gate(unsigned vector, void (*entry)(void), bool user)
{
    ASSERT(vector < ARRAY_LENGTH(idt));
    idt[vector] = gate(KERNEL_CODE, (uintptr_t)entry, ACCESS_TRAP | (user ? ACCESS_USER : 0));
}

static void
fill_idt(void)
{
    for (unsigned vector = 0; vector < TRAP_VECTORS; vector++)
        cpu_set_gate(vector, trap_stubs[vector],
                     vector == TRAP_BREAKPOINT || vector == TRAP_OVERFLOW);
    cpu_set_gate(TRAP_PAGE_FAULT, page_fault_entry, false);
    cpu_set_trap_gate(TRAP_SYSCALL, syscall_entry, true);
    idt[TRAP_DOUBLE_FAULT] = gate(DOUBLE_FAULT_TSS, 0, ACCESS_TASK_GATE);
}

static void
cpuid(uint32_t leaf, uint32_t *eax, uint32_t *ebx, uint32_t *ecx, uint32_t *edx)
{
    __asm__ volatile("cpuid" : "=a"(*eax), "=b"(*ebx), "=c"(*ecx), "=d"(*edx) : "a"(leaf), "c"(0));
}

/* CPUID exists when the ID flag can be changed. */
static bool
has_cpuid(void)
{
    uint32_t before, after;

    __asm__ volatile("pushf\n\t"
                     "pop %0\n\t"
                     "mov %0, %1\n\t"
                     "xor %2, %1\n\t"
                     "push %1\n\t"
                     "popf\n\t"
                     "pushf\n\t"
                     "pop %1\n\t"
                     "push %0\n\t"
                     "popf"
                     : "=&r"(before), "=&r"(after)
                     : "i"(EFLAGS_ID));
    return ((before ^ after) & EFLAGS_ID) != 0;
}

/* AMD's leaves, which most CPUs have that have NX. */
static void
learn_extended(struct cpu_features *cpu)
{
    uint32_t highest, eax, unused, edx;

    cpuid(EXTENDED, &highest, &unused, &unused, &edx);
    if (highest < EXTENDED || highest > EXTENDED + 0xFFFF)
        return;
    if (highest >= EXTENDED + 1) {
        cpuid(EXTENDED + 1, &eax, &unused, &unused, &edx);
        cpu->nx = cpu->pae && edx & CPUID_EXTENDED_EDX_NX;
    }
    if (highest >= EXTENDED + 8) {
        cpuid(EXTENDED + 8, &eax, &unused, &unused, &edx);
        cpu->address_bits = (uint8_t)eax < MOST_ADDRESS_BITS ? (uint8_t)eax : MOST_ADDRESS_BITS;
    }
}

static void
learn_features(void)
{
    struct cpu_features *cpu = &cpu_features;
    uint32_t highest, ecx, edx, unused, vendor[3];

    cpu->has_cpuid = has_cpuid();
    if (!cpu->has_cpuid)
        return;
    cpuid(0, &highest, &vendor[0], &vendor[2], &vendor[1]);
    memcpy(cpu->vendor, vendor, sizeof(vendor));
    if (highest < 1)
        return;
    cpuid(1, &cpu->signature, &unused, &ecx, &edx);
    cpu->pse = edx & CPUID_EDX_PSE;
    cpu->pae = edx & CPUID_EDX_PAE;
    cpu->pge = edx & CPUID_EDX_PGE;
    cpu->apic = edx & CPUID_EDX_APIC;
    cpu->x2apic = ecx & CPUID_ECX_X2APIC;
    cpu->tsc = edx & CPUID_EDX_TSC;
    cpu->fpu = edx & CPUID_EDX_FPU;
    cpu->fxsr = edx & CPUID_EDX_FXSR;
    cpu->sse = edx & CPUID_EDX_SSE;
    cpu->address_bits = edx & CPUID_EDX_PSE36 ? 36 : 32;
    learn_extended(cpu);
}

void
cpu_prepare(struct cpu *cpu, void *stack, void *fault_stack)
{
    fill_tss(&cpu->tss, stack);
    fill_double_fault_tss(&cpu->double_fault_tss, fault_stack);
    fill_gdt(cpu);
    cpu->self = cpu;
}

void
cpu_take(const struct cpu *cpu)
{
    struct table_pointer pointer = {sizeof(idt) - 1, (uintptr_t)idt};

    load_gdt(cpu);
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

bool
cpu_in_x2apic_mode(void)
{
    uint32_t low, high;

    if (!cpu_features.x2apic)
        return false;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_APIC_BASE));
    return low & APIC_BASE_X2APIC;
}

void
cpu_init(void)
{
    cpu_prepare(&boot_cpu, boot_stack_top, fault_stack_top);
    fill_idt();
    cpu_take(&boot_cpu);
    learn_features();
}

void
cpu_set_directory(uint32_t cr3)
{
    boot_cpu.tss.cr3 = boot_cpu.double_fault_tss.cr3 = cr3;
    write_cr3(cr3);
}

void
cpu_halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}
