/* exec.c - execve: from a file to a running program.
 *
 * The new program is built completely beside the old one; only then is the old one given up, in
 * steps that cannot fail:
 *
 *   strings of the old space ──► kernel memory        exec_args.c
 *   file: `#!` lines followed, ELF headers checked    script.c, elf.c
 *   new space: segments mapped, stack written         here, exec_stack.c
 *   other threads end; handlers and files of its own
 *   ---- a program with one thread has not changed so far; from here on nothing fails ----
 *   space is exchanged, handlers and close-on-exec files go, registers
 */
#include <string.h>
#include "cpu.h"
#include "elf.h"
#include "exec.h"
#include "exec_args.h"
#include "exec_stack.h"
#include "file.h"
#include "kmalloc.h"
#include "process_limits.h"
#include "range.h"
#include "signal.h"
#include "syscall.h"
#include "trace.h"
#include "usercopy.h"
#include "uapi/fcntl.h"
#include "uapi/resource.h"

#define SCRIPT_DEPTH 4 /* an interpreter may be a script too, but not for ever */
#define PIE_BASE     0x00400000u
#define ANYBODY_RUNS 0111u /* permissions: somebody may execute it */

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

/* Opens what may be a program. Anything else is only looked at: who waits for the other end of a FIFO
 * must not take this for one. */
static int
open_node(struct builder *build, struct node *node)
{
    if (!S_ISREG(node->mode) || node->object == NULL || !(node->mode & ANYBODY_RUNS))
        return -EACCES;
    build->file = file_create(node->ops, node, O_RDONLY, NULL);
    return build->file != NULL ? 0 : file_shortage();
}

/* The same, and reads its head. */
static int
open_file(struct builder *build, const char *path)
{
    struct node *start = current_folder(), *node;
    int error = path_find(start, path, 0, &node);
    long size;

    node_put(start);
    if (error != 0)
        return error;
    error = open_node(build, node);
    node_put(node);
    if (error != 0)
        return error;
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

/* ---- the whole ---- */

static void
name_image(struct exec_image *image, const char *path)
{
    char text[OBJECT_NAME_ROOM];
    const char *file = file_object_name_to(image->executable, text);
    const char *slash = strrchr(path, '/');
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
    long error;

    build->space = space_create();
    if (build->space == NULL)
        return -ENOMEM;
    limits_apply(limits, build->space);
    build->space->read_adds = build->program.says_stack ? 0 : AREA_EXEC;
    error = map_program(build);
    if (error == 0)
        error = space_add_stack(build->space, USER_END);
    if (error == 0 && build->program.runs_stack)
        error = space_mprotect(build->space, USER_END - PAGE_SIZE, PAGE_SIZE,
                               PROT_READ | PROT_WRITE | PROT_EXEC);
    if (error == 0)
        error = exec_write_stack(build->space, &build->args, &build->program, build->base, path,
                                 &image->stack);
    if (error != 0) {
        space_put(build->space);
        return error;
    }
    image->space = build->space;
    image->executable = file_object(build->file);
    image->entry = build->base + build->program.entry;
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
    limits_apply(process->limits, process->space); /* others may change them while it is built */
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

/* The event has the first eight letters of the program's name. */
static __attribute__((cold, noinline)) void
trace_exec(const struct process *process)
{
    uint64_t name;

    memcpy(&name, process->name, sizeof(name));
    trace_record(TRACE_EXEC, name, (size_t)process->pid, 0, NULL);
}

/* The current process has only this thread and becomes the image. Cannot fail. */
static void
exchange(struct exec_image *image, struct trap_frame *frame)
{
    struct task *task = task_current();
    struct process *process = task->process;
    struct address_space *old_space = process->space;
    struct object *old_executable = process->executable;
    unsigned long state;

    thread_reset();
    state = spin_lock(&process_lock);
    process_leave_space(process);
    process->exit_signal = SIGCHLD;
    process->executed = true;
    exec_adopt(process, image);
    actions_reset(process->actions);
    process_end_vfork();
    spin_unlock(&process_lock, state);
    task->space = process->space;
    space_activate(task->space);
    space_put(old_space);
    if (old_executable != NULL)
        object_put(old_executable);
    files_close_on_exec(process->files);
    exec_registers(frame, image->entry, image->stack);
    if (trace_on(TRACE_EXEC))
        trace_exec(process);
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
    error = process_end_other_threads();
    if (error == 0)
        error = actions_own(&process->actions);
    if (error == 0)
        error = files_own();
    if (error != 0) {
        exec_drop(&image);
        return error;
    }
    exchange(&image, frame);
    return 0;
}
