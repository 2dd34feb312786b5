/* proc.h - /proc: files whose text is made when they are read. */
#ifndef OCTAVO_PROC_H
#define OCTAVO_PROC_H

#include "file.h"
#include "printer.h"

/* Text that grows as it is printed to. */
struct proc_text {
    struct printer printer;
    char *bytes; /* kmalloc */
    size_t size, room;
    bool failed; /* there was no memory: the text is not whole */
    bool counts; /* nothing is kept but the size */
};

/* Appends bytes as they are. */
void proc_text_add(struct proc_text *text, const void *bytes, size_t size);

/* What the read operation of a generated file does: at its beginning it has `make` print the text,
 * which is then kept, so that one reading sees one state however small its pieces are. `make`
 * returns 0 or -errno. */
long proc_read(struct file *file, struct buffer *to, uint64_t *position,
               int (*make)(const struct node *node, struct proc_text *text));
/* The same for tables of memory: all memory that the text needs is had before `make` prints it, so
 * that what is printed does not change on the way. `make` is called twice. */
long proc_read_whole(struct file *file, struct buffer *to, uint64_t *position,
                     int (*make)(const struct node *node, struct proc_text *text));
/* The close operation that belongs to it. */
void proc_close(struct file *file);

/* A short line that a program writes, without its newline: what write operations of settings begin
 * with. 0, -EINVAL when it is too long, -EFAULT. */
MUST_CHECK int proc_take_line(struct buffer *from, char *line, size_t size);

/* Adds all of /proc to the tree. After files_init. */
void proc_init(void);
/* The tables of memory: kernel/proc/proc_octavo.c. */
void proc_octavo_init(void);
/* The folders of processes, self and thread-self: kernel/proc/proc_task.c. */
void proc_task_init(void);
/* /proc/octavo/trace.bin: kernel/proc/proc_trace.c. */
void proc_trace_init(void);
/* /proc/octavo/frames and blocks: kernel/proc/proc_frames.c. */
void proc_frames_init(void);

/* The lines of /proc/mounts. */
void proc_print_mounts(struct printer *out);

/* The letter of a state as ps shows it. */
char proc_state_letter(const struct process *process, const struct task *task);

/* ---- /proc/PID/stat, status, statm, limits: kernel/proc/proc_status.c ---- */

/* `task` is NULL when the process is a zombie without threads. `alone`: its times are the task's own,
 * not the process'. */
void proc_print_stat(struct printer *out, struct process *process, const struct task *task,
                     bool alone);
void proc_print_status(struct printer *out, struct process *process, const struct task *task);
void proc_print_statm(struct printer *out, struct process *process);
void proc_print_limits(struct printer *out, const struct process *process);

#endif
