/* explain.c - what a wrong address looks like.
 *
 * Most wrong pointers come from a handful of mistakes, and each leaves a number that can be told by
 * sight:
 *
 *   0x00000010           a field of a structure whose pointer is NULL
 *   0xfffffffc           an element before one, or an error number used as a pointer
 *   0x6b6b6b7b           a pointer read from a freed object (poison.h), plus a field
 *   0x5a5a5a5a           one read from an object that nobody has filled in
 *   0x64636261           "abcd": text was written over a pointer
 *
 * For the kernel the address also lies in one of its regions, each with its own rules
 * (docs/design.md, address space).
 */
#include <string.h>
#include "explain.h"
#include "format.h"
#include "mm_debug.h"
#include "pagetable.h"
#include "platform.h"
#include "poison.h"
#include "sections.h"
#include "space.h"
#include "symbols.h"
#include "task.h"
#include "vmalloc.h"

/* A field that far from a poisoned pointer is still told. */
#define FIELD_REACH 0x1000u

#define VMALLOC_END   (VMALLOC_START + VMALLOC_BYTES)
#define FRAMES_START  0xE0000000u
#define FRAMES_END    0xF0000000u

/* Pages of the kernel's image that pagetable_start unmaps: kernel/entry.asm. */
extern char boot_stack_guard[], fault_stack_guard[];

static const struct poison {
    uint8_t byte;
    const char *meaning;
} poisons[] = {
    {POISON_FREE, "a pointer read from a freed object"},
    {POISON_NEW, "a pointer read from memory that nobody has set"},
    {POISON_RED, "a pointer read from behind or before an object"},
    {POISON_PAGE, "a pointer read from a frame that is free"},
    {POISON_MARK, "a pointer read from a freed object"},
};

void
explain_size(uint32_t bytes, char *text, size_t size)
{
    if (bytes < 0x2800)
        format_text(text, size, "%lu byte%s", (unsigned long)bytes, bytes == 1 ? "" : "s");
    else if (bytes < 0xA00000)
        format_text(text, size, "%lu KiB", (unsigned long)bytes >> 10);
    else
        format_text(text, size, "%lu MiB", (unsigned long)bytes >> 20);
}

/* Four characters that are all text. */
static bool
is_text(uintptr_t address)
{
    for (unsigned shift = 0; shift < 32; shift += 8) {
        uint8_t byte = (uint8_t)(address >> shift);

        if (byte < ' ' || byte > '~')
            return false;
    }
    return true;
}

static const struct poison *
find_poison(uintptr_t address, uint32_t *offset)
{
    for (size_t i = 0; i < ARRAY_LENGTH(poisons); i++) {
        *offset = (uint32_t)address - poisons[i].byte * 0x01010101u;
        if (*offset < FIELD_REACH)
            return &poisons[i];
    }
    return NULL;
}

bool
explain_pointer(uintptr_t address, char *text, size_t size)
{
    uint32_t offset;
    const struct poison *poison = find_poison(address, &offset);

    *text = '\0';
    if (address == 0)
        format_text(text, size, "a NULL pointer");
    else if (address < NULL_REACH)
        format_text(text, size, "a field %lu bytes behind a NULL pointer", (unsigned long)address);
    else if (address >= 0u - FIELD_REACH)
        format_text(text, size, "a NULL pointer minus %lu, or error -%lu taken for a pointer",
                    (unsigned long)-address, (unsigned long)-address);
    else if (poison != NULL)
        format_text(text, size, "%s (poison 0x%02x%02x%02x%02x plus %lu)", poison->meaning,
                    poison->byte, poison->byte, poison->byte, poison->byte, (unsigned long)offset);
    else if (is_text(address))
        format_text(text, size, "the text \"%c%c%c%c\" where a pointer should be",
                    (char)address, (char)(address >> 8), (char)(address >> 16),
                    (char)(address >> 24));
    return *text != '\0';
}

/* ---- the kernel's regions ---- */

/* The vmalloc area that ends nearest below `address`; its start, 0 when there is none. */
static uintptr_t
area_below(uintptr_t address, size_t *bytes)
{
    uintptr_t at = VMALLOC_START, found = 0;

    while (at < address) {
        size_t size = (size_t)pagetable_note(at) << PAGE_SHIFT;

        if (size != 0) {
            found = at + PAGE_SIZE;
            *bytes = size;
        }
        at += PAGE_SIZE + size;
    }
    return found;
}

static void
explain_vmalloc(struct printer *out, uintptr_t address)
{
    uintptr_t page = address & ~(uintptr_t)PAGE_MASK, start;
    size_t bytes = (size_t)pagetable_note(page) << PAGE_SHIFT;
    char far[24];

    if (mm_debug_guards(address)) {
        print(out, "a guard page, or where an object was (debug=guard)");
        return;
    }
    if (bytes != 0) {
        explain_size((uint32_t)(page + PAGE_SIZE - address), far, sizeof(far));
        print(out, "the guard page, %s before the vmalloc area %08lx-%08lx", far,
              (unsigned long)(page + PAGE_SIZE), (unsigned long)(page + PAGE_SIZE + bytes));
        return;
    }
    start = area_below(page, &bytes);
    if (start == 0) {
        print(out, "vmalloc memory that was freed or never was");
        return;
    }
    explain_size((uint32_t)(address - start - bytes) + 1, far, sizeof(far));
    print(out, "vmalloc addresses without memory, %s behind the area %08lx-%08lx", far,
          (unsigned long)start, (unsigned long)(start + bytes));
}

static bool
in_page(uintptr_t address, const char *page)
{
    return address - (uintptr_t)page < PAGE_SIZE;
}

static void
explain_image(struct printer *out, uintptr_t address)
{
    bool text = address >= (uintptr_t)text_start && address < (uintptr_t)text_end;
    char name[80];

    symbol_name((const void *)address, name, sizeof(name));
    print(out, "%s, %s", text ? "the kernel's own code, which is read-only"
                       : address < (uintptr_t)data_start ? "the kernel's constants"
                                                         : "the kernel's variables",
          name);
}

static void
explain_direct(struct printer *out, uintptr_t address)
{
    if (in_page(address, boot_stack_guard))
        print(out, "the guard page below the kernel's first stack");
    else if (in_page(address, fault_stack_guard))
        print(out, "the guard page below the stack of the double fault's task");
    else if (address >= (uintptr_t)kernel_start && address < (uintptr_t)kernel_end)
        explain_image(out, address);
    else if (address >= direct_map_end)
        print(out, "the direct map behind the last RAM it shows (0x%08lx)",
              (unsigned long)direct_map_end);
    else
        print(out, "the direct map, physical address 0x%08lx",
              (unsigned long)(address - KERNEL_BASE));
}

static void
explain_program(struct printer *out, uintptr_t address)
{
    const struct address_space *space = task_current()->space;
    const struct area *area = space != NULL ? area_find(&space->areas, address) : NULL;

    print(out, "a program's address, which the kernel may touch by a copy only");
    if (area != NULL && area->start <= address)
        print(out, " (%08lx-%08lx %s)", (unsigned long)area->start, (unsigned long)area->end,
              area_name(area));
}

static void
explain_place(struct printer *out, uintptr_t address)
{
    char text[96];

    if (explain_pointer(address, text, sizeof(text)))
        print(out, "%s", text);
    else if (address < KERNEL_BASE)
        explain_program(out, address);
    else if (address < VMALLOC_START)
        explain_direct(out, address);
    else if (address < VMALLOC_END)
        explain_vmalloc(out, address);
    else if (address >= FRAMES_START && address < FRAMES_END)
        print(out, "the frame table: the descriptor of frame 0x%lx, which is no RAM",
              (unsigned long)(address - FRAMES_START) / 8);
    else
        print(out, "an address where the kernel has nothing");
}

/* Memory that is there but forbids to be executed, or that the CPU was sent to by accident. */
static bool
explain_jump(struct printer *out, uintptr_t address, const struct trap_frame *frame)
{
    if (frame->vector != TRAP_PAGE_FAULT ||
        (!(frame->error & FAULT_FETCH) && address != frame->eip))
        return false;
    print(out, "a jump to %s: ", frame->error & FAULT_PROTECTION ? "data (no-execute)" : "nowhere");
    return true;
}

void
explain_kernel_fault(struct printer *out, uintptr_t address, const struct trap_frame *frame)
{
    print(out, "panic: this looks like ");
    explain_jump(out, address, frame);
    explain_place(out, address);
    print(out, "\n");
    mm_debug_explain(out, address);
}

void
explain_registers(struct printer *out, const struct trap_frame *frame)
{
    const struct {
        const char *name;
        uint32_t value;
    } registers[] = {{"eax", frame->eax}, {"ebx", frame->ebx}, {"ecx", frame->ecx},
                     {"edx", frame->edx}, {"esi", frame->esi}, {"edi", frame->edi},
                     {"ebp", frame->ebp}};

    for (size_t i = 0; i < ARRAY_LENGTH(registers); i++) {
        uint32_t offset;
        const struct poison *poison = find_poison(registers[i].value, &offset);

        if (poison != NULL)
            print(out, "panic: %s holds 0x%08lx: %s\n", registers[i].name,
                  (unsigned long)registers[i].value, poison->meaning);
    }
}
