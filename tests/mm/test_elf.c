/* test_elf.c - program headers that are in order, that lie, and that are nonsense, by hand and by
 * the thousand; first lines of scripts. */
#include <string.h>
#include "ktest.h"
#include "elf.h"
#include "script.h"
#include "uapi/errno.h"
#include "uapi/mman.h"

#define FILE_SIZE 0x3000u

enum { LOAD = 1, INTERP = 3, GNU_STACK = 0x6474E551, EXECUTE = 1, WRITE = 2, READ = 4 };

static struct elf_file_header header;
static struct elf_program_header entries[ELF_HEADERS_MAX];
static struct elf_program program;

/* Text at 0x08048000 and data with bss behind it. */
static void
make_good(void)
{
    static const uint8_t ident[16] = {0x7F, 'E', 'L', 'F', 1, 1, 1};

    memset(&header, 0, sizeof(header));
    memset(entries, 0, sizeof(entries));
    memcpy(header.ident, ident, sizeof(ident));
    header.type = 2;
    header.machine = 3;
    header.version = 1;
    header.entry = 0x08048123;
    header.phoff = sizeof(header);
    header.phentsize = sizeof(entries[0]);
    header.phnum = 2;
    entries[0] = (struct elf_program_header){LOAD, 0, 0x08048000, 0, 0x1234, 0x1234,
                                             READ | EXECUTE, 0x1000};
    entries[1] = (struct elf_program_header){LOAD, 0x1F00, 0x0804AF00, 0, 0x200, 0x2200,
                                             READ | WRITE, 0x1000};
}

static int
check(void)
{
    uint32_t offset, size;

    return elf_check(&header, sizeof(header), &offset, &size);
}

static int
plan(void)
{
    return elf_plan(&header, entries, FILE_SIZE, &program);
}

KTEST(elf, good)
{
    uint32_t offset, size;

    make_good();
    CHECK_EQ(elf_check(&header, sizeof(header), &offset, &size), 0);
    CHECK_EQ(offset, sizeof(header));
    CHECK_EQ(size, 2 * sizeof(entries[0]));
    CHECK_EQ(plan(), 0);
    CHECK_EQ(program.segment_count, 2);
    CHECK_EQ(program.entry, 0x08048123);
    CHECK_EQ(program.headers, 0x08048000 + sizeof(header));
    CHECK_EQ(program.low, 0x08048000);
    CHECK_EQ(program.high, 0x0804D100);
    CHECK(!program.relocatable);
    CHECK_EQ(program.segments[0].prot, PROT_READ | PROT_EXEC);
    CHECK_EQ(program.segments[1].prot, PROT_READ | PROT_WRITE);
    CHECK_EQ(program.segments[1].file_end, 0x0804B100);
    CHECK_EQ(program.segments[1].offset, 0x1F00);
}

KTEST(elf, stack_to_run)
{
    make_good();
    CHECK_EQ(plan(), 0);
    CHECK(!program.says_stack);
    header.phnum = 3;
    entries[2] = (struct elf_program_header){.type = GNU_STACK, .flags = READ | WRITE};
    CHECK_EQ(plan(), 0);
    CHECK(program.says_stack && !program.runs_stack);
    entries[2].flags |= EXECUTE;
    CHECK_EQ(plan(), 0);
    CHECK(program.runs_stack);
    CHECK_EQ(program.segment_count, 2);
}

KTEST(elf, file_header)
{
    make_good();
    CHECK_EQ(elf_check(&header, sizeof(header) - 1, &(uint32_t){0}, &(uint32_t){0}), -ENOEXEC);
    header.ident[4] = 2; /* 64 bits */
    CHECK_EQ(check(), -ENOEXEC);
    make_good();
    header.ident[0] = '#';
    CHECK_EQ(check(), -ENOEXEC);
    make_good();
    header.machine = 62;
    CHECK_EQ(check(), -ENOEXEC);
    make_good();
    header.type = 1; /* an object file */
    CHECK_EQ(check(), -ENOEXEC);
    make_good();
    header.phentsize = 56;
    CHECK_EQ(check(), -ENOEXEC);
    make_good();
    header.phnum = 0;
    CHECK_EQ(check(), -ENOEXEC);
    header.phnum = ELF_HEADERS_MAX + 1;
    CHECK_EQ(check(), -ENOEXEC);
}

KTEST(elf, segments_that_lie)
{
    make_good();
    entries[1].filesz = entries[1].memsz + 1;
    CHECK_EQ(plan(), -ENOEXEC);
    make_good();
    entries[1].offset += 0x1000; /* past the end of the file */
    CHECK_EQ(plan(), -ENOEXEC);
    make_good();
    entries[0].offset = 0xFFFFF000;
    CHECK_EQ(plan(), -ENOEXEC);
    make_good();
    entries[1].vaddr += 4; /* not congruent */
    CHECK_EQ(plan(), -ENOEXEC);
    make_good();
    entries[1].vaddr = 0x08047F00; /* below the first */
    CHECK_EQ(plan(), -ENOEXEC);
    make_good();
    entries[1].memsz = 0xFFFFFFFF;
    CHECK_EQ(plan(), -ENOMEM);
    make_good();
    entries[0].vaddr = 0; /* where nothing is ever mapped */
    CHECK_EQ(plan(), -ENOMEM);
    make_good();
    entries[1].vaddr = 0xBFFFFF00; /* the stack's */
    CHECK_EQ(plan(), -ENOMEM);
    make_good();
    entries[0].type = INTERP;
    CHECK_EQ(plan(), -ENOENT);
    make_good();
    header.phnum = 0;
    CHECK_EQ(plan(), -ENOEXEC);
}

KTEST(elf, relocatable)
{
    make_good();
    header.type = 3;
    entries[0].vaddr = 0;
    entries[1].vaddr = 0x2F00;
    CHECK_EQ(plan(), 0);
    CHECK(program.relocatable);
    CHECK_EQ(program.low, 0);
    CHECK_EQ(program.headers, sizeof(header));
}

KTEST(elf, too_many_segments)
{
    make_good();
    header.phnum = ELF_SEGMENTS_MAX + 1;
    for (unsigned i = 0; i < header.phnum; i++)
        entries[i] = (struct elf_program_header){LOAD, 0, 0x08048000 + i * 0x1000, 0, 0, 0x10,
                                                 READ, 0x1000};
    CHECK_EQ(plan(), -ENOEXEC);
    header.phnum--;
    CHECK_EQ(plan(), 0);
}

/* ---- scripts ---- */

static struct script script;

static int
parse(const char *line)
{
    return script_parse(line, strlen(line), &script);
}

/* One byte or word of the headers becomes anything; words become edges of what there is, too. */
static void
spoil(uint32_t *state)
{
    static const uint32_t edges[] = {0,          1,          0xFFF,      0x1000,     FILE_SIZE,
                                     0x08048000, 0x7FFFFFFF, 0x80000000, 0xAFFFF000, 0xB0000000,
                                     0xC0000000, 0xFFFFF000, 0xFFFFFFFF};
    uint32_t draw = ktest_random(state), value = edges[draw / 8 % ARRAY_LENGTH(edges)];
    bool in_header = draw % 4 == 0;
    uint8_t *bytes = in_header ? (uint8_t *)&header : (uint8_t *)entries;
    uint32_t at = draw / 256 % (in_header ? sizeof(header) : 2 * sizeof(entries[0]));

    if (draw & 4)
        bytes[at] = (uint8_t)ktest_random(state);
    else
        memcpy(bytes + (at & ~3u), &value, sizeof(value));
}

static bool
keeps_its_promise(void)
{
    uint64_t end = 0;

    for (unsigned i = 0; i < program.segment_count; i++) {
        const struct elf_segment *segment = &program.segments[i];

        if (segment->start < end || segment->start >= segment->end ||
            segment->file_end < segment->start || segment->file_end > segment->end ||
            (uint64_t)segment->offset + (segment->file_end - segment->start) > FILE_SIZE ||
            segment->end > 0xB0000000)
            return false;
        end = segment->end;
    }
    return program.segment_count > 0 && program.segment_count <= ELF_SEGMENTS_MAX;
}

/* Spoilt headers are refused, or the plan is one that can be followed. */
KTEST(elf, random_headers)
{
    uint32_t state = ktest_seed(), followed = 0, refused = 0;

    for (unsigned round = 0; round < 20000; round++) {
        int error;

        make_good();
        for (uint32_t n = 1 + ktest_random(&state) % 4; n > 0; n--)
            spoil(&state);
        error = check();
        if (error == 0 && header.phnum <= ELF_HEADERS_MAX)
            error = plan();
        if (error == 0)
            CHECK(keeps_its_promise());
        else
            CHECK(error == -ENOEXEC || error == -ENOENT || error == -ENOMEM);
        *(error == 0 ? &followed : &refused) += 1;
    }
    CHECK(followed > 1000 && refused > 1000);
}

KTEST(elf, script_lines)
{
    CHECK(is_script("#!", 2) && !is_script("#!", 1) && !is_script("\x7F" "ELF", 4));
    CHECK_EQ(parse("#!/bin/sh\necho\n"), 0);
    CHECK(strcmp(script.interpreter, "/bin/sh") == 0 && script.argument == NULL);
    CHECK_EQ(parse("#! \t/bin/sh  -e -u \t\n"), 0);
    CHECK(strcmp(script.interpreter, "/bin/sh") == 0);
    CHECK(strcmp(script.argument, "-e -u") == 0);
    CHECK_EQ(parse("#!sh"), 0);
    CHECK(strcmp(script.interpreter, "sh") == 0);
    CHECK_EQ(parse("#!"), -ENOEXEC);
    CHECK_EQ(parse("#!  \t \n/bin/sh"), -ENOEXEC);
    CHECK_EQ(script_parse("#\n!", 3, &script), -ENOEXEC);
}

KTEST(elf, script_line_too_long)
{
    static char line[2 * SCRIPT_LINE_MAX];

    memset(line, 'x', sizeof(line));
    line[0] = '#';
    line[1] = '!';
    CHECK_EQ(script_parse(line, sizeof(line), &script), -ENOEXEC);
    line[10] = ' '; /* the name is whole, its argument is cut */
    CHECK_EQ(script_parse(line, sizeof(line), &script), 0);
    CHECK_EQ(strlen(script.interpreter), 8);
    CHECK_EQ(strlen(script.argument), SCRIPT_LINE_MAX - 1 - 11);
}
