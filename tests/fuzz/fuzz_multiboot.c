/* fuzz_multiboot.c - any bytes as what a boot loader left behind: the result is valid, whatever it
 * is.
 *
 * The first byte chooses which allocation fails (0: none) and the second where the readable memory
 * ends. The rest is the first 8 KiB of memory, which repeats up to that end, so that most addresses
 * in the structures lead somewhere.
 */
#include <string.h>

#include "multiboot.h"
#include "target.h"

#define MEMORY_BYTES  8192u
#define ALLOCATIONS   8192
#define INFO_AT       0x40
#define FIELDS_OFFSET 2

static uint8_t memory[MEMORY_BYTES];
static uint64_t memory_end;
static void *allocations[ALLOCATIONS];
static size_t allocation_count;
static size_t allocation_to_fail;

static bool
read_memory(void *arg, uint64_t physical, void *into, size_t size)
{
    (void)arg;
    if (physical >= memory_end || size > memory_end - physical)
        return false;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)into)[i] = memory[(physical + i) % MEMORY_BYTES];
    return true;
}

/* Rubbish, of exactly the size asked for, so that the sanitizer sees one byte too many. */
static void *
alloc(void *arg, size_t size)
{
    void *memory_taken;

    (void)arg;
    EXPECT(size != 0 && size < (1u << 24) && allocation_count < ALLOCATIONS);
    if (allocation_count + 1 == allocation_to_fail) {
        allocation_to_fail = 0;
        return NULL;
    }
    memory_taken = malloc(size);
    EXPECT(memory_taken);
    memset(memory_taken, 0xaa, size);
    allocations[allocation_count++] = memory_taken;
    return memory_taken;
}

static const struct multiboot_source source = {read_memory, alloc, NULL};

static void
check_entries(const struct boot_info *info)
{
    EXPECT(info->map <= BOOT_MAP_FULL);
    EXPECT((info->map == BOOT_MAP_NONE) == (info->entry_count == 0));
    EXPECT(info->entry_count == 0 || info->entries);
    for (size_t i = 0; i < info->entry_count; i++)
        EXPECT(info->entries[i].owner == MEMMAP_FREE);
    EXPECT(info->owned_count == 0 || info->owned);
    for (size_t i = 0; i < info->owned_count; i++)
        EXPECT(info->owned[i].length != 0 &&
               (info->owned[i].owner == MEMMAP_MODULE || info->owned[i].owner == MEMMAP_BOOTINFO));
}

static void
check_strings(const struct boot_info *info)
{
    EXPECT(info->cmdline && strlen(info->cmdline) <= MULTIBOOT_STRING_MAX);
    EXPECT(info->loader && strlen(info->loader) <= MULTIBOOT_STRING_MAX);
    EXPECT(info->note_count <= BOOT_NOTES_MAX);
    for (size_t i = 0; i < info->note_count; i++)
        EXPECT(info->notes[i] && info->notes[i][0]);
    EXPECT(info->module_count == 0 || info->modules);
    for (size_t i = 0; i < info->module_count; i++) {
        EXPECT(info->modules[i].start <= info->modules[i].end);
        EXPECT(info->modules[i].string);
        EXPECT(strlen(info->modules[i].string) <= MULTIBOOT_STRING_MAX);
    }
}

/* Every byte of every module is owned: nobody may allocate it. */
static void
check_modules_owned(const struct boot_info *info)
{
    if (info->owned_count == 0)
        return;
    for (size_t i = 0; i < info->module_count; i++) {
        const struct boot_module *module = &info->modules[i];
        bool owned = module->start == module->end;

        for (size_t o = 0; o < info->owned_count && !owned; o++)
            owned = info->owned[o].owner == MEMMAP_MODULE && info->owned[o].base == module->start &&
                    info->owned[o].length == module->end - module->start;
        EXPECT(owned);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct boot_info info;

    if (size < FIELDS_OFFSET)
        return 0;
    allocation_count = 0;
    allocation_to_fail = data[0];
    memory_end = (uint64_t)(data[1] + 1) << (data[1] % 25);
    memset(memory, 0, sizeof(memory));
    size -= FIELDS_OFFSET;
    memcpy(memory, data + FIELDS_OFFSET, size < sizeof(memory) ? size : sizeof(memory));
    memset(&info, 0xaa, sizeof(info));
    multiboot_read(&source, INFO_AT, &info);
    check_entries(&info);
    check_strings(&info);
    check_modules_owned(&info);
    while (allocation_count > 0)
        free(allocations[--allocation_count]);
    return 0;
}
