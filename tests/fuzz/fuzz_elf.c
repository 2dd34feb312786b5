/* fuzz_elf.c - any bytes as a program: whatever the headers say, a plan that is made keeps what
 * elf.c promises; and as the first line of a script. */
#include <string.h>

#include "elf.h"
#include "script.h"
#include "target.h"

static void
check_plan(const struct elf_program *program, uint64_t file_size)
{
    uint64_t end = 0;

    EXPECT(program->segment_count >= 1 && program->segment_count <= ELF_SEGMENTS_MAX);
    for (unsigned i = 0; i < program->segment_count; i++) {
        const struct elf_segment *segment = &program->segments[i];

        EXPECT(segment->start >= end && segment->start < segment->end);
        EXPECT(segment->start <= segment->file_end && segment->file_end <= segment->end);
        EXPECT((uint64_t)segment->offset + (segment->file_end - segment->start) <= file_size);
        EXPECT(((segment->start ^ segment->offset) & PAGE_MASK) == 0);
        EXPECT(segment->start >= program->low && segment->end <= program->high);
        EXPECT(segment->end <= 0xB0000000u);
        EXPECT(program->relocatable || segment->start >= 0x10000);
        end = segment->end;
    }
}

static void
try_elf(const uint8_t *data, size_t size)
{
    struct elf_program_header entries[ELF_HEADERS_MAX];
    struct elf_file_header header;
    struct elf_program program;
    uint32_t offset, length;

    if (elf_check(data, size, &offset, &length) != 0)
        return;
    EXPECT(length <= sizeof(entries));
    if ((uint64_t)offset + length > size)
        return;
    memcpy(&header, data, sizeof(header));
    memcpy(entries, data + offset, length);
    if (elf_plan(&header, entries, size, &program) == 0)
        check_plan(&program, size);
}

static void
try_script(const uint8_t *data, size_t size)
{
    struct script script;

    if (script_parse((const char *)data, size, &script) != 0)
        return;
    EXPECT(is_script((const char *)data, size));
    EXPECT(*script.interpreter != '\0' && strpbrk(script.interpreter, " \t\n") == NULL);
    EXPECT(script.argument == NULL || (*script.argument != '\0' && *script.argument != ' '));
}

/* The bytes as they are, and behind a start that gets them further. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t good[52] = {0x7F, 'E', 'L', 'F', 1, 1, 1, [16] = 2, [18] = 3, [20] = 1,
                                     [28] = 52, [42] = 32, [44] = 3};
    static uint8_t bytes[4096] = "#!";

    try_elf(data, size);
    try_script(data, size);
    if (size > sizeof(bytes) - sizeof(good))
        return 0;
    memcpy(bytes + 2, data, size);
    try_script(bytes, size + 2);
    memcpy(bytes, good, sizeof(good));
    memcpy(bytes + sizeof(good), data, size);
    bytes[16] = size & 1 ? 2 : 3;
    try_elf(bytes, size + sizeof(good));
    memcpy(bytes, "#!", 2);
    return 0;
}
