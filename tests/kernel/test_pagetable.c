/* test_pagetable.c - the kernel's page tables, on the machine itself. */
#include <string.h>
#include "ktest.h"
#include "cpu.h"
#include "format.h"
#include "kmalloc.h"
#include "mm.h"
#include "pagetable.h"
#include "platform.h"
#include "pmm.h"
#include "vmalloc.h"

/* A page in the window for temporary maps that nobody uses. */
#define FREE_PAGE 0xF1000000u

struct text_printer {
    struct printer printer;
    char text[1024];
    size_t length;
};

/* Two addresses, one frame: what is written through the first is read through the second. */
KTEST(pagetable, map_and_unmap)
{
    paddr_t frame = pmm_alloc_page_flags(PMM_DIRECT | PMM_ZERO), pa = 0;
    volatile uint32_t *direct = frame_to_ptr(paddr_to_pfn(frame));
    volatile uint32_t *mapped = (volatile uint32_t *)FREE_PAGE;
    unsigned flags = 0;

    CHECK(frame != 0);
    CHECK(!pagetable_lookup(FREE_PAGE, NULL, NULL));
    CHECK(pagetable_map(FREE_PAGE, frame, PT_WRITE));
    mapped[3] = 0x12345678;
    CHECK_EQ(direct[3], 0x12345678);
    CHECK(pagetable_lookup(FREE_PAGE + 12, &pa, &flags));
    CHECK_EQ(pa, frame + 12);
    CHECK_EQ(flags & (PT_PRESENT | PT_WRITE | PT_USER), PT_PRESENT | PT_WRITE);
    CHECK_EQ(pagetable_unmap(FREE_PAGE), frame);
    CHECK(!pagetable_lookup(FREE_PAGE, NULL, NULL));
    CHECK_EQ(pagetable_unmap(FREE_PAGE), 0);
    pmm_free_page(frame);
}

/* The TLB must forget the first frame when the page gets the second. */
KTEST(pagetable, mapped_anew)
{
    paddr_t first = pmm_alloc_page_flags(PMM_DIRECT), second = pmm_alloc_page_flags(PMM_DIRECT);
    volatile uint32_t *mapped = (volatile uint32_t *)FREE_PAGE;

    CHECK(first != 0 && second != 0);
    *(uint32_t *)frame_to_ptr(paddr_to_pfn(first)) = 1;
    *(uint32_t *)frame_to_ptr(paddr_to_pfn(second)) = 2;
    CHECK(pagetable_map(FREE_PAGE, first, PT_WRITE));
    CHECK_EQ(*mapped, 1);
    CHECK_EQ(pagetable_unmap(FREE_PAGE), first);
    CHECK(pagetable_map(FREE_PAGE, second, PT_WRITE | PT_GLOBAL));
    CHECK_EQ(*mapped, 2);
    CHECK_EQ(pagetable_unmap(FREE_PAGE), second);
    CHECK(pagetable_map(FREE_PAGE, first, 0));
    CHECK_EQ(*mapped, 1);
    CHECK_EQ(pagetable_unmap(FREE_PAGE), first);
    pmm_free_page(first);
    pmm_free_page(second);
}

/* 4 MiB that have no table yet: the map fails and nothing has changed. */
KTEST(pagetable, no_memory_for_a_table)
{
    uintptr_t va = FREE_PAGE + 0x400000;
    bool mapped;

    while (pagetable_lookup(va, NULL, NULL))
        va += 0x400000;
    mm_fail_nth(1);
    mapped = pagetable_map(va, 0x1000, 0);
    mm_fail_nth(0);
    if (mapped) {
        CHECK_EQ(pagetable_unmap(va), 0x1000);
        SKIP("the table is there from an earlier run");
    }
    CHECK(!pagetable_lookup(va, NULL, NULL));
    CHECK(pagetable_map(va, 0x1000, 0));
    CHECK_EQ(pagetable_unmap(va), 0x1000);
}

static void
map_twice(void *frame)
{
    CHECK(pagetable_map(FREE_PAGE, *(paddr_t *)frame, 0));
    CHECK(pagetable_map(FREE_PAGE, *(paddr_t *)frame, 0));
}

KTEST(pagetable, misuse_panics)
{
    paddr_t frame = 0x1000;

    CHECK(ktest_panics(map_twice, &frame, "assertion failed"));
    CHECK_EQ(pagetable_unmap(FREE_PAGE), frame);
    frame = 0x1001;
    CHECK(ktest_panics(map_twice, &frame, "assertion failed"));
    frame = pagetable_memory_end();
    CHECK(ktest_panics(map_twice, &frame, "assertion failed"));
}

KTEST(pagetable, image_is_protected)
{
    unsigned flags;

    for (const char *page = kernel_start; page < rodata_end; page += PAGE_SIZE) {
        CHECK(pagetable_lookup((uintptr_t)page, NULL, &flags));
        CHECK_EQ(flags & (PT_WRITE | PT_USER), 0);
    }
    CHECK(pagetable_lookup((uintptr_t)data_start, NULL, &flags));
    CHECK_EQ(flags & (PT_WRITE | PT_USER), PT_WRITE);
    CHECK(!pagetable_lookup(0, NULL, NULL));
}

/* Where the CPU can forbid it, nothing is executed but code. */
KTEST(pagetable, only_code_is_executable)
{
    static char data;
    unsigned flags;
    void *heap = kmalloc(100), *scattered = vmalloc(100);
    const void *others[] = {rodata_start, &data, ktest_scratch, heap, scattered, &flags,
                            (void *)KERNEL_BASE, FRAME_TABLE};

    CHECK(pagetable_lookup((uintptr_t)text_start, NULL, &flags));
    CHECK(!(flags & PT_NOEXEC));
    for (unsigned i = 0; pagetable_is_pae() && cpu_features.nx && i < ARRAY_LENGTH(others); i++) {
        CHECK(pagetable_lookup((uintptr_t)others[i], NULL, &flags));
        CHECK(flags & PT_NOEXEC);
    }
    kfree(heap);
    vfree(scattered);
}

KTEST(pagetable, guard_pages_are_holes)
{
    extern char boot_stack_guard[], fault_stack_guard[];

    CHECK(!pagetable_lookup((uintptr_t)boot_stack_guard, NULL, NULL));
    CHECK(!pagetable_lookup((uintptr_t)fault_stack_guard + PAGE_SIZE - 1, NULL, NULL));
    CHECK(pagetable_lookup((uintptr_t)boot_stack_guard + PAGE_SIZE, NULL, NULL));
    CHECK(pagetable_lookup((uintptr_t)fault_stack_guard - 1, NULL, NULL));
}

/* The direct map is what its name says, as far as it goes. */
KTEST(pagetable, direct_map)
{
    for (uintptr_t at = 0; at < direct_map_end; at += 16 * PAGE_SIZE) {
        paddr_t pa;

        if (pagetable_lookup(KERNEL_BASE + at, &pa, NULL))
            CHECK_EQ(pa, at);
    }
    CHECK(direct_map_end <= DIRECT_MAP_MAX);
    CHECK(frame_to_ptr(paddr_to_pfn(direct_map_end)) == NULL);
}

KTEST(pagetable, read_ok)
{
    extern char boot_stack_guard[];
    const char *volatile place = boot_stack_guard; /* the compiler is to know nothing of it */
    const char *guard = place;

    CHECK(kernel_read_ok(kernel_start, (size_t)(guard - kernel_start)));
    CHECK(!kernel_read_ok(kernel_start, (size_t)(guard - kernel_start) + 1));
    CHECK(kernel_read_ok(guard - 1, 1) && !kernel_read_ok(guard - 1, 2));
    CHECK(!kernel_read_ok(guard, 1) && !kernel_read_ok(guard + PAGE_SIZE - 1, 1));
    CHECK(kernel_read_ok(guard + PAGE_SIZE, 1));
    CHECK(kernel_read_ok(NULL, 0) && !kernel_read_ok(NULL, 1));
    CHECK(!kernel_read_ok((const void *)0xFFFFFFFE, 2) && !kernel_read_ok(kernel_start, SIZE_MAX));
}

KTEST(pagetable, fixmap)
{
    paddr_t frame = pmm_alloc_page_flags(PMM_DIRECT);
    char *byte = frame_to_ptr(paddr_to_pfn(frame));

    CHECK(frame != 0);
    byte[5] = 'f';
    CHECK_EQ(*(char *)fixmap_map(FIXMAP_PEEK, frame + 5), 'f');
    fixmap_unmap(FIXMAP_PEEK);
    byte[5] = 'g';
    CHECK_EQ(*(char *)fixmap_map(FIXMAP_PEEK, frame + 5), 'g');
    fixmap_unmap(FIXMAP_PEEK);
    pmm_free_page(frame);
}

static void
print_into(struct printer *self, const char *format, va_list args)
{
    struct text_printer *out = (struct text_printer *)self;

    out->length += (size_t)format_text_v(out->text + out->length, sizeof(out->text) - out->length,
                                         format, args);
}

KTEST(pagetable, walk_in_words)
{
    static struct text_printer out;

    out = (struct text_printer){.printer = {print_into}};
    pagetable_print_walk(&out.printer, (uintptr_t)kernel_start + 0x10);
    CHECK(strstr(out.text, pagetable_is_pae() ? "pointer[3]" : "directory[768]") != NULL);
    CHECK(strstr(out.text, "table[256]") != NULL);
    CHECK(strstr(out.text, "read-only kernel") != NULL);
    CHECK(strstr(out.text, "physical 0x00100010") != NULL);
    out = (struct text_printer){.printer = {print_into}};
    pagetable_print_walk(&out.printer, 0);
    CHECK(strstr(out.text, pagetable_is_pae() ? "pointer[0]" : "directory[0]") != NULL);
    CHECK(strstr(out.text, "not present") != NULL);
}
