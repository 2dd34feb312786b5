/* symbols.c - the kernel's own symbol table, as the loader left it.
 *
 * A loader that sets bit 5 of the Multiboot flags leaves the sections of kernel.elf that are no
 * part of the image (the symbol table and its strings) somewhere in memory. They are gone through
 * twice: once to count what is worth keeping, functions and variables of the image, and once to
 * copy it:
 *
 *   | address, name | address, name | ... | names, each with its zero ... |
 *
 * The entries are sorted by address; a look-up by address is a binary search, by name a linear one.
 * Cost: 8 bytes and the name for each symbol.
 *
 * The copy is made before the page allocator runs, and never changes afterwards, so it needs no
 * lock and may be used in a panic. A damaged table gives wrong names or none, never a fault: every
 * offset is checked against the size of its section.
 */
#include <string.h>
#include "bootmem.h"
#include "pagetable.h"
#include "platform.h"
#include "format.h"
#include "ktests.h"
#include "symbols.h"

/* ELF32: the fields and values that matter here. */
#define SHT_SYMTAB 2
#define STT_NOTYPE 0
#define STT_OBJECT 1
#define STT_FUNC   2

#define NAME_MAX 127

struct section {
    uint32_t name, type, flags, address, offset, size, link, info, align, entry_size;
};

struct elf_symbol {
    uint32_t name, value, size;
    uint8_t info, other;
    uint16_t section;
};
_Static_assert(sizeof(struct elf_symbol) == 16, "as ELF lays it out");

struct symbol {
    uint32_t address;
    uint32_t name; /* offset into the names */
};

/* What a pass over the loader's table goes through, and what it leaves. */
struct pass {
    const struct multiboot_source *source;
    struct section table, strings;
    struct symbol *symbols; /* NULL while counting */
    char *names;
    size_t count;
    size_t name_bytes;
};

static const struct symbol *symbols;
static const char *names;
static size_t count;

static bool
read_section(const struct multiboot_source *source, const struct boot_elf *elf, uint32_t index,
             struct section *section)
{
    return index < elf->count &&
           source->read(source->arg, elf->address + (uint64_t)index * elf->size, section,
                        sizeof(*section));
}

/* Finds the symbol table and the strings that go with it. */
static bool
find_table(struct pass *pass, const struct boot_elf *elf)
{
    for (uint32_t i = 0; i < elf->count; i++) {
        if (!read_section(pass->source, elf, i, &pass->table))
            return false;
        if (pass->table.type == SHT_SYMTAB && pass->table.address != 0)
            return pass->table.entry_size == sizeof(struct elf_symbol) &&
                   read_section(pass->source, elf, pass->table.link, &pass->strings);
    }
    return false;
}

/* True for functions and variables inside the image. The assembler gives its labels no type. */
static bool
is_in_image(const struct elf_symbol *symbol)
{
    unsigned type = symbol->info & 0xF;

    return type <= STT_FUNC && symbol->section != 0 && symbol->name != 0 &&
           symbol->value >= (uintptr_t)kernel_start && symbol->value < (uintptr_t)kernel_end;
}

/* The name of a symbol into text, whose size is NAME_MAX + 1; cut when it is longer. */
static bool
read_name(const struct pass *pass, const struct elf_symbol *symbol, char *text)
{
    uint32_t left;

    if (symbol->name >= pass->strings.size)
        return false;
    left = pass->strings.size - symbol->name;
    if (left > NAME_MAX)
        left = NAME_MAX;
    text[left] = '\0';
    return pass->source->read(pass->source->arg, (uint64_t)pass->strings.address + symbol->name,
                              text, left);
}

/* True for a label inside an assembler routine: the routine's own name says more. */
static bool
is_inner_label(const struct elf_symbol *symbol, const char *name)
{
    return (symbol->info & 0xF) == STT_NOTYPE && strchr(name, '.') != NULL;
}

/* Takes one symbol into account; in the second pass it is copied. */
static void
take_symbol(struct pass *pass, const struct elf_symbol *symbol)
{
    char name[NAME_MAX + 1];
    size_t bytes;

    if (!is_in_image(symbol) || !read_name(pass, symbol, name) || is_inner_label(symbol, name))
        return;
    bytes = strlen(name) + 1;
    if (pass->symbols != NULL) {
        pass->symbols[pass->count] = (struct symbol){symbol->value, (uint32_t)pass->name_bytes};
        memcpy(pass->names + pass->name_bytes, name, bytes);
    }
    pass->count++;
    pass->name_bytes += bytes;
}

static void
run_pass(struct pass *pass)
{
    uint32_t total = pass->table.size / sizeof(struct elf_symbol);
    struct elf_symbol symbol;

    pass->count = pass->name_bytes = 0;
    for (uint32_t i = 0; i < total; i++) {
        uint64_t at = (uint64_t)pass->table.address + (uint64_t)i * sizeof(symbol);

        if (!pass->source->read(pass->source->arg, at, &symbol, sizeof(symbol)))
            return;
        take_symbol(pass, &symbol);
    }
}

/* Shell sort: no memory, and fast enough for a few thousand. */
static void
sort(struct symbol *list, size_t length)
{
    for (size_t gap = length / 2; gap > 0; gap /= 2) {
        for (size_t i = gap; i < length; i++) {
            struct symbol moving = list[i];
            size_t at = i;

            for (; at >= gap && list[at - gap].address > moving.address; at -= gap)
                list[at] = list[at - gap];
            list[at] = moving;
        }
    }
}

void
symbols_init(const struct multiboot_source *source, const struct boot_elf *elf,
             struct bootmem *boot)
{
    struct pass pass = {.source = source};
    paddr_t memory;

    if (!find_table(&pass, elf)) {
        klog("symbols: the loader left none, addresses stay numbers\n");
        return;
    }
    run_pass(&pass);
    memory = bootmem_take(boot, pass.count * sizeof(struct symbol) + pass.name_bytes, PAGE_SIZE,
                          DIRECT_MAP_MAX, MEMMAP_METADATA);
    if (pass.count == 0 || memory == 0) {
        klog("symbols: no room to keep them\n");
        return;
    }
    pass.symbols = frame_to_ptr(paddr_to_pfn(memory));
    pass.names = (char *)(pass.symbols + pass.count);
    run_pass(&pass);
    sort(pass.symbols, pass.count);
    symbols = pass.symbols;
    names = pass.names;
    count = pass.count;
    klog("symbols: %lu names kept\n", (unsigned long)count);
}

size_t
symbol_count(void)
{
    return count;
}

const char *
symbol_find(uintptr_t address, uint32_t *offset)
{
    size_t low = 0, high = count;

    if (address < (uintptr_t)kernel_start || address >= (uintptr_t)kernel_end)
        return ktests_symbol(address, offset);
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (symbols[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    *offset = address - symbols[low - 1].address;
    return names + symbols[low - 1].name;
}

uintptr_t
symbol_lookup(const char *name)
{
    return symbol_lookup_above(name, 0);
}

uintptr_t
symbol_lookup_above(const char *name, uintptr_t address)
{
    for (size_t i = 0; i < count; i++) {
        if (symbols[i].address > address && strcmp(names + symbols[i].name, name) == 0)
            return symbols[i].address;
    }
    return 0;
}

void
symbol_place(uintptr_t address, char *text, size_t size)
{
    uint32_t offset;
    const char *name = symbol_find(address, &offset);

    if (name != NULL)
        format_text(text, size, "0x%08lx %s+0x%lx", (unsigned long)address, name,
                    (unsigned long)offset);
    else
        format_text(text, size, "0x%08lx", (unsigned long)address);
}

void
symbol_name(const void *code, char *text, size_t size)
{
    uint32_t offset;
    const char *name = symbol_find((uintptr_t)code, &offset);

    if (name != NULL)
        format_text(text, size, "%s+0x%lx", name, (unsigned long)offset);
    else
        format_text(text, size, "0x%08lx", (unsigned long)(uintptr_t)code);
}
