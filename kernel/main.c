/* main.c - the kernel's start, step by step.
 *
 * Each step stands on those before it, and the log shows their order:
 *
 *   entry.asm     own stack, own GDT, paging on, bss clear
 *   cpu           own tables: an exception is reported from here on
 *   consoles      the log is visible
 *   early heap    memory of a fixed size
 *   multiboot     what the loader knows, copied
 *   bootmem       the memory map, and who holds what of it
 *   pagetable     all low RAM has an address; protections; NULL faults
 *   mm            every frame of the machine is managed
 *   devices       interrupts, timer, keyboard
 *   tasks         what runs here is the idle task from now on
 *   other CPUs    each in its own idle task
 *   the work      tests, programs, or the monitor
 */
#include <string.h>
#include "boot.h"
#include "breakpoints.h"
#include "clock.h"
#include "cmdline.h"
#include "commit.h"
#include "console.h"
#include "cpu.h"
#include "early.h"
#include "file.h"
#include "io.h"
#include "kasan.h"
#include "kmalloc.h"
#include "ktests.h"
#include "mm.h"
#include "mm_debug.h"
#include "frame.h"
#include "lock_stat.h"
#include "machine.h"
#include "monitor.h"
#include "pagetable.h"
#include "pic.h"
#include "platform.h"
#include "power.h"
#include "probe.h"
#include "proc.h"
#include "memory_options.h"
#include "programs.h"
#include "signal.h"
#include "smp.h"
#include "symbols.h"
#include "task.h"
#include "timer.h"
#include "tlb_watch.h"
#include "tracing.h"
#include "tty.h"

/* What the start keeps of the boot information: 24 bytes an entry of the map, 100 a module; and for
 * each entry and each claim 80 bytes of tables. Enough for 256 entries or 200 modules. What is not
 * used goes to the page allocator. */
#define EARLY_ARENA_SIZE 0xC000

#define BAD_RUNS       64u /* pieces of badram= that are obeyed */
#define FOUR_GIB       ((uint64_t)1 << 32)
#define MOST_RAM       ((uint64_t)64 << 30)
#define MOST_ADDRESS   ((uint64_t)128 << 30) /* of what the frame table has room for */
#define LOW_MEMORY_TOP 0xA0000u

/* In the BIOS data area: the segment of the extended one, and KiB of low memory. */
#define BDA_EBDA_SEGMENT 0x0E
#define BDA_LOW_KIB      0x13

/* A stop for the Bochs debugger, when asked for; nothing otherwise. */
#define MAGIC_BREAK() __asm__ volatile("xchg %bx, %bx")

struct boot_info boot_info;
struct bootmem boot_memory;

static char early_arena[EARLY_ARENA_SIZE]
    __attribute__((aligned(4096), section(".bss.page_aligned")));

void kernel_main(uint32_t magic, uint32_t information);

/* ---- what the loader left ---- */

/* Copies physical memory a page at a time through the fixmap. */
static bool
read_physical(void *arg, uint64_t physical, void *into, size_t size)
{
    char *to = into;

    (void)arg;
    if (physical >= FOUR_GIB || size > FOUR_GIB - physical)
        return false;
    while (size > 0) {
        size_t piece = PAGE_SIZE - (size_t)(physical & PAGE_MASK);

        if (piece > size)
            piece = size;
        memcpy(to, fixmap_map(FIXMAP_BOOT, physical), piece);
        fixmap_unmap(FIXMAP_BOOT);
        to += piece;
        physical += piece;
        size -= piece;
    }
    return true;
}

static void *
alloc_early(void *arg, size_t size)
{
    (void)arg;
    return kmalloc_early(size);
}

const struct multiboot_source boot_source = {read_physical, alloc_early, NULL};

static void
read_boot_info(uint32_t information)
{
    multiboot_read(&boot_source, information, &boot_info);
    klog("multiboot: loader '%s', command line '%s', flags 0x%lx\n", boot_info.loader,
         boot_info.cmdline, (unsigned long)boot_info.flags);
    for (size_t i = 0; i < boot_info.note_count; i++)
        klog("multiboot: %s\n", boot_info.notes[i]);
    for (size_t i = 0; i < boot_info.module_count; i++) {
        const struct boot_module *module = &boot_info.modules[i];

        klog("multiboot: module [0x%08llx, 0x%08llx) '%s'\n", (unsigned long long)module->start,
             (unsigned long long)module->end, module->string);
    }
    if (boot_info.map == BOOT_MAP_SIZES)
        klog("multiboot: no memory map, only the two sizes\n");
    if (boot_info.map == BOOT_MAP_NONE)
        kpanic("the boot loader says nothing about memory: use one that gives a memory map");
}

/* ---- who holds what ---- */

/* The image, but for the early heap's arena, which is given back later. */
static void
own_image(struct bootmem *boot)
{
    paddr_t arena = image_to_paddr(early_arena);

    bootmem_own(boot, image_to_paddr(kernel_start), arena, MEMMAP_KERNEL);
    bootmem_own(boot, arena, arena + sizeof(early_arena), MEMMAP_EARLY);
    bootmem_own(boot, arena + sizeof(early_arena), image_to_paddr(kernel_end), MEMMAP_KERNEL);
}

static void
own_low_memory(struct bootmem *boot)
{
    unsigned kib = bios_data_word(BDA_LOW_KIB);
    unsigned segment = bios_data_word(BDA_EBDA_SEGMENT);

    bootmem_own(boot, bootmem_low_end(kib, segment), LOW_MEMORY_TOP, MEMMAP_LOW);
}

static uint64_t memory_limit; /* mem=SIZE; 0: none */

static bool
add_entry(const struct memory_item *item)
{
    size_t size = boot_info.entry_count * sizeof(*boot_info.entries);
    struct memmap_entry *entries = kmalloc_early(size + sizeof(*entries));

    if (entries == NULL)
        return false;
    memcpy(entries, boot_info.entries, size);
    entries[boot_info.entry_count++] =
        (struct memmap_entry){.base = item->base, .length = item->size, .type = item->type};
    boot_info.entries = entries;
    klog("cmdline: [0x%llx, 0x%llx) is of type %lu\n", (unsigned long long)item->base,
         (unsigned long long)(item->base + item->size), (unsigned long)item->type);
    return true;
}

static uint64_t
ram_frames_above(const struct bootmem *boot, uint64_t address)
{
    return memmap_ram_frames(boot->regions, boot->region_count, address, 0);
}

/* Where the RAM that is managed ends: what page tables can name, what there are descriptors for,
 * and MOST_RAM in all. */
static uint64_t
memory_end(const struct bootmem *boot)
{
    uint64_t end = pagetable_memory_end();
    uint64_t fits = 0, most; /* frames from 0 on */

    if (end > MOST_ADDRESS)
        end = MOST_ADDRESS;
    most = end >> PAGE_SHIFT;
    while (fits < most) {
        uint64_t middle = most - (most - fits) / 2;
        uint64_t ram = memmap_ram_frames(boot->regions, boot->region_count, 0, middle << PAGE_SHIFT);

        if (ram <= MOST_RAM >> PAGE_SHIFT)
            fits = middle;
        else
            most = middle - 1;
    }
    return fits << PAGE_SHIFT;
}

/* mem=SIZE@BASE!TYPE: pieces that are added to the firmware's map; the sanitiser decides where they
 * overlap. Room for them comes from the early heap. */
static void
edit_map(void)
{
    const char *text = cmdline_value("mem");
    struct memory_item item;

    memory_limit = 0;
    while (text != NULL && *text != '\0') {
        const char *start = text;

        if (!memory_item(&text, &item)) {
            klog("cmdline: '%s' in mem= makes no sense and is ignored\n", start);
            return;
        }
        if (item.is_limit)
            memory_limit = item.size;
        else if (!add_entry(&item))
            klog("cmdline: no memory for mem=\n");
    }
}

/* badram=: frames that nobody is to have. */
static void
own_bad(struct bootmem *boot)
{
    const char *text = cmdline_value("badram");
    uint64_t end = pagetable_memory_end();
    unsigned runs = 0;

    while (text != NULL && *text != '\0') {
        const char *item = text;
        struct bad_frames bad;
        uint64_t start;

        if (!bad_frames_item(&text, &bad)) {
            klog("cmdline: '%s' in badram= makes no sense and is ignored\n", item);
            return;
        }
        start = bad.address;
        do {
            if (runs++ == BAD_RUNS) {
                klog("cmdline: badram= says more than %u pieces; the rest is ignored\n", BAD_RUNS);
                return;
            }
            bootmem_own(boot, start, start + bad_run_length(&bad), MEMMAP_DEFECT);
        } while (bad_run_next(&bad, &start) && start < end);
    }
}

/* RAM that stays unused: what cannot be managed, and what is beyond mem=SIZE. */
static void
own_absent(struct bootmem *boot)
{
    uint64_t limit, frames;

    pagetable_choose(ram_frames_above(boot, FOUR_GIB) != 0);
    limit = memory_end(boot);
    frames = ram_frames_above(boot, limit);
    if (frames != 0) {
        klog("memmap: %llu MiB of RAM at or above %llu GiB stay unused: %s\n",
             (unsigned long long)(frames >> 8), (unsigned long long)(limit >> 30),
             limit == pagetable_memory_end() ? "page tables cannot name them" : "64 GiB are enough");
        bootmem_own(boot, limit, 0, MEMMAP_ABSENT);
    }
    if (memory_limit != 0)
        bootmem_own(boot, memory_limit, 0, MEMMAP_ABSENT);
}

static void
choose_overcommit(void)
{
    const char *text = cmdline_value("overcommit");
    uint64_t mode = COMMIT_HEURISTIC;

    if (text != NULL && (!cmdline_size(text, &mode) || mode > COMMIT_STRICT))
        klog("cmdline: overcommit=%s is none of 0, 1 and 2 and is ignored\n", text);
    else
        commit_set_mode((enum commit_mode)mode);
}

static void
choose_debugging(void)
{
    mm_debug_choose(KASAN_AIDS);
    if (cmdline_flag("slab_debug"))
        mm_debug_choose("heap");
    if (cmdline_flag("debug"))
        mm_debug_choose(cmdline_value("debug"));
    if (cmdline_flag("guard"))
        mm_debug_guard(cmdline_value("guard"));
    if (cmdline_flag("faults"))
        fault_report_choose(cmdline_value("faults"));
}

static void
find_memory(void)
{
    struct bootmem *boot = &boot_memory;

    edit_map();
    bootmem_init(boot, boot_info.entries, boot_info.entry_count);
    bootmem_print_firmware(&klog_printer, boot);
    own_image(boot);
    own_low_memory(boot);
    for (size_t i = 0; i < boot_info.owned_count; i++) {
        const struct memmap_entry *owned = &boot_info.owned[i];

        bootmem_own(boot, owned->base, owned->base + owned->length, owned->owner);
    }
    own_absent(boot);
    own_bad(boot);
    probe_memory(boot);
    bootmem_print(&klog_printer, boot);
}

/* ---- the work ---- */

static void
start_devices(void)
{
    pic_init();
    timer_init();
    console_input_init();
    interrupts_enable();
}

static _Noreturn void
run_tests(const char *glob)
{
    power_off_checked((int)ktests_run(*glob != '\0' ? glob : "*"));
}

void
kernel_main(uint32_t magic, uint32_t information)
{
    cpu_init();
    early_init(early_arena, sizeof(early_arena));
    console_early_init();
    klog("octavo: started, image of %lu KiB\n", (unsigned long)(kernel_end - kernel_start) / 1024);
    ASSERT(magic == MULTIBOOT_MAGIC);
    read_boot_info(information);
    cmdline_parse(boot_info.cmdline);
    console_setup();
    find_memory();
    pagetable_init(&boot_memory);
    kasan_init(&boot_memory);
    symbols_init(&boot_source, &boot_info.elf, &boot_memory);
    if (cmdline_flag("break"))
        breakpoints_set(cmdline_value("break"));
    choose_debugging();
    mm_init(&boot_memory);
    tracing_init();
    choose_overcommit();
    if (cmdline_flag("lockorder"))
        lock_order_start();
    else if (cmdline_flag("lockstat"))
        lock_stat_start();
    MAGIC_BREAK();
    klog("mm: %lu frames of boot information come back\n", mm_release(FRAME_BOOTINFO));
    start_devices();
    clock_init();
    memtest_at_start();
    machine_init();
    if (debug_on(DEBUG_TLB))
        tlb_watch_init();
    task_init();
    signal_init();
    files_init();
    tty_init();
    proc_init();
    cpu_start_others();
    mm_debug_check_guard();
    if (cmdline_flag("crash"))
        crash_on_purpose(cmdline_value("crash"));
    if (cmdline_flag("bench"))
        power_off_checked(ktests_bench() ? 0 : 1);
    if (cmdline_flag("test"))
        run_tests(cmdline_value("test"));
    programs_run();
    monitor_run();
}
