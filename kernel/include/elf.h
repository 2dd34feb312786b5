/* elf.h - what an ELF file says about its program: ELF32, Intel 386, static. System V ABI, Intel386
 * supplement, chapters 4 and 5. */
#ifndef OCTAVO_ELF_H
#define OCTAVO_ELF_H

#include "types.h"

#define ELF_HEADERS_MAX  64 /* program headers that are looked at; no linker makes as many */
#define ELF_SEGMENTS_MAX 16

struct elf_file_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version, entry, phoff, shoff, flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct elf_file_header) == 52, "the ABI lays the header out");

struct elf_program_header {
    uint32_t type, offset, vaddr, paddr, filesz, memsz, flags, align;
};
_Static_assert(sizeof(struct elf_program_header) == 32, "the ABI lays the entry out");

/* One range of memory: bytes of the file, then zeros.
 *
 *     start            file_end          end
 *       |  from `offset`  |  zeros (bss)  |
 */
struct elf_segment {
    uint32_t start, file_end, end; /* start <= file_end <= end, start < end */
    uint32_t offset;               /* congruent to start modulo a page */
    unsigned prot;                 /* PROT_ */
};

struct elf_program {
    bool relocatable; /* ET_DYN: addresses count from a base of the kernel's choice */
    bool says_stack;  /* what may be done with the stack; who does not is older than NX */
    bool runs_stack;  /* code can run from the stack */
    uint32_t entry;
    uint32_t headers; /* address of the program headers in memory, 0: not there */
    unsigned header_count;
    uint32_t low, high; /* all segments lie in [low, high) */
    unsigned segment_count;
    struct elf_segment segments[ELF_SEGMENTS_MAX]; /* by address, without overlap */
};

/* Looks at the first bytes of a file. 0: an ELF program whose program headers are the bytes
 * [*offset, *offset + *size) of the file, *size at most ELF_HEADERS_MAX entries; else -ENOEXEC. */
MUST_CHECK int elf_check(const void *bytes, size_t size, uint32_t *offset, uint32_t *headers_size);

/* Makes the plan from the file header (checked by elf_check), the program headers and the size of
 * the file. 0; -ENOEXEC for what is not well formed; -ENOENT when it wants an interpreter (there is
 * no dynamic linker); -ENOMEM when it wants addresses that programs do not have. */
MUST_CHECK int elf_plan(const struct elf_file_header *header,
                        const struct elf_program_header *entries, uint64_t file_size,
                        struct elf_program *program);

#endif
