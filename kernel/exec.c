/* exec.c - execve: from a file to a running program.
 *
 * The new program is built completely beside the old one; only then is the old one given up, in
 * steps that cannot fail:
 *
 *   strings of the old space ──► kernel memory        exec_args.c
 *   file: `#!` lines followed, ELF headers checked    script.c, elf.c
 *   new space: segments mapped, stack written         here
 *   ---- nothing has changed so far; from here on nothing fails ----
 *   other threads end, space is exchanged, handlers and close-on-exec files go, registers
 *
 * The first stack, from the top down (System V ABI, Intel386 supplement, 3-28; the auxiliary vector
 * is what libc reads of the kernel):
 *
 *   USER_END  0            four bytes
 *             path         the name the program was started by (AT_EXECFN)
 *             strings      environment above arguments
 *             random       16 bytes (AT_RANDOM)
 *             auxv         pairs, ended by AT_NULL
 *             envp[] NULL  argv[] NULL
 *   ESP ────► argc         aligned to 16
 */
#include <string.h>
#include "cpu.h"
#include "elf.h"
#include "exec.h"
#include "exec_args.h"
#include "file.h"
#include "kmalloc.h"
#include "limits.h"
#include "random.h"
#include "range.h"
#include "signal.h"
#include "syscall.h"
#include "usercopy.h"
#include "uapi/fcntl.h"
#include "uapi/resource.h"

#define SCRIPT_DEPTH 4 /* an interpreter may be a script too, but not for ever */
#define PIE_BASE     0x00400000u
#define STACK_ALIGN  16u
#define RANDOM_SIZE  16u
#define ANYBODY_RUNS 0111u /* permissions: somebody may execute it */

enum {
    AT_NULL = 0, AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5, AT_PAGESZ = 6, AT_BASE = 7, AT_FLAGS = 8,
    AT_ENTRY = 9, AT_UID = 11, AT_EUID = 12, AT_GID = 13, AT_EGID = 14, AT_HWCAP = 16,
    AT_CLKTCK = 17, AT_SECURE = 23, AT_RANDOM = 25, AT_EXECFN = 31, AUXV_PAIRS = 17
};

/* A program under construction. Too large for the stack. */
struct builder {
    struct exec_args args;
    struct file *file;
    struct address_space *space;
    struct elf_program program;
    uint32_t base;                /* added to the program's addresses, modulo 2^32 */
    uintptr_t mapped_end;         /* of the pages mapped so far */
    char head[SCRIPT_LINE_MAX];   /* the file's first bytes */
    size_t head_size;
    struct script scripts[2];     /* the line at work, and the one whose words name the file */
    struct elf_program_header headers[ELF_HEADERS_MAX];
};

_Static_assert(sizeof(struct elf_file_header) <= SCRIPT_LINE_MAX, "the head holds the ELF header");

/* ---- the file ---- */

static void
close_program(struct builder *build)
{
    if (build->file != NULL)
        file_put(build->file);
    build->file = NULL;
}

/* Opens what may be a program and reads its head. */
static int
open_file(struct builder *build, const char *path)
{
    const struct folder *folder = task_current()->process->folder;
    int error = file_open_at(folder != NULL ? folder->current : tree_root, path,
                             O_RDONLY | O_NONBLOCK, 0, &build->file);
    long size;

    if (error != 0)
        return error;
    if (file_object(build->file) == NULL || !(build->file->node->mode & ANYBODY_RUNS))
        return -EACCES;
    size = file_read(build->file, build->head, sizeof(build->head), 0);
    if (size < 0)
        return (int)size;
    build->head_size = (size_t)size;
    return 0;
}

/* Opens the program behind `path`, through the interpreters of scripts. */
static int
open_program(struct builder *build, const char *path)
{
    for (unsigned depth = 0;; depth++) {
        struct script *script = &build->scripts[depth & 1];
        int error = open_file(build, path);

        if (error != 0)
            return error;
        if (!is_script(build->head, build->head_size))
            return 0;
        if (depth == SCRIPT_DEPTH)
            return -ELOOP;
        error = script_parse(build->head, build->head_size, script);
        if (error == 0)
            error = exec_args_interpret(&build->args, script, path);
        if (error != 0)
            return error;
        close_program(build);
        path = script->interpreter;
    }
}

static int
read_plan(struct builder *build)
{
    uint32_t offset, size;
    int error = elf_check(build->head, build->head_size, &offset, &size);
    struct elf_file_header header;

    if (error != 0)
        return error;
    if (file_read(build->file, build->headers, size, offset) != (long)size)
        return -ENOEXEC;
    memcpy(&header, build->head, sizeof(header));
    error = elf_plan(&header, build->headers, file_size(build->file), &build->program);
    build->base = build->program.relocatable ? PIE_BASE - (build->program.low & ~PAGE_MASK) : 0;
    if (error == 0 && build->program.high - build->program.low > USER_END - STACK_LIMIT - PIE_BASE)
        return -ENOMEM;
    return error;
}

/* ---- the space ---- */

/* Zeros [from, to) in pages of the file that are mapped already. What may not be written stays as
 * the file has it. */
static int
clear_rest(struct builder *build, uintptr_t from, uintptr_t to, unsigned prot)
{
    static const char zeros[256];

    while (from < to) {
        size_t piece = to - from < sizeof(zeros) ? to - from : sizeof(zeros);

        if (space_write(build->space, from, zeros, piece) != piece)
            return prot & PROT_WRITE ? -ENOMEM : 0;
        from += piece;
    }
    return 0;
}

static long
map_file_part(struct builder *build, const struct elf_segment *segment)
{
    uintptr_t start = align_down(build->base + segment->start, PAGE_SIZE);
    uintptr_t end = align_up(build->base + segment->file_end, PAGE_SIZE);
    long result;

    if (segment->file_end == segment->start)
        return 0;
    result = space_mmap(build->space, start, end - start, segment->prot, MAP_PRIVATE | MAP_FIXED,
                        file_object(build->file), segment->offset >> PAGE_SHIFT, false);
    if (result < 0 && result > -4096)
        return result;
    build->mapped_end = end;
    return 0;
}

/* The zeros behind the file's bytes: first in the page that is there, then pages of their own. */
static long
map_zero_part(struct builder *build, const struct elf_segment *segment)
{
    uintptr_t from = build->base + segment->file_end, end = build->base + segment->end;
    uintptr_t start = align_down(from, PAGE_SIZE);
    long result;

    if (from == end)
        return 0;
    if (from < build->mapped_end) {
        result = clear_rest(build, from, build->mapped_end, segment->prot);
        if (result != 0)
            return result;
        start = build->mapped_end;
    }
    if (start >= end)
        return 0;
    result = space_mmap(build->space, start, end - start, segment->prot,
                        MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, NULL, 0, true);
    if (result < 0 && result > -4096)
        return result;
    build->mapped_end = align_up(end, PAGE_SIZE);
    return 0;
}

/* What /proc tells of the program: the first code, the last data. */
static void
note_segment(struct builder *build, const struct elf_segment *segment)
{
    struct address_space *space = build->space;
    uintptr_t start = build->base + segment->start, end = build->base + segment->file_end;

    if (segment->prot & PROT_EXEC && space->code_start == 0) {
        space->code_start = start;
        space->code_end = end;
    } else if (segment->prot & PROT_WRITE) {
        space->data_start = start;
        space->data_end = end;
    }
}

static long
map_program(struct builder *build)
{
    const struct elf_program *program = &build->program;
    uintptr_t end;

    if (build->base + program->high > USER_END - STACK_LIMIT)
        return -ENOMEM;
    for (unsigned i = 0; i < program->segment_count; i++) {
        long error = map_file_part(build, &program->segments[i]);

        if (error == 0)
            error = map_zero_part(build, &program->segments[i]);
        if (error != 0)
            return error;
        note_segment(build, &program->segments[i]);
    }
    end = align_up(build->base + program->high, PAGE_SIZE);
    build->space->brk_start = build->space->brk = end > HEAP_START ? end : HEAP_START;
    return 0;
}

/* ---- the stack ---- */

/* What the CPU says it can do: AT_HWCAP. */
static uint32_t
hardware_capabilities(void)
{
    uint32_t eax = 1, ebx, ecx, edx;

    if (!cpu_features.has_cpuid)
        return 0;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    return edx;
}

static uint32_t *
put_pair(uint32_t *to, uint32_t type, uint32_t value)
{
    to[0] = type;
    to[1] = value;
    return to + 2;
}

static uint32_t *
put_auxv(const struct builder *build, uint32_t *to, uintptr_t random, uintptr_t path)
{
    const struct elf_program *program = &build->program;

    to = put_pair(to, AT_PHDR, program->headers != 0 ? build->base + program->headers : 0);
    to = put_pair(to, AT_PHENT, sizeof(struct elf_program_header));
    to = put_pair(to, AT_PHNUM, program->header_count);
    to = put_pair(to, AT_PAGESZ, PAGE_SIZE);
    to = put_pair(to, AT_BASE, 0);
    to = put_pair(to, AT_FLAGS, 0);
    to = put_pair(to, AT_ENTRY, build->base + program->entry);
    for (uint32_t type = AT_UID; type <= AT_EGID; type++)
        to = put_pair(to, type, 0);
    to = put_pair(to, AT_HWCAP, hardware_capabilities());
    to = put_pair(to, AT_CLKTCK, CLOCK_TICKS_PER_SECOND);
    to = put_pair(to, AT_SECURE, 0);
    to = put_pair(to, AT_RANDOM, random);
    to = put_pair(to, AT_EXECFN, path);
    return put_pair(to, AT_NULL, 0);
}

/* `count` pointers to strings that begin at `text` (at address `at` for the program), and NULL.
 * Leaves *text and *at behind the last one. */
static uint32_t *
put_pointers(uint32_t *to, unsigned count, const char **text, uintptr_t *at)
{
    for (; count > 0; count--) {
        size_t size = strlen(*text) + 1;

        *to++ = *at;
        *text += size;
        *at += size;
    }
    *to++ = 0;
    return to;
}

/* Where things are on the stack. */
struct layout {
    uintptr_t path, strings, random, vectors;
    size_t vector_words;
};

static struct layout
lay_out(const struct exec_args *args, const char *path)
{
    struct layout layout;

    layout.vector_words = 1 + args->argc + 1 + args->envc + 1 + 2 * AUXV_PAIRS;
    layout.path = USER_END - sizeof(uint32_t) - (strlen(path) + 1);
    layout.strings = layout.path - args->size;
    layout.random = layout.strings - RANDOM_SIZE;
    layout.vectors = align_down(layout.random - layout.vector_words * sizeof(uint32_t), STACK_ALIGN);
    return layout;
}

static void
fill_vectors(struct builder *build, const struct layout *layout, uint32_t *words)
{
    const struct exec_args *args = &build->args;
    struct address_space *space = build->space;
    const char *text = args->text;
    uintptr_t at = layout->strings;
    uint32_t *to = words;

    *to++ = args->argc;
    space->args_start = at;
    to = put_pointers(to, args->argc, &text, &at);
    space->args_end = space->env_start = at;
    to = put_pointers(to, args->envc, &text, &at);
    space->env_end = at;
    to = put_auxv(build, to, layout->random, layout->path);
    ASSERT(to == words + layout->vector_words);
}

static bool
put(struct builder *build, uintptr_t to, const void *from, size_t size)
{
    return space_write(build->space, to, from, size) == size;
}

static long
write_stack(struct builder *build, const struct layout *layout, const char *path)
{
    size_t size = layout->vector_words * sizeof(uint32_t);
    uint32_t *words = kmalloc(size);
    uint8_t random[RANDOM_SIZE];
    bool done;

    if (words == NULL)
        return -ENOMEM;
    random_bytes(random, sizeof(random));
    fill_vectors(build, layout, words);
    done = put(build, layout->path, path, strlen(path) + 1) &&
           put(build, layout->strings, build->args.text, build->args.size) &&
           put(build, layout->random, random, sizeof(random)) &&
           put(build, layout->vectors, words, size);
    kfree(words);
    return done ? 0 : -ENOMEM;
}

/* ---- the whole ---- */

static void
name_image(struct exec_image *image, const char *path)
{
    const char *slash = strrchr(path, '/'), *file = file_object_name(image->executable);
    const char *name = slash != NULL ? slash + 1 : path;
    size_t length = strnlen(name, sizeof(image->name) - 1);

    memcpy(image->name, name, length);
    image->name[length] = '\0';
    file = *file != '\0' ? file : path;
    length = strnlen(file, sizeof(image->path) - 1);
    memcpy(image->path, file, length);
    image->path[length] = '\0';
}

static long
build_space(struct builder *build, const char *path, const struct limit *limits,
            struct exec_image *image)
{
    struct layout layout = lay_out(&build->args, path);
    long error;

    build->space = space_create();
    if (build->space == NULL)
        return -ENOMEM;
    limits_apply(limits, build->space);
    error = map_program(build);
    if (error == 0)
        error = space_add_stack(build->space, USER_END);
    if (error == 0)
        error = write_stack(build, &layout, path);
    if (error != 0) {
        space_put(build->space);
        return error;
    }
    image->space = build->space;
    image->executable = file_object(build->file);
    image->entry = build->base + build->program.entry;
    image->stack = layout.vectors;
    object_get(image->executable);
    name_image(image, path);
    return 0;
}

/* exec_load for strings of the kernel's or of the current program's. */
static int
load(const char *path, char *const argv[], char *const envp[], bool kernel,
     const struct limit *limits, struct exec_image *image)
{
    struct builder *build = kzalloc(sizeof(*build));
    long error;

    if (build == NULL)
        return -ENOMEM;
    error = exec_args_init(&build->args, limits[RLIMIT_STACK].soft);
    if (error == 0)
        error = exec_args_copy(&build->args, argv, envp, kernel);
    if (error == 0)
        error = open_program(build, path);
    if (error == 0)
        error = read_plan(build);
    if (error == 0)
        error = build_space(build, path, limits, image);
    close_program(build);
    exec_args_drop(&build->args);
    kfree(build);
    return (int)error;
}

int
exec_load(const char *path, char *const argv[], char *const envp[], const struct limit *limits,
          struct exec_image *image)
{
    return load(path, argv, envp, true, limits, image);
}

void
exec_drop(struct exec_image *image)
{
    space_put(image->space);
    if (image->executable != NULL)
        object_put(image->executable);
}

void
exec_adopt(struct process *process, struct exec_image *image)
{
    process->space = image->space;
    process->space->owner = process;
    process->executable = image->executable;
    memcpy(process->name, image->name, sizeof(process->name));
    memcpy(process->path, image->path, sizeof(process->path));
}

void
exec_registers(struct trap_frame *frame, uint32_t entry, uint32_t stack)
{
    *frame = (struct trap_frame){
        .eip = entry,
        .esp = stack,
        .cs = USER_CODE,
        .ds = USER_DATA,
        .es = USER_DATA,
        .ss = USER_DATA,
        .eflags = EFLAGS_IF | EFLAGS_ONE,
    };
}

/* ---- the system call ---- */

/* The current process has only this thread and becomes the image. Cannot fail. */
static void
exchange(struct exec_image *image, struct trap_frame *frame)
{
    struct task *task = task_current();
    struct process *process = task->process;
    struct address_space *old_space = process->space;
    struct object *old_executable = process->executable;

    thread_reset();
    process_leave_space(process);
    process->exit_signal = SIGCHLD;
    process->executed = true;
    exec_adopt(process, image);
    task->space = process->space;
    space_activate(task->space);
    space_put(old_space);
    if (old_executable != NULL)
        object_put(old_executable);
    process_end_vfork();
    actions_reset(process->actions);
    files_close_on_exec(process->files);
    exec_registers(frame, image->entry, image->stack);
}

SYSCALL(execve)
{
    struct process *process = task_current()->process;
    char *path = kmalloc(PATH_MAX);
    struct exec_image image;
    long error;

    if (path == NULL)
        return -ENOMEM;
    error = copy_string_from_user(path, (const char *)frame->ebx, PATH_MAX);
    if (error >= 0)
        error = load(path, (char *const *)frame->ecx, (char *const *)frame->edx, false,
                     process->limits, &image);
    kfree(path);
    if (error != 0)
        return error;
    error = actions_own(&process->actions);
    if (error == 0)
        error = files_own(&process->files);
    if (error == 0)
        error = process_end_other_threads();
    if (error != 0) {
        exec_drop(&image);
        return error;
    }
    exchange(&image, frame);
    return 0;
}
