/* runtime.h - what our programs stand on: a start, system calls, text in and out, a heap.
 *
 * Every program of user/ is one static ELF at 0x00400000 that speaks the Linux i386 system calls
 * and nothing else, so that it runs on Octavo and on Linux alike. Text functions (string.h), the
 * formatter (format.h), keys and line editor (keys.h, line.h) are the kernel's own sources, which
 * touch no hardware, compiled a second time.
 *
 * System calls keep their names and answer as the kernel does: a value, or -errno. There is no
 * errno.
 */
#ifndef OCTAVO_USER_RUNTIME_H
#define OCTAVO_USER_RUNTIME_H

#include "types.h"
#include "format.h"
#include <string.h>
#include "uapi/dirent.h"
#include "uapi/errno.h"
#include "uapi/fcntl.h"
#include "uapi/mman.h"
#include "uapi/resource.h"
#include "uapi/signal.h"
#include "uapi/stat.h"
#include "uapi/syscall.h"
#include "uapi/termios.h"
#include "uapi/time.h"
#include "uapi/wait.h"

int main(int argc, char **argv);
extern char **environment;       /* "NAME=value", NULL behind the last */
extern const char *program_name; /* the last part of argv[0] */

/* ---- system calls (start.asm, system.c) ---- */

/* Up to six arguments of 32 bits. */
long system_call(int number, ...);

/* Writes out what is printed; when that cannot be done, a status of 0 becomes 1. */
_Noreturn void exit(int status);
_Noreturn void exit_now(int status);
int fork(void);
/* Runs run(argument) beside the caller, with the same memory, files and folder, on the stack that
 * ends at `stack_end`; status 0 when it returns. Answers its number: wait4 waits for it. It must
 * not print: what is printed has one buffer. */
int run_beside(void (*run)(void *), void *argument, void *stack_end);
int execve(const char *path, char *const argv[], char *const envp[]);
int wait4(int pid, int *status, int options);
int kill(int pid, int signal);
int getpid(void);
int getpgrp(void);
int setpgid(int pid, int group);
int setsid(void);

int open(const char *path, int flags, int mode);
int close(int fd);
long read(int fd, void *to, size_t size);
long write(int fd, const void *from, size_t size);
long lseek(int fd, long offset, int from);
int dup2(int from, int to);
int dup_above(int fd, int least); /* a copy, closed by execve, numbered `least` or higher */
int pipe(int ends[2]);
int chdir(const char *path);
long getcwd(char *path, size_t size);
int stat_of(const char *path, struct stat64 *status);
int link_stat_of(const char *path, struct stat64 *status);
int unlink(const char *path);
int ioctl(int fd, unsigned request, void *argument);
bool is_terminal(int fd);

/* mmap answers an address, or -errno as one: mmap_failed tells. */
void *mmap(void *at, size_t size, int protection, int flags, int fd, size_t offset);
int munmap(void *at, size_t size);
int mprotect(void *at, size_t size, int protection);
void *mremap(void *at, size_t old_size, size_t new_size, int flags);
int madvise(void *at, size_t size, int advice);
uintptr_t brk(uintptr_t end); /* the end of the heap then; unchanged when it cannot be */

static inline bool
mmap_failed(const void *answer)
{
    return (uintptr_t)answer > (uintptr_t)-4096;
}

/* Up to 999 milliseconds; seconds that the kernel cannot count are as many as it can. */
void sleep_for(unsigned long seconds, unsigned milliseconds);
uint32_t milliseconds_now(void); /* of a clock that only runs forward */

typedef void (*signal_handler)(int signal, struct siginfo *info, void *context);
#define SIGNAL_DEFAULT ((signal_handler)SIG_DFL)
#define SIGNAL_IGNORE  ((signal_handler)SIG_IGN)
/* flags: SA_RESTART, SA_ONSTACK... */
int signal_action(int signal, signal_handler handler, unsigned flags);
extern const char *const signal_names[32]; /* "INT" for SIGINT */
/* The number of "9", "KILL" or "SIGKILL"; -1 when there is none. */
int signal_number(const char *name);

/* ---- kill as a command (kill.c) ---- */

/* A process or minus a group that a name of the caller's own kind means; 0: none. */
typedef int (*target_namer)(const char *name);
/* Does what argv says, with complaints; `job` may be NULL. The exit status. */
int kill_command(char **argv, target_namer job);

/* ---- text out (print.c) ---- */

/* To standard output, through a buffer that exit and fork write out. */
void print(const char *format, ...) PRINTF_LIKE(1, 2);
void print_bytes(const void *bytes, size_t size);
void print_flush(void);
/* Writes it out. False, and a complaint, when something since the last check could not be written.
 */
bool print_check(void);
/* To standard error, at once. */
void print_error(const char *format, ...) PRINTF_LIKE(1, 2);
/* "program: message" to standard error; die ends the program with status 1. */
void complain(const char *format, ...) PRINTF_LIKE(1, 2);
_Noreturn void die(const char *format, ...) PRINTF_LIKE(1, 2);
/* What -errno or errno means. */
const char *error_text(long error);

/* ---- text in (input.c) ---- */

struct reader {
    int fd;
    size_t at, end;
    char buffer[1024];
};
/* The next line without its newline, cut to `size`; false at the end of the file. */
bool read_line(struct reader *reader, char *line, size_t size);
/* A whole small file as a zero-terminated text, cut to `size`. Its length or -errno. */
long read_text(const char *path, char *text, size_t size);

/* The names in a folder, one at a time. */
struct folder {
    int fd;
    size_t at, end;
    char records[1024] __attribute__((aligned(8)));
};
/* 0 or -errno. */
int folder_open(struct folder *folder, const char *path);
/* NULL behind the last: the folder is closed then. */
const struct dirent64 *folder_next(struct folder *folder);

/* The number at the start of *text, decimal or 0x hex; *text moves behind it. False: none there. */
bool take_number(const char **text, unsigned long *number);
/* The same for the whole text. */
bool text_number(const char *text, unsigned long *number);
/* The next number in *text, whatever stands before it; *text moves behind it. 0: none left. */
unsigned long next_number(const char **text);

/* ---- the kernel's caches of objects (slabinfo.c) ---- */

struct slabinfo {
    char name[24];
    unsigned long active, objects, size; /* objects in use, objects, bytes of one */
    unsigned long slabs, pages;
};
/* The next cache of an open /proc/slabinfo; false at its end. */
bool slabinfo_next(struct reader *reader, struct slabinfo *cache);
/* The value behind "NAME" and blanks or a colon at a line's start, as in /proc/meminfo, or 0. */
unsigned long field_value(const char *text, const char *name);

/* Options such as -l or -n 5, before the other arguments. */
struct options {
    char **argv;       /* in: main's; in the end, the first argument that is no option */
    const char *inside; /* of an argument with several letters; NULL at first */
    const char *value; /* of an option that takes one */
};
/* The next option's letter; 0 behind the last; '?' (and a complaint) for one that is not in
 * `known`, where a letter that takes a value has a colon behind it. */
int next_option(struct options *options, const char *known);

/* ---- heap (heap.c) ---- */

/* Never NULL: out of memory ends the program. */
void *allocate(size_t size);
void *reallocate(void *object, size_t size);
char *copy_text(const char *text);
void release(void *object);

/* ---- sorting (sort.c) ---- */

typedef int (*comparer)(const void *a, const void *b);
void sort_pointers(void *pointers[], size_t count, comparer compare);

#endif
