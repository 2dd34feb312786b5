/* shell.h - the parts of sh and what passes between them.
 *
 *   text ──parse.c──► tree of nodes ──run.c──► processes, by way of
 *                                              expand.c  words become arguments
 *                                              glob.c    patterns become file names
 *                                              jobs.c    process groups, waiting, the terminal
 *                                              builtin.c commands that the shell does itself
 *   edit.c reads lines from a terminal, variables.c keeps names, scratch.c memory
 *
 * Nodes and words point into the text they were parsed from, which lives as long as they do.
 */
#ifndef OCTAVO_SH_SHELL_H
#define OCTAVO_SH_SHELL_H

#include "runtime.h"

struct shell {
    int status;              /* $? */
    unsigned substitutions;  /* $(...) that have said a status so far */
    int background;          /* $!; 0: none yet */
    int pid;                 /* $$ */
    bool interactive;        /* prompts, jobs have groups of their own */
    int terminal;            /* a descriptor of it; -1: none */
    const char *name;        /* $0 */
    char **arguments;        /* $1... */
    size_t argument_count;
    unsigned loops;          /* how many are around what runs now */
    unsigned leave_loops;    /* break and continue: so many loops end */
    bool next_round;         /* ...and the outermost of them goes on with its next round */
    volatile bool interrupted; /* ^C: what runs ends, back to the prompt */
    bool exiting;            /* exit was called; `status` is the shell's own */
};
extern struct shell shell;

/* ---- scratch.c: memory that is forgotten as a whole ---- */

struct scratch_mark {
    void *chunk;
    size_t used;
};
void *scratch(size_t size); /* zeroed */
struct scratch_mark scratch_mark(void);
void scratch_forget(struct scratch_mark mark);

/* A text that grows, in scratch. */
struct text {
    char *at; /* zero-terminated once text_put was called */
    size_t used, room;
};
void text_put(struct text *text, char character);
void text_add(struct text *text, const char *more, size_t size);

/* A list of texts that grows; items[count] is NULL. */
struct fields {
    char **items;
    size_t count, room;
};
void fields_add(struct fields *fields, char *item);

/* ---- parse.c ---- */

struct word {
    const char *text; /* quotes and all */
    size_t length;
    struct word *next;
};

enum redirection_kind { REDIRECT_READ, REDIRECT_WRITE, REDIRECT_APPEND, REDIRECT_COPY };

struct redirection {
    enum redirection_kind kind;
    int fd;
    struct word *target;
    struct redirection *next;
};

enum node_kind {
    NODE_COMMAND,    /* words, redirections */
    NODE_PIPE,       /* left | right; right may be a NODE_PIPE */
    NODE_NOT,        /* ! left */
    NODE_AND,        /* left && right */
    NODE_OR,         /* left || right */
    NODE_SEQUENCE,   /* left ; right */
    NODE_BACKGROUND, /* left & */
    NODE_IF,         /* if left; then right; else other; fi */
    NODE_WHILE,      /* while left; do right; done */
    NODE_UNTIL,      /* until left; do right; done */
    NODE_FOR,        /* for words[0] in the other words; do right; done */
    NODE_GROUP,      /* { left; } */
    NODE_SUBSHELL,   /* ( left ) */
};

struct node {
    enum node_kind kind;
    bool in; /* NODE_FOR: words were given */
    struct node *left, *right, *other;
    struct word *words;
    struct redirection *redirections; /* of commands and compound commands */
    const char *source;               /* the text it came from */
    size_t length;
};

enum parse_result { PARSE_OK, PARSE_MORE, PARSE_ERROR };

/* Parses the commands of one line (with more lines when one is not enough to end them). *text moves
 * behind it; *node is NULL for an empty line. PARSE_MORE: the text ended too early. */
enum parse_result parse(const char **text, struct node **node);
/* `at` stands on the $ of $(...) or ${...}: what is behind it, or NULL when it does not end. */
const char *skip_dollar(const char *at);
bool is_name_character(char character, bool first);
size_t name_length(const char *text);

/* ---- expand.c ---- */

/* The arguments that a list of words stands for. */
void expand_words(const struct word *words, struct fields *fields);
/* A word as one text: no splitting, no file names. */
char *expand_text(const struct word *word);
/* The length of NAME when the word is an assignment NAME=..., else 0. */
size_t assignment_name(const struct word *word);

/* ---- glob.c ---- */

/* Patterns: * any characters, ? one, \ before a character: that character itself. */
bool is_pattern(const char *pattern);
int compare_texts(const void *a, const void *b); /* strcmp, for sort_pointers */
/* Adds the files that match, sorted; false when there are none. */
bool glob(const char *pattern, struct fields *fields);
char *without_escapes(char *pattern);
/* Adds the entries of a folder that match one pattern without a slash, `prefix` before each. */
void glob_folder(const char *folder, const char *pattern, const char *prefix,
                 struct fields *fields);

/* ---- arithmetic.c ---- */

/* The value of what stands in $((...)); false and a complaint when it means nothing. */
bool arithmetic(const char *text, size_t length, long *value);

/* ---- variables.c ---- */

void variables_begin(void); /* from the environment */
const char *variable_get(const char *name, size_t length); /* NULL: not set */
void variable_set(const char *name, size_t length, const char *value);
void variable_export(const char *name, size_t length);
void variable_unset(const char *name);
void variables_print(bool exported_only);
/* The environment of programs, in scratch. */
char **variables_environment(void);

/* ---- run.c ---- */

/* Does what the node says; the status is in shell.status too. */
int run(const struct node *node);
/* Parses and runs a whole text. */
int run_text(const char *text);
/* Becomes the program; returns only a status, when it cannot, having complained. */
int become_program(char **argv);
/* In a child: what $(...) and ( ) are made of. */
_Noreturn void run_child(const struct node *node);
/* The output of commands, without newlines at its end, in scratch. */
char *run_for_output(const char *commands, size_t length);

/* ---- jobs.c ---- */

struct job;

void jobs_begin(void); /* takes the terminal when interactive */
void jobs_forget(void); /* in a child: none of the jobs is its own */
struct job *job_create(size_t processes, const char *command, size_t length);
/* fork for a job; in the child, its group and signals are set. */
int job_fork(struct job *job, bool foreground);
/* Waits until the job ends or stops; a job that has ended is gone. Its status as $?. */
int job_foreground(struct job *job);
void job_background(struct job *job);
/* Takes note of what ended meanwhile, and says so when interactive. */
void jobs_notice(void);
/* What `%n` or `%` or a process number names, NULL: nothing. */
struct job *job_find(const char *name);
int job_group(const struct job *job);
int job_continue(struct job *job, bool foreground);
int jobs_wait_all(void);
int job_wait(struct job *job); /* without the terminal */
void jobs_print(void);

/* ---- builtin.c ---- */

typedef int (*builtin)(char **argv);
builtin builtin_find(const char *name);
/* The n-th name, NULL behind the last. */
const char *builtin_name(size_t index);

/* ---- edit.c ---- */

/* A line from the terminal, in a buffer of its own; NULL at the end (^D). ^C begins it anew; or
 * ends it and sets *dropped, unless that is NULL. */
const char *edit_line(const char *prompt, bool *dropped);

#endif
