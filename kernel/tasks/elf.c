/* elf.c - the headers of a program: checked here, mapped by exec.c.
 *
 * Everything in a file is somebody's claim. What leaves this file has been checked:
 *
 *   E1  each segment's bytes lie in the file, without wrapping round
 *   E2  each segment lies in [low, high), below PROGRAM_END, and not in the first pages
 *   E3  segments ascend and do not overlap
 *   E4  file offset and address agree modulo a page, so that pages of the file can be mapped
 *
 * No memory is touched but what is given, so that the host can feed this with nonsense.
 */
#include <string.h>
#include "elf.h"
#include "uapi/errno.h"
#include "uapi/mman.h"

#define TYPE_EXEC      2
#define TYPE_DYN       3
#define MACHINE_386    3
#define SEGMENT_LOAD   1
#define SEGMENT_INTERP 3
#define SEGMENT_STACK  0x6474E551 /* GNU: what may be done with the stack */
#define FLAG_EXEC      1
#define FLAG_WRITE     2
#define FLAG_READ      4

/* Where the code of a fixed program may be: above the pages that stay unmapped, below the stack's
 * largest extent. */
#define PROGRAM_START 0x00010000u
#define PROGRAM_END   0xB0000000u

static bool
is_program(const struct elf_file_header *header)
{
    /* 32 bits, little endian, version 1 */
    static const uint8_t ident[] = {0x7F, 'E', 'L', 'F', 1, 1, 1};

    return memcmp(header->ident, ident, sizeof(ident)) == 0 &&
           (header->type == TYPE_EXEC || header->type == TYPE_DYN) &&
           header->machine == MACHINE_386 && header->version == 1 &&
           header->phentsize == sizeof(struct elf_program_header) && header->phnum >= 1 &&
           header->phnum <= ELF_HEADERS_MAX;
}

int
elf_check(const void *bytes, size_t size, uint32_t *offset, uint32_t *headers_size)
{
    struct elf_file_header header;

    if (size < sizeof(header))
        return -ENOEXEC;
    memcpy(&header, bytes, sizeof(header));
    if (!is_program(&header))
        return -ENOEXEC;
    *offset = header.phoff;
    *headers_size = header.phnum * (uint32_t)sizeof(struct elf_program_header);
    return 0;
}

static unsigned
protection(uint32_t flags)
{
    return (flags & FLAG_READ ? PROT_READ : 0u) | (flags & FLAG_WRITE ? PROT_WRITE : 0u) |
           (flags & FLAG_EXEC ? PROT_EXEC : 0u);
}

/* Adds a segment behind those that are there. 0 or -errno. */
static int
add_segment(struct elf_program *program, const struct elf_program_header *entry, uint64_t file_size)
{
    uint64_t end = (uint64_t)entry->vaddr + entry->memsz;
    struct elf_segment *segment = &program->segments[program->segment_count];

    if (entry->filesz > entry->memsz || (uint64_t)entry->offset + entry->filesz > file_size)
        return -ENOEXEC;
    if (((entry->vaddr ^ entry->offset) & PAGE_MASK) != 0)
        return -ENOEXEC;
    if (entry->memsz == 0)
        return 0;
    if (program->segment_count == ELF_SEGMENTS_MAX)
        return -ENOEXEC;
    if (program->segment_count > 0 && entry->vaddr < segment[-1].end)
        return -ENOEXEC;
    if (end > PROGRAM_END || (!program->relocatable && entry->vaddr < PROGRAM_START))
        return -ENOMEM;
    *segment = (struct elf_segment){
        .start = entry->vaddr,
        .file_end = entry->vaddr + entry->filesz,
        .end = (uint32_t)end,
        .offset = entry->offset,
        .prot = protection(entry->flags),
    };
    program->segment_count++;
    return 0;
}

/* Where the byte `offset` of the file is in memory, `size` bytes of it; 0 when it is nowhere. */
static uint32_t
address_of(const struct elf_program *program, uint32_t offset, uint32_t size)
{
    for (unsigned i = 0; i < program->segment_count; i++) {
        const struct elf_segment *segment = &program->segments[i];
        uint32_t length = segment->file_end - segment->start;

        if (offset >= segment->offset && (uint64_t)offset + size <= (uint64_t)segment->offset + length)
            return segment->start + (offset - segment->offset);
    }
    return 0;
}

static void
read_stack(struct elf_program *program, const struct elf_program_header *entry)
{
    program->says_stack = true;
    program->runs_stack = entry->flags & FLAG_EXEC;
}

int
elf_plan(const struct elf_file_header *header, const struct elf_program_header *entries,
         uint64_t file_size, struct elf_program *program)
{
    memset(program, 0, sizeof(*program));
    program->relocatable = header->type == TYPE_DYN;
    program->entry = header->entry;
    program->header_count = header->phnum;
    for (unsigned i = 0; i < header->phnum; i++) {
        int error = 0;

        if (entries[i].type == SEGMENT_INTERP)
            error = -ENOENT;
        else if (entries[i].type == SEGMENT_LOAD)
            error = add_segment(program, &entries[i], file_size);
        else if (entries[i].type == SEGMENT_STACK)
            read_stack(program, &entries[i]);
        if (error != 0)
            return error;
    }
    if (program->segment_count == 0)
        return -ENOEXEC;
    program->low = program->segments[0].start;
    program->high = program->segments[program->segment_count - 1].end;
    program->headers = address_of(program, header->phoff,
                                  header->phnum * (uint32_t)sizeof(struct elf_program_header));
    return 0;
}
