/* exec.h - starting a program: from a path to an address space and the registers to begin with. */
#ifndef OCTAVO_EXEC_H
#define OCTAVO_EXEC_H

#include "task.h"

/* A program that is ready to run but that nobody runs yet. */
struct exec_image {
    struct address_space *space; /* one reference */
    struct object *executable;   /* one reference; NULL: it is no file's */
    uint32_t entry, stack;       /* the first EIP and ESP */
    char name[TASK_NAME_SIZE];
    char path[64];
};

/* Builds the program at `path` (looked up from the current process's folder) with arguments and
 * environment in kernel memory, each ended by NULL. `limits` are those of the process that will run
 * it. 0, and the image is the caller's; or -errno, and nothing has changed. May sleep. */
MUST_CHECK int exec_load(const char *path, char *const argv[], char *const envp[],
                         const struct limit *limits, struct exec_image *image);

/* Gives an image that shall not run back. */
void exec_drop(struct exec_image *image);

/* Makes the image, but for the registers, what `process` runs: space, executable, name and path go
 * over to it, which must have no space or executable of its own any more. Its threads still have to
 * learn of the space. */
void exec_adopt(struct process *process, struct exec_image *image);

/* The registers of a program's start, for the return to ring 3. */
void exec_registers(struct trap_frame *frame, uint32_t entry, uint32_t stack);

#endif
