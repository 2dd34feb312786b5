/* test_exec.c - programs from files: what is mapped where, and each allocation of a start failing.
 */
#include <string.h>
#include "elf.h"
#include "exec.h"
#include "file.h"
#include "ktest.h"
#include "mm.h"
#include "object.h"
#include "pmm.h"
#include "programs.h"
#include "uapi/fcntl.h"

#define PROGRAM_FILE "/tmp/program"
#define SCRIPT_FILE  "/tmp/script"
#define TEXT         0x08048000u
#define DATA         0x0804B000u
#define DATA_BYTES   0x200u
#define BSS_BYTES    0x3000u

static char *const arguments[] = {"program", "one", NULL};
static char *const environment[] = {"A=b", NULL};

/* Exits with argc, after looking at whether all of the bss is zero. */
PROGRAM(count_arguments,
        "mov $0x0804B200, %edi; mov $0x3000, %ecx; xor %eax, %eax; cld; repe scasb; jne 1f\n"
        "mov (%esp), %ebx; mov $1, %eax; int $0x80\n"
        "1: mov $99, %ebx; mov $1, %eax; int $0x80");

static struct {
    struct elf_file_header header;
    struct elf_program_header entries[2];
    char code[128];
} image_head;

static void
make_head(void)
{
    static const uint8_t ident[16] = {0x7F, 'E', 'L', 'F', 1, 1, 1};
    struct program code = PROGRAM_OF(count_arguments);

    memset(&image_head, 0, sizeof(image_head));
    memcpy(image_head.header.ident, ident, sizeof(ident));
    image_head.header.type = 2;
    image_head.header.machine = 3;
    image_head.header.version = 1;
    image_head.header.entry = TEXT + offsetof(typeof(image_head), code);
    image_head.header.phoff = offsetof(typeof(image_head), entries);
    image_head.header.phentsize = sizeof(struct elf_program_header);
    image_head.header.phnum = 2;
    image_head.entries[0] = (struct elf_program_header){
        1, 0, TEXT, 0, sizeof(image_head), sizeof(image_head), 5, 0x1000};
    image_head.entries[1] = (struct elf_program_header){
        1, 0x1000, DATA, 0, DATA_BYTES, DATA_BYTES + BSS_BYTES, 6, 0x1000};
    memcpy(image_head.code, code.start, (size_t)(code.end - code.start));
}

static bool
write_at(struct file *file, const void *bytes, size_t size, uint64_t position)
{
    struct buffer buffer = {(char *)bytes, size, true, false};

    return file->ops->write(file, &buffer, &position) == (long)size;
}

/* A file of 8 KiB whose second page is full, so that the rest of data's page is not zero in it. */
static bool
make_program(void)
{
    static char page[PAGE_SIZE];
    struct file *file;
    bool done;

    make_head();
    memset(page, 0x77, sizeof(page));
    if (file_open(PROGRAM_FILE, O_CREAT | O_TRUNC | O_RDWR, 0755, &file) != 0)
        return false;
    done = write_at(file, &image_head, sizeof(image_head), 0) &&
           write_at(file, page, sizeof(page), PAGE_SIZE);
    file_put(file);
    return done;
}

static bool
make_script(void)
{
    static const char line[] = "#!" PROGRAM_FILE " word\n";
    struct file *file;
    bool done;

    if (file_open(SCRIPT_FILE, O_CREAT | O_TRUNC | O_RDWR, 0755, &file) != 0)
        return false;
    done = write_at(file, line, sizeof(line) - 1, 0);
    file_put(file);
    return done;
}

static void
remove_file(const char *path)
{
    struct place place;

    if (path_place(tree_root, path, PATH_NAME, &place) != 0)
        return;
    if (place.node != NULL)
        (void)!tree_unlink(&place);
    place_put(&place);
}

static int
load(const char *path, struct exec_image *image)
{
    return exec_load(path, arguments, environment, process_zero.limits, image);
}

KTEST(exec, what_is_mapped)
{
    struct exec_image image;
    uint32_t word = 1;

    CHECK(make_program());
    CHECK_EQ(load(PROGRAM_FILE, &image), 0);
    CHECK_EQ(image.entry, image_head.header.entry);
    CHECK(strcmp(image.name, "program") == 0 && strcmp(image.path, PROGRAM_FILE) == 0);
    CHECK_EQ(image.stack % 16, 0);
    CHECK_EQ(space_read(image.space, image.stack, &word, sizeof(word)), sizeof(word));
    CHECK_EQ(word, 2);
    CHECK_EQ(space_read(image.space, DATA, &word, sizeof(word)), sizeof(word));
    CHECK_EQ(word, 0x77777777);
    CHECK_EQ(space_read(image.space, DATA + DATA_BYTES, &word, sizeof(word)), sizeof(word));
    CHECK_EQ(word, 0);
    CHECK_EQ(image.space->brk, DATA + 0x4000);
    exec_drop(&image);
    remove_file(PROGRAM_FILE);
}

static int
run_file(const char *path)
{
    int pid = process_start(path, arguments, environment);

    return pid < 0 ? pid : process_wait(pid);
}

KTEST(exec, runs)
{
    CHECK(make_program() && make_script());
    CHECK_EQ(run_file(PROGRAM_FILE), 2 << 8);
    CHECK_EQ(run_file(SCRIPT_FILE), 4 << 8); /* program, word, script, one */
    CHECK_EQ(run_file("/tmp/nothing"), -ENOENT);
    CHECK_EQ(run_file("/tmp"), -EACCES);
    remove_file(PROGRAM_FILE);
    CHECK_EQ(run_file(SCRIPT_FILE), -ENOENT);
    remove_file(SCRIPT_FILE);
}

/* Fails the first allocation of a start, the second, ... until none fails. True when all that
 * failed said so and left nothing behind. */
static bool
sweep(const char *path)
{
    struct exec_image image;

    for (unsigned n = 1;; n++) {
        unsigned long free;
        int error;

        mm_drain();
        free = pmm_free_frames();
        mm_fail_nth(n);
        error = load(path, &image);
        if (mm_fail_nth(0) < n || error == 0) {
            if (error == 0)
                exec_drop(&image);
            return error == 0 && n > 5;
        }
        mm_drain();
        if (error != -ENOMEM || pmm_free_frames() != free || !mm_check())
            return false;
    }
}

KTEST(exec, every_allocation_fails_once)
{
    CHECK(make_program() && make_script());
    CHECK_EQ(run_file(SCRIPT_FILE), 4 << 8); /* what stays is there */
    CHECK(sweep(PROGRAM_FILE));
    CHECK(sweep(SCRIPT_FILE));
    remove_file(PROGRAM_FILE);
    remove_file(SCRIPT_FILE);
}
