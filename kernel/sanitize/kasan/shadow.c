/* shadow.c - one byte of shadow for each 8 bytes of the kernel, and what is told of memory.
 *
 *   0xC0000000  direct map ──► 0xE8000000   frames of its own, from the boot map
 *   0xD0000000  vmalloc    ──► 0xEA000000   frames that come with the areas, and stay
 *   0xE0000000  the rest   ──► 0xEC000000   one page of zeros: all may be used
 *
 * Instrumented code writes the shadow of its own stack from its first instruction on. So the kernel
 * is entered here, not in kernel_main: one scratch page stands for all of the shadow until the page
 * tables are built, and nothing is checked until then (kasan_on).
 *
 * The build has two-level page tables only, and frames below 64 GiB: beyond it the frame table
 * would reach the shadow.
 *
 * Cost: an eighth of the direct map's memory.
 *
 * Lock: none. The shadow of memory belongs to whoever owns the memory; pages of shadow for vmalloc
 * come in vmalloc itself, which is not called by interrupts.
 */
#include <string.h>
#include "../../../mm/x86/pagetable_private.h"
#include "bootmem.h"
#include "frame.h"
#include "kasan.h"
#include "pmm.h"
#include "range.h"
#include "shadow.h"

#define TABLE_ENTRIES 1024u
#define TABLE_BYTES   (TABLE_ENTRIES * PAGE_SIZE)
#define TABLES        ((SHADOW_END - SHADOW_START) / TABLE_BYTES)

bool kasan_on;

/* Of the start; the scratch page stays behind the addresses that have no shadow of their own. */
static uint32_t start_table[TABLE_ENTRIES] __attribute__((aligned(4096)));
static uint8_t scratch[PAGE_SIZE] __attribute__((aligned(4096)));

void __real_kernel_main(uint32_t magic, uint32_t information);
void __wrap_kernel_main(uint32_t magic, uint32_t information);

/* The kernel's first C code (the Makefile has the linker send entry.asm here). */
void
__wrap_kernel_main(uint32_t magic, uint32_t information)
{
    for (unsigned i = 0; i < TABLE_ENTRIES; i++)
        start_table[i] = (uint32_t)image_to_paddr((char *)scratch) | PT_PRESENT | PT_WRITE;
    for (unsigned i = 0; i < TABLES; i++)
        page_directory[SHADOW_START / TABLE_BYTES + i] =
            (uint32_t)image_to_paddr((char *)start_table) | PT_PRESENT | PT_WRITE;
    __real_kernel_main(magic, information);
}

/* ---- marking ---- */

void
shadow_set(uintptr_t at, size_t size, uint8_t why)
{
    ASSERT(at % 8 == 0);
    memset(shadow_of(at), why, (size + 7) >> SHADOW_SCALE);
}

void
shadow_allow(uintptr_t at, size_t size)
{
    ASSERT(at % 8 == 0);
    memset(shadow_of(at), 0, size >> SHADOW_SCALE);
    if (size % 8 != 0)
        *shadow_of(at + size) = size % 8;
}

void
kasan_allow(const void *at, size_t size)
{
    if (kasan_on)
        shadow_allow((uintptr_t)at, size);
}

void
kasan_allow_object(const void *start, const void *at, size_t size, const void *end)
{
    if (!kasan_on)
        return;
    shadow_set((uintptr_t)start, (size_t)((const char *)end - (const char *)start),
               SHADOW_RED_ZONE);
    shadow_allow((uintptr_t)at, size);
}

void
kasan_forbid_object(const void *at, size_t size)
{
    if (kasan_on)
        shadow_set((uintptr_t)at, size, SHADOW_FREED);
}

void
kasan_forbid_frames(const void *at, size_t size)
{
    if (kasan_on && at != NULL)
        shadow_set((uintptr_t)at, size, SHADOW_FREE_FRAME);
}

/* ---- making it ---- */

static paddr_t
take(struct bootmem *boot, uint64_t bytes)
{
    paddr_t memory = bootmem_take(boot, bytes, PAGE_SIZE, DIRECT_MAP_MAX, MEMMAP_METADATA);

    if (memory == 0)
        kpanic("kasan: no memory for the shadow");
    memset(frame_to_ptr(paddr_to_pfn(memory)), 0, (size_t)bytes);
    return memory;
}

/* What the entry for page `number` of the shadow is to be. */
static uint32_t
start_entry(size_t number, paddr_t direct)
{
    size_t pages = align_up(direct_map_end >> SHADOW_SCALE, PAGE_SIZE) / PAGE_SIZE;

    if (number < pages)
        return (uint32_t)(direct + number * PAGE_SIZE) | PT_PRESENT | PT_WRITE;
    return (uint32_t)image_to_paddr((char *)scratch) | PT_PRESENT;
}

/* Each table is whole before it is put in: the stack this runs on has shadow at any time. */
static void
make_shadow(struct bootmem *boot)
{
    paddr_t direct = take(boot, align_up(direct_map_end >> SHADOW_SCALE, PAGE_SIZE));
    paddr_t tables = take(boot, TABLES * PAGE_SIZE);
    uint32_t *entries = frame_to_ptr(paddr_to_pfn(tables));

    for (size_t i = 0; i < TABLES * TABLE_ENTRIES; i++)
        entries[i] = start_entry(i, direct);
    for (unsigned i = 0; i < TABLES; i++)
        page_directory[SHADOW_START / TABLE_BYTES + i] =
            (uint32_t)(tables + i * PAGE_SIZE) | PT_PRESENT | PT_WRITE;
    tlb_flush_all();
    memset(scratch, 0, sizeof(scratch));
}

/* What the compiler wants called: it registers the variables of each file. */
static void
run_constructors(void)
{
    extern void (*const constructors_start[])(void), (*const constructors_end[])(void);

    for (void (*const *constructor)(void) = constructors_start; constructor < constructors_end;
         constructor++)
        (*constructor)();
}

void
kasan_init(struct bootmem *boot)
{
    make_shadow(boot);
    kasan_on = true;
    run_constructors();
    klog("kasan: shadow of %lu KiB, every access is checked\n",
         (unsigned long)(direct_map_end >> SHADOW_SCALE) / 1024);
}

/* ---- vmalloc ---- */

/* Gives a page of shadow a frame of its own, when it has none. */
static bool
add_shadow_page(uintptr_t shadow)
{
    uint32_t *table = frame_to_ptr(paddr_to_pfn(page_directory[shadow / TABLE_BYTES] &
                                                ~(uint32_t)PAGE_MASK));
    uint32_t *entry = &table[shadow / PAGE_SIZE % TABLE_ENTRIES];
    paddr_t frame;

    if (*entry & PT_WRITE)
        return true;
    frame = pmm_alloc_page_flags(PMM_DIRECT);
    if (frame == 0)
        return false;
    frame_set_owner(paddr_to_pfn(frame), FRAME_PAGE_TABLE);
    memset(frame_to_ptr(paddr_to_pfn(frame)), SHADOW_VMALLOC, PAGE_SIZE);
    *entry = (uint32_t)frame | PT_PRESENT | PT_WRITE;
    tlb_flush_page(shadow);
    return true;
}

bool
kasan_vmalloc(const void *at, size_t size, size_t bytes)
{
    uintptr_t first = align_down((uintptr_t)shadow_of((uintptr_t)at), PAGE_SIZE);
    uintptr_t last = (uintptr_t)shadow_of((uintptr_t)at + bytes - 1);

    for (uintptr_t shadow = first; shadow <= last; shadow += PAGE_SIZE) {
        if (!add_shadow_page(shadow))
            return false;
    }
    shadow_set((uintptr_t)at, bytes, SHADOW_VMALLOC);
    shadow_allow((uintptr_t)at, size);
    return true;
}

void
kasan_vfree(const void *at, size_t bytes)
{
    shadow_set((uintptr_t)at, bytes, SHADOW_VMALLOC);
}
