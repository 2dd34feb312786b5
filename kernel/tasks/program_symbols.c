/* program_symbols.c - the name of a function in a program, read from the program's own file.
 *
 * Nothing is kept for it: when a program goes wrong, its symbol table is read through once for each
 * name, a few symbols at a time through the page cache. The programs of the floppy keep their
 * functions' names; programs of others have what their makers left.
 *
 *   file header ──► section headers ──► .symtab ──► the last function that begins at or before
 *                                       .strtab ──► its name
 *
 * Everything in a file is somebody's claim: every read is checked against the file's size, and a
 * damaged table gives no name or a wrong one, never a fault.
 *
 * Lock: the space's, shared, for the look at its areas.
 */
#include <string.h>
#include "elf.h"
#include "object.h"
#include "program_symbols.h"

#define SECTION_SYMTAB 2
#define TYPE_DYN       3
#define SYMBOL_NOTYPE  0
#define SYMBOL_FUNC    2
#define SECTIONS_MAX   256u   /* section headers that are looked at */
#define SYMBOLS_MAX    65536u /* and symbols */
#define AT_ONCE        16u

/* ELF32, as the System V ABI lays them out. */
struct section_header {
    uint32_t name, type, flags, address, offset, size, link, info, align, entry_size;
};

struct symbol {
    uint32_t name, value, size;
    uint8_t info, other;
    uint16_t section;
};

struct search {
    struct object *file;
    uint32_t wanted; /* as the file counts addresses */
    struct symbol best;
    struct section_header strings;
};

static bool
read_file(struct object *file, uint64_t from, void *to, size_t size)
{
    char *into = to;

    if (from > file->size || size > file->size - from)
        return false;
    while (size > 0) {
        size_t offset = (size_t)from & PAGE_MASK, piece = PAGE_SIZE - offset;
        const char *bytes;
        pfn_t page;

        if (piece > size)
            piece = size;
        if (object_page(file, (uint32_t)(from >> PAGE_SHIFT), &page) != 0)
            return false;
        bytes = frame_map(page);
        memcpy(into, bytes + offset, piece);
        frame_unmap(page, bytes);
        page_put(page);
        into += piece;
        from += piece;
        size -= piece;
    }
    return true;
}

/* Whether an address is code of the process's own file; *base is where the file begins in memory, 0
 * when it does not. */
static bool
is_own_code(const struct process *process, uintptr_t address, uintptr_t *base)
{
    struct address_space *space = process->space;
    const struct area *area;
    bool own;

    rw_lock_shared(&space->lock);
    area = area_find(&space->areas, address);
    own = area != NULL && area->start <= address && area->object == process->executable &&
          area->flags & AREA_EXEC;
    area = space->areas.first;
    while (area != NULL && (area->object != process->executable || area->index != 0))
        area = area->next;
    *base = area != NULL ? area->start : 0;
    rw_unlock_shared(&space->lock);
    return own;
}

static bool
read_section(const struct search *search, const struct elf_file_header *header, uint32_t index,
             struct section_header *section)
{
    return index < header->shnum && header->shentsize == sizeof(*section) &&
           read_file(search->file, header->shoff + (uint64_t)index * sizeof(*section), section,
                     sizeof(*section));
}

static bool
find_table(struct search *search, const struct elf_file_header *header,
           struct section_header *table)
{
    for (uint32_t i = 0; i < header->shnum && i < SECTIONS_MAX; i++) {
        if (!read_section(search, header, i, table))
            return false;
        if (table->type == SECTION_SYMTAB)
            return read_section(search, header, table->link, &search->strings);
    }
    return false;
}

/* Functions, and the labels of assembly, which have no type. */
static bool
is_better(const struct search *search, const struct symbol *symbol)
{
    unsigned type = symbol->info & 0xF;

    return (type == SYMBOL_FUNC || type == SYMBOL_NOTYPE) && symbol->section != 0 &&
           symbol->name != 0 && symbol->value <= search->wanted &&
           (search->best.name == 0 || symbol->value > search->best.value) &&
           (symbol->size == 0 || search->wanted - symbol->value <= symbol->size);
}

static void
search_table(struct search *search, const struct section_header *table)
{
    uint32_t count = table->size / sizeof(struct symbol);
    struct symbol symbols[AT_ONCE];

    if (count > SYMBOLS_MAX)
        count = SYMBOLS_MAX;
    for (uint32_t at = 0; at < count; at += AT_ONCE) {
        uint32_t some = count - at < AT_ONCE ? count - at : AT_ONCE;

        if (!read_file(search->file, table->offset + (uint64_t)at * sizeof(struct symbol), symbols,
                       some * sizeof(struct symbol)))
            return;
        for (uint32_t i = 0; i < some; i++) {
            if (is_better(search, &symbols[i]))
                search->best = symbols[i];
        }
    }
}

static bool
read_name(const struct search *search, char *name)
{
    uint32_t offset = search->best.name, size = PROGRAM_NAME_SIZE - 1;

    if (offset >= search->strings.size)
        return false;
    if (size > search->strings.size - offset)
        size = search->strings.size - offset;
    name[size] = '\0';
    return read_file(search->file, (uint64_t)search->strings.offset + offset, name, size);
}

bool
program_symbol_find(const struct process *process, uintptr_t address,
                    struct program_symbol *symbol)
{
    struct search search = {.file = process->executable};
    struct elf_file_header header;
    struct section_header table;
    uintptr_t base;

    if (search.file == NULL || process->space == NULL || !is_own_code(process, address, &base))
        return false;
    if (!read_file(search.file, 0, &header, sizeof(header)) ||
        !find_table(&search, &header, &table))
        return false;
    if (header.type != TYPE_DYN) /* it lies where it says */
        base = 0;
    search.wanted = address - base;
    search_table(&search, &table);
    symbol->start = search.best.value + base;
    return search.best.name != 0 && read_name(&search, symbol->name);
}
