/* ktests.c - the kernel's own tests and its bench, a second image beside the kernel.
 *
 * The tests are as large as the kernel, so they stay out of it. They are linked against the symbols
 * of this very kernel to build/ktests.elf, which the boot loader brings as a module, and are mapped
 * behind the vmalloc window without being moved or relocated:
 *
 *   0xDFC00000  ELF header, ktests_image, code, constants   read-only
 *   code_end    data, section headers, symbols              read, write
 *   0xDFE00000  bss                                         frames of its own
 *   0xE0000000
 *
 * Offsets in the file and in memory agree, so the file's own frames are mapped as they are, ELF
 * header and symbol table included; the latter names the tests in backtraces. What is mapped stays.
 */
#include <string.h>
#include "boot.h"
#include "cmdline.h"
#include "ktests.h"
#include "pagetable.h"
#include "platform.h"
#include "pmm.h"
#include "sections.h"

#define MODULE_NAME "ktests.elf"

#define SHT_SYMTAB 2
#define STT_FUNC   2

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version, entry, program_headers, section_headers, flags;
    uint16_t size, program_size, program_count, section_size, section_count, names;
};
_Static_assert(sizeof(struct elf_header) == 52, "as ELF lays it out");

struct elf_section {
    uint32_t name, type, flags, address, offset, size, link, info, align, entry_size;
};

struct elf_symbol {
    uint32_t name, value, size;
    uint8_t info, other;
    uint16_t section;
};

static const struct ktests_image *image; /* NULL until all is mapped */

static char
lower(char character)
{
    return character >= 'A' && character <= 'Z' ? (char)(character + 'a' - 'A') : character;
}

/* True when the word of `length` characters names ktests.elf, with or without a path before it. */
static bool
is_ktests(const char *word, size_t length)
{
    size_t wanted = sizeof(MODULE_NAME) - 1;

    if (length < wanted || (length > wanted && word[length - wanted - 1] != '/'))
        return false;
    for (size_t i = 0; i < wanted; i++) {
        if (lower(word[length - wanted + i]) != MODULE_NAME[i])
            return false;
    }
    return true;
}

/* True when a word of the module's string is its name: the file of our loader and of GRUB, or the
 * path=/NAME that other loaders are given. */
static bool
names_ktests(const char *string)
{
    while (*string != '\0') {
        size_t length = 0;

        while (string[length] != '\0' && string[length] != ' ')
            length++;
        if (is_ktests(string, length))
            return true;
        string += length + (string[length] == ' ');
    }
    return false;
}

static const struct boot_module *
find_module(void)
{
    for (size_t i = 0; i < boot_info.module_count; i++) {
        if (names_ktests(boot_info.modules[i].string))
            return &boot_info.modules[i];
    }
    return NULL;
}

/* ---- mapping ---- */

/* Maps the module's frames from `at` up to `end`. */
static bool
map_file(const struct boot_module *module, uintptr_t at, uintptr_t end, unsigned flags)
{
    for (; at < end; at += PAGE_SIZE) {
        if (!pagetable_map(at, module->start + (at - KTESTS_BASE), flags | PT_GLOBAL))
            return false;
    }
    return true;
}

static void
unmap(uintptr_t from, uintptr_t to)
{
    for (; from < to; from += PAGE_SIZE)
        (void)pagetable_unmap(from);
}

/* Puts new frames of zeros behind [KTESTS_BSS, end); all of them or none. */
static bool
map_bss(uintptr_t end)
{
    for (uintptr_t at = KTESTS_BSS; at < end; at += PAGE_SIZE) {
        paddr_t frame = pmm_alloc_page();

        if (frame != 0 && pagetable_map(at, frame, PT_WRITE | PT_GLOBAL)) {
            frame_set_owner(paddr_to_pfn(frame), FRAME_VMALLOC);
            memset((void *)at, 0, PAGE_SIZE);
            continue;
        }
        if (frame != 0)
            pmm_free_page(frame);
        while (at > KTESTS_BSS)
            pmm_free_page(pagetable_unmap(at -= PAGE_SIZE));
        return false;
    }
    return true;
}

/* What the ELF header in the first page leads to; NULL when this is no image of tests for this
 * kernel. */
static const struct ktests_image *
check_header(void)
{
    static const void *const kernel[] = KTESTS_KERNEL;
    const struct elf_header *header = (const void *)KTESTS_BASE;
    const struct ktests_image *found = (const void *)header->entry;

    if (memcmp(header->ident, "\177ELF", 4) != 0 || header->entry < KTESTS_BASE ||
        header->entry > KTESTS_BASE + PAGE_SIZE - sizeof(*found) ||
        memcmp(found->kernel, kernel, sizeof(kernel)) != 0)
        return NULL;
    return found;
}

/* All but the first page, which says how. */
static bool
map_rest(const struct boot_module *module, const struct ktests_image *found, uintptr_t end)
{
    uintptr_t code_end = (uintptr_t)found->code_end;

    return map_file(module, KTESTS_BASE + PAGE_SIZE, code_end, PT_EXEC) &&
           map_file(module, code_end, end, PT_WRITE) && map_bss((uintptr_t)found->bss_end);
}

/* Maps all of the module. Returns what is wrong, NULL when nothing is. */
static const char *
map_module(const struct boot_module *module)
{
    uint64_t size = module->end - module->start;
    uintptr_t end = KTESTS_BASE + (uintptr_t)size;
    const struct ktests_image *found;

    if (module->start & PAGE_MASK || size < PAGE_SIZE || size > KTESTS_BSS - KTESTS_BASE)
        return "does not lie as it should";
    if (!map_file(module, KTESTS_BASE, KTESTS_BASE + PAGE_SIZE, PT_EXEC))
        return "finds no memory";
    found = check_header();
    if (found != NULL && map_rest(module, found, end)) {
        image = found;
        return NULL;
    }
    unmap(KTESTS_BASE, end);
    return found == NULL ? "was not made for this kernel" : "finds no memory";
}

/* Maps the module when it is first called. False, and says why, when there is none that fits. */
static bool
image_is_there(void)
{
    const struct boot_module *module = find_module();
    const char *wrong = "is not there: add module=KTESTS.ELF to OCTAVO.CFG";

    if (image == NULL && module != NULL)
        wrong = map_module(module);
    if (image == NULL)
        klog("ktests: the module " MODULE_NAME " %s\n", wrong);
    return image != NULL;
}

bool
ktests_bench(void)
{
    return image_is_there() && image->bench != NULL && image->bench();
}

unsigned
ktests_run(const char *glob)
{
    uint64_t seed;

    if (!image_is_there())
        return 1;
    if (cmdline_number("seed", &seed))
        image->set_seed((uint32_t)seed);
    return image->run(glob);
}

/* ---- names ---- */

bool
ktests_code(uintptr_t address)
{
    return image != NULL && address >= KTESTS_BASE && address < (uintptr_t)image->code_end;
}

bool
ktests_variables(unsigned part, const void **from, const void **to)
{
    const struct elf_header *header = (const void *)KTESTS_BASE;

    if (image == NULL || part > 1)
        return false;
    *from = part == 0 ? image->code_end : (const void *)KTESTS_BSS;
    *to = part == 0 ? (const char *)KTESTS_BASE + (header->section_headers & ~(uint32_t)PAGE_MASK)
                    : image->bss_end;
    return true;
}

/* The file's symbol table, NULL when there is none; *strings are its names. */
static const struct elf_section *
find_symbols(const char **strings)
{
    const struct elf_header *header = (const void *)KTESTS_BASE;
    const struct elf_section *sections = (const void *)(KTESTS_BASE + header->section_headers);

    for (unsigned i = 0; i < header->section_count; i++) {
        if (sections[i].type != SHT_SYMTAB)
            continue;
        *strings = (const char *)(KTESTS_BASE + sections[sections[i].link].offset);
        return &sections[i];
    }
    return NULL;
}

const char *
ktests_symbol(uintptr_t address, uint32_t *offset)
{
    const char *strings;
    const struct elf_section *table = ktests_code(address) ? find_symbols(&strings) : NULL;

    if (table == NULL)
        return NULL;
    const struct elf_symbol *symbol = (const void *)(KTESTS_BASE + table->offset);

    for (uint32_t left = table->size / sizeof(*symbol); left > 0; left--, symbol++) {
        if ((symbol->info & 0xF) == STT_FUNC && address - symbol->value < symbol->size) {
            *offset = address - symbol->value;
            return strings + symbol->name;
        }
    }
    return NULL;
}
