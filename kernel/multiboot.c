/* multiboot.c - reads the Multiboot-1 information, whoever wrote it.
 *
 * Loaders differ in which fields they fill, where they put things (in memory the map calls free,
 * even right behind the kernel) and how strings begin; some are plainly wrong. So:
 *   - a field counts only when its flag is set;
 *   - every address, length and count is checked before it is used, with 64-bit arithmetic that
 * cannot wrap, and every loop has a bound;
 *   - what makes no sense is left out and noted in words; the rest still counts;
 *   - every piece of memory that was named is listed in `owned`, so that nobody allocates it before
 * it was read or, for modules, ever.
 *
 * The file is pure: memory comes through the source's reader, results go where its alloc says. It
 * runs in the tests and under the fuzzer as it runs in the kernel.
 *
 * Source: Multiboot Specification 0.6.96, section 3.3.
 */
#include <string.h>
#include "multiboot.h"

/* Bits of the flags: which fields are there. */
#define HAS_MEMORY  (1u << 0)
#define HAS_CMDLINE (1u << 2)
#define HAS_MODULES (1u << 3)
#define HAS_ELF     (1u << 5)
#define HAS_MAP     (1u << 6)
#define HAS_LOADER  (1u << 9)

/* Offsets of the fields. */
enum {
    AT_FLAGS = 0,
    AT_MEM_LOWER = 4,
    AT_MEM_UPPER = 8,
    AT_CMDLINE = 16,
    AT_MODULE_COUNT = 20,
    AT_MODULES = 24,
    AT_ELF_COUNT = 28,
    AT_ELF_SIZE = 32,
    AT_ELF_ADDRESS = 36,
    AT_ELF_NAMES = 40,
    AT_MAP_LENGTH = 44,
    AT_MAP = 48,
    AT_LOADER = 64,
    INFO_SIZE = 120,
};

/* More than any loader means; a count beyond it is a mistake. */
#define MODULES_MAX    1024u
#define ELF_MAX        1024u
#define MAP_LENGTH_MAX (1u << 20)

#define KIB         1024ull
#define MIB         (1024 * KIB)
#define LOW_KIB_MAX 640u

/* Of ELF: a section with this flag has a virtual address, in the kernel image. */
#define SHF_ALLOC 2u

struct module_record {
    uint32_t start, end, string, reserved;
};

/* `size` comes before the entry and does not count itself. */
struct map_record {
    uint32_t size;
    uint32_t base[2];
    uint32_t length[2];
    uint32_t type;
};
_Static_assert(sizeof(struct map_record) == 24, "as the specification lays it out");
#define MAP_RECORD_MIN 20u

struct section_record {
    uint32_t name, type, flags, address, offset, size, link, info, align, entry_size;
};

struct parser {
    const struct multiboot_source *source;
    struct boot_info *info;
    uint64_t at;    /* of the information structure */
    uint32_t flags; /* which fields to look at */
    size_t owned_max;
};

static void
note(struct parser *parser, const char *text)
{
    struct boot_info *info = parser->info;

    for (size_t i = 0; i < info->note_count; i++) {
        if (info->notes[i] == text)
            return;
    }
    if (info->note_count < BOOT_NOTES_MAX)
        info->notes[info->note_count++] = text;
}

static bool
read(struct parser *parser, uint64_t at, void *into, size_t size)
{
    return parser->source->read(parser->source->arg, at, into, size);
}

/* Memory for `count` objects of `size` bytes; NULL, noted, when there is none. */
static void *
take(struct parser *parser, size_t count, size_t size)
{
    void *memory = count != 0 ? parser->source->alloc(parser->source->arg, count * size) : NULL;

    if (memory != NULL)
        memset(memory, 0, count * size);
    else if (count != 0)
        note(parser, "no memory to keep all of the boot information");
    return memory;
}

/* A field of the information structure; 0, noted, when it cannot be read. */
static uint32_t
field(struct parser *parser, unsigned offset)
{
    uint32_t value = 0;

    if (!read(parser, parser->at + offset, &value, sizeof(value))) {
        note(parser, "the information structure cannot be read");
        return 0;
    }
    return value;
}

static bool
has(const struct parser *parser, uint32_t flag)
{
    return (parser->flags & flag) != 0;
}

static void
own(struct parser *parser, uint64_t start, uint64_t length, enum memmap_owner owner)
{
    struct boot_info *info = parser->info;

    if (length == 0)
        return;
    if (info->owned_count == parser->owned_max) {
        note(parser, "more pieces of memory to protect than there is room for");
        return;
    }
    info->owned[info->owned_count++] =
        (struct memmap_entry){.base = start, .length = length, .type = MEMMAP_RAM, .owner = owner};
}

/* ---- strings ---- */

/* Characters before the zero, at most MULTIBOOT_STRING_MAX. */
static size_t
string_length(struct parser *parser, uint64_t at)
{
    for (size_t length = 0; length < MULTIBOOT_STRING_MAX; length++) {
        char character;

        if (!read(parser, at + length, &character, 1)) {
            note(parser, "a string cannot be read to its end");
            return length;
        }
        if (character == '\0')
            return length;
    }
    note(parser, "a string is longer than 4095 characters and was cut");
    return MULTIBOOT_STRING_MAX;
}

/* A copy of the string at `at`, "" when there is none; its place is owned from now on. */
static const char *
copy_string(struct parser *parser, uint32_t at)
{
    size_t length = at != 0 ? string_length(parser, at) : 0;
    char *copy;

    if (length == 0)
        return "";
    own(parser, at, length + 1, MEMMAP_BOOTINFO);
    copy = take(parser, length + 1, 1);
    if (copy == NULL || !read(parser, at, copy, length))
        return "";
    copy[length] = '\0';
    return copy;
}

/* ---- modules ---- */

static uint32_t
module_count(struct parser *parser)
{
    uint32_t count = has(parser, HAS_MODULES) ? field(parser, AT_MODULE_COUNT) : 0;

    if (count <= MODULES_MAX)
        return count;
    note(parser, "more than 1024 modules: the count is not believed");
    return 0;
}

static void
read_module(struct parser *parser, const struct module_record *record)
{
    struct boot_info *info = parser->info;

    if (record->end < record->start) {
        note(parser, "a module ends before it starts and was left out");
        return;
    }
    own(parser, record->start, record->end - record->start, MEMMAP_MODULE);
    info->modules[info->module_count++] =
        (struct boot_module){record->start, record->end, copy_string(parser, record->string)};
}

static void
read_modules(struct parser *parser)
{
    uint32_t count = module_count(parser);
    uint64_t at = count != 0 ? field(parser, AT_MODULES) : 0;
    struct module_record record;

    parser->info->modules = take(parser, count, sizeof(struct boot_module));
    if (parser->info->modules == NULL)
        return;
    own(parser, at, (uint64_t)count * sizeof(record), MEMMAP_BOOTINFO);
    for (uint32_t i = 0; i < count; i++) {
        if (!read(parser, at + i * sizeof(record), &record, sizeof(record))) {
            note(parser, "the list of modules cannot be read to its end");
            return;
        }
        read_module(parser, &record);
    }
}

/* ---- sections ---- */

static void
find_elf(struct parser *parser)
{
    struct boot_elf *elf = &parser->info->elf;

    if (!has(parser, HAS_ELF))
        return;
    *elf = (struct boot_elf){field(parser, AT_ELF_COUNT), field(parser, AT_ELF_SIZE),
                             field(parser, AT_ELF_ADDRESS), field(parser, AT_ELF_NAMES)};
    if (elf->count <= ELF_MAX && elf->size >= sizeof(struct section_record) && elf->size <= KIB)
        return;
    if (elf->count != 0)
        note(parser, "the ELF section headers make no sense: no symbols");
    elf->count = 0;
}

static void
own_sections(struct parser *parser)
{
    const struct boot_elf *elf = &parser->info->elf;
    struct section_record section;

    own(parser, elf->address, (uint64_t)elf->count * elf->size, MEMMAP_BOOTINFO);
    for (uint32_t i = 0; i < elf->count; i++) {
        if (!read(parser, elf->address + (uint64_t)i * elf->size, &section, sizeof(section))) {
            note(parser, "the ELF section headers cannot be read: no symbols");
            parser->info->elf.count = 0;
            return;
        }
        if (!(section.flags & SHF_ALLOC) && section.address != 0)
            own(parser, section.address, section.size, MEMMAP_BOOTINFO);
    }
}

/* ---- the map ---- */

static uint32_t
map_length(struct parser *parser)
{
    uint32_t length = field(parser, AT_MAP_LENGTH);

    if (length <= MAP_LENGTH_MAX)
        return length;
    note(parser, "the memory map is longer than 1 MiB and was cut");
    return MAP_LENGTH_MAX;
}

/* Writes up to `max` entries of the firmware's list and returns how many there are (when entries is
 * NULL, `max` only bounds the count). */
static size_t
walk_map(struct parser *parser, struct memmap_entry *entries, size_t max)
{
    uint64_t at = field(parser, AT_MAP);
    uint32_t length = map_length(parser);
    struct map_record record;
    size_t count = 0;

    for (uint32_t done = 0; count < max && length - done >= sizeof(record); count++) {
        if (!read(parser, at + done, &record, sizeof(record))) {
            note(parser, "the memory map cannot be read to its end");
            break;
        }
        if (record.size < MAP_RECORD_MIN || record.size > length - done - sizeof(record.size)) {
            note(parser, "an entry of the memory map has an impossible size: the rest is lost");
            break;
        }
        if (entries != NULL)
            entries[count] = (struct memmap_entry){
                .base = record.base[0] | (uint64_t)record.base[1] << 32,
                .length = record.length[0] | (uint64_t)record.length[1] << 32,
                .type = record.type,
            };
        done += record.size + (uint32_t)sizeof(record.size);
    }
    return count;
}

static bool
has_ram(const struct memmap_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (entries[i].type == MEMMAP_RAM && entries[i].length != 0)
            return true;
    }
    return false;
}

/* The firmware's list; false when there is none that has RAM in it. */
static bool
read_map(struct parser *parser)
{
    struct boot_info *info = parser->info;
    size_t count = has(parser, HAS_MAP) ? walk_map(parser, NULL, SIZE_MAX) : 0;

    for (; count != 0 && info->entries == NULL; count /= 2) {
        info->entries = take(parser, count, sizeof(struct memmap_entry));
        if (info->entries != NULL)
            info->entry_count = walk_map(parser, info->entries, count);
    }
    if (!has_ram(info->entries, info->entry_count)) {
        if (has(parser, HAS_MAP))
            note(parser, "the memory map lists no RAM");
        return false;
    }
    own(parser, field(parser, AT_MAP), map_length(parser), MEMMAP_BOOTINFO);
    info->map = BOOT_MAP_FULL;
    return true;
}

/* Two numbers instead of a list: KiB from 0, and KiB from 1 MiB to the first hole. */
static void
read_sizes(struct parser *parser)
{
    struct boot_info *info = parser->info;
    uint32_t lower, upper;

    info->entry_count = 0;
    if (!has(parser, HAS_MEMORY))
        return;
    lower = field(parser, AT_MEM_LOWER);
    upper = field(parser, AT_MEM_UPPER);
    if (lower > LOW_KIB_MAX) {
        note(parser, "mem_lower is more than 640 KiB and was cut");
        lower = LOW_KIB_MAX;
    }
    info->entries = take(parser, 2, sizeof(struct memmap_entry));
    if (info->entries == NULL || upper == 0)
        return;
    info->entries[0] = (struct memmap_entry){.length = lower * KIB, .type = MEMMAP_RAM};
    info->entries[1] =
        (struct memmap_entry){.base = MIB, .length = upper * KIB, .type = MEMMAP_RAM};
    info->entry_count = 2;
    info->map = BOOT_MAP_SIZES;
}

/* ---- all of it ---- */

/* Room for: the information itself, two strings, three lists; two pieces a module, one a section.
 * Without it modules and sections could not be protected and are left alone. */
static void
prepare_owned(struct parser *parser)
{
    size_t most = 6 + 2 * (size_t)module_count(parser) + parser->info->elf.count;

    parser->info->owned = take(parser, most, sizeof(struct memmap_entry));
    parser->owned_max = parser->info->owned != NULL ? most : 0;
    if (parser->info->owned == NULL) {
        parser->flags &= ~(HAS_MODULES | HAS_ELF);
        parser->info->elf.count = 0;
    }
}

void
multiboot_read(const struct multiboot_source *source, uint64_t physical, struct boot_info *info)
{
    struct parser parser = {.source = source, .info = info, .at = physical};

    memset(info, 0, sizeof(*info));
    info->cmdline = info->loader = "";
    info->flags = parser.flags = field(&parser, AT_FLAGS);
    find_elf(&parser);
    prepare_owned(&parser);
    own(&parser, physical, INFO_SIZE, MEMMAP_BOOTINFO);
    if (has(&parser, HAS_LOADER))
        info->loader = copy_string(&parser, field(&parser, AT_LOADER));
    if (has(&parser, HAS_CMDLINE))
        info->cmdline = copy_string(&parser, field(&parser, AT_CMDLINE));
    read_modules(&parser);
    own_sections(&parser);
    if (!read_map(&parser))
        read_sizes(&parser);
}
