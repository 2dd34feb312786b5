/* proc_private.h - what the files share that make /proc/PID: kernel/proc/proc_task.c, proc_list.c,
 * proc_fd.c, proc_mem.c.
 */
#ifndef OCTAVO_PROC_PRIVATE_H
#define OCTAVO_PROC_PRIVATE_H

#include "proc.h"

/* ---- who a node is about (kernel/proc/proc_task.c) ---- */

#define PROC_THREAD 0x80u /* in a value: the number is a thread's */

/* Both with a reference; the thread is NULL when the process has none any more. */
struct proc_subject {
    struct process *process;
    struct task *task;
    bool alone; /* it is the thread that is named, not the process */
};

uintptr_t proc_value_of(int number, uintptr_t thread, size_t row);
int proc_number_of(uintptr_t value);
/* 0 or -ESRCH. proc_put_subject gives the references back. */
int proc_find_subject(uintptr_t value, struct proc_subject *subject);
void proc_put_subject(struct proc_subject *subject);
/* The space of the process that a value names, with a reference; NULL: it has none, or has
 * ended. */
struct address_space *proc_space_of(uintptr_t value);
/* A decimal number without sign or leading zero, as names of folders are; -1: it is none. */
int proc_parse_number(const char *name);

/* ---- links (kernel/proc/proc_fd.c) ---- */

/* As much of a text as fits; its length. */
long proc_copy_text(char *to, size_t size, const char *text);
/* The path of a node, as a link shows it; its length or -errno. */
long proc_path_text(struct node *node, char *text, size_t size);
/* What follow of a link to `node`, or to NULL, answers: it passes the reference on. */
int proc_follow_to(struct node *node, struct node **target);

/* ---- folders and files ---- */

/* An entry whose name is a number. */
void proc_fill_entry(struct tree_entry *entry, int number, uint32_t mode);

extern const struct tree_dynamic proc_process_folder, proc_threads_folder, proc_fd_folder;
extern const struct tree_dynamic proc_walk_folder, proc_owner_folder;
extern const struct file_ops proc_mem_ops, proc_pagemap_ops, proc_fail_nth_ops;

#endif
