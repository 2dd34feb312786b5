/* jobs.c - what the shell has started and not yet buried.
 *
 * A job is the processes of one pipeline. In an interactive shell each job is a process group, and
 * the terminal belongs to one group: the job in the foreground, or the shell. ^C and ^Z are sent by
 * the terminal to that group only, so they end or stop the job and not the shell; a job that is not
 * in the foreground is stopped when it reads from the terminal.
 *
 *     job_create ─► job_fork, once a process ─► job_foreground: wait; ended: gone, stopped: stays
 *                                            └► job_background: jobs_notice finds its end
 *
 * Both sides set the group after fork, and the terminal too: whoever comes first.
 */
#include "shell.h"

enum state { RUNNING, STOPPED, ENDED };

struct process {
    int pid, status;
    enum state state;
};

struct job {
    struct job *next;
    int number, group;
    char *command;
    size_t count; /* started so far */
    struct process processes[];
};

static struct job *jobs; /* the newest first */

/* ---- the terminal ---- */

static void
give_terminal(int group)
{
    if (shell.interactive)
        ioctl(shell.terminal, TIOCSPGRP, &group);
}

static void
note_interrupt(int signal, struct siginfo *info, void *context)
{
    (void)signal, (void)info, (void)context;
    shell.interrupted = true;
}

static const int job_signals[] = {SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};

void
jobs_begin(void)
{
    if (!shell.interactive)
        return;
    shell.terminal = dup_above(0, 10);
    signal_action(SIGINT, note_interrupt, 0);
    for (size_t i = 0; i < ARRAY_LENGTH(job_signals); i++)
        signal_action(job_signals[i], SIGNAL_IGNORE, 0);
    setpgid(0, 0);
    give_terminal(getpgrp());
}

static void
default_signals(void)
{
    signal_action(SIGINT, SIGNAL_DEFAULT, 0);
    for (size_t i = 0; i < ARRAY_LENGTH(job_signals); i++)
        signal_action(job_signals[i], SIGNAL_DEFAULT, 0);
}

/* ---- the list ---- */

void
jobs_forget(void)
{
    while (jobs) {
        struct job *job = jobs;

        jobs = job->next;
        release(job->command);
        release(job);
    }
    shell.interactive = false;
}

struct job *
job_create(size_t processes, const char *command, size_t length)
{
    struct job *job = allocate(sizeof(*job) + processes * sizeof(struct process));

    while (length && command[length - 1] == ' ')
        length--;
    *job = (struct job){.next = jobs, .number = jobs ? jobs->number + 1 : 1};
    job->command = allocate(length + 1);
    memcpy(job->command, command, length);
    job->command[length] = '\0';
    jobs = job;
    return job;
}

static void
remove(struct job *job)
{
    struct job **at = &jobs;

    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    release(job->command);
    release(job);
}

static enum state
job_state(const struct job *job)
{
    enum state state = ENDED;

    for (size_t i = 0; i < job->count; i++) {
        if (job->processes[i].state == RUNNING)
            return RUNNING;
        if (job->processes[i].state == STOPPED)
            state = STOPPED;
    }
    return state;
}

static int
job_status(const struct job *job)
{
    int status = job->count ? job->processes[job->count - 1].status : 0x100;

    if (WIFSTOPPED(status))
        return 128 + WSTOPSIG(status);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
job_group(const struct job *job)
{
    return job->group;
}

/* ---- starting ---- */

/* In the child. */
static void
enter_job(struct job *job, bool foreground)
{
    if (shell.interactive) {
        setpgid(0, job->group);
        if (foreground)
            give_terminal(getpgrp());
        default_signals();
    } else if (!foreground) {
        signal_action(SIGINT, SIGNAL_IGNORE, 0);
        signal_action(SIGQUIT, SIGNAL_IGNORE, 0);
    }
}

/* A fork that finds no memory ends the job where it is: its status is 1. */
int
job_fork(struct job *job, bool foreground)
{
    int pid = fork();

    if (pid == 0) {
        enter_job(job, foreground);
        return 0;
    }
    if (pid < 0) {
        complain("fork: %s", error_text(pid));
        return pid;
    }
    if (job->count == 0)
        job->group = pid;
    job->processes[job->count++] = (struct process){.pid = pid};
    if (shell.interactive) {
        setpgid(pid, job->group);
        if (foreground)
            give_terminal(job->group);
    }
    return pid;
}

/* ---- waiting ---- */

static void
note_status(int pid, int status)
{
    for (struct job *job = jobs; job; job = job->next) {
        for (size_t i = 0; i < job->count; i++) {
            struct process *process = &job->processes[i];

            if (process->pid != pid || process->state == ENDED)
                continue;
            process->status = status;
            process->state = WIFSTOPPED(status) ? STOPPED : WIFCONTINUED(status) ? RUNNING : ENDED;
            return;
        }
    }
}

static const char *
state_name(const struct job *job)
{
    static char killed[24];
    int status = job->count ? job->processes[job->count - 1].status : 0;

    if (job_state(job) != ENDED)
        return job_state(job) == STOPPED ? "stopped" : "running";
    if (!WIFSIGNALED(status))
        return WEXITSTATUS(status) ? "failed" : "done";
    format_text(killed, sizeof(killed), "killed by %s",
                WTERMSIG(status) < 32 ? signal_names[WTERMSIG(status)] : "a signal");
    return killed;
}

static void
print_job(const struct job *job)
{
    print("[%d] %-14s %5d  %s\n", job->number, state_name(job), job->group, job->command);
}

/* Until nothing of the job runs, or ^C. */
static void
wait_while_running(struct job *job)
{
    while (job_state(job) == RUNNING && !shell.interrupted) {
        int status, pid = wait4(-1, &status, shell.interactive ? WUNTRACED : 0);

        if (pid > 0)
            note_status(pid, status);
        else if (pid != -EINTR)
            break;
    }
}

int
job_wait(struct job *job)
{
    int status;

    print_flush();
    wait_while_running(job);
    status = job_status(job);
    if (job_state(job) == ENDED)
        remove(job);
    return status;
}

/* What the shell says about a job that ended in the foreground by a signal. */
static void
tell_ending(const struct job *job)
{
    int status = job->count ? job->processes[job->count - 1].status : 0;

    if (job_state(job) == STOPPED) {
        print("\n");
        print_job(job);
    } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) {
        shell.interrupted = true;
    } else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGPIPE) {
        print_error("%s%s: %s\n", WTERMSIG(status) == SIGQUIT ? "\n" : "", job->command,
                    state_name(job)); /* behind the ^\ */
    }
}

int
job_foreground(struct job *job)
{
    struct termios modes;
    int status;

    if (!shell.interactive)
        return job_wait(job);
    ioctl(shell.terminal, TCGETS, &modes);
    print_flush();
    wait_while_running(job);
    give_terminal(getpgrp());
    ioctl(shell.terminal, TCSETSW, &modes);
    tell_ending(job);
    status = job_status(job);
    if (job_state(job) == ENDED)
        remove(job);
    return status;
}

void
job_background(struct job *job)
{
    shell.background = job->count ? job->processes[job->count - 1].pid : 0;
    if (shell.interactive)
        print("[%d] %d\n", job->number, shell.background);
}

/* Takes note of what has changed. */
static void
collect(void)
{
    int status, pid;

    while ((pid = wait4(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0)
        note_status(pid, status);
}

static void
bury(bool tell)
{
    for (struct job *job = jobs, *next; job; job = next) {
        next = job->next;
        if (job_state(job) != ENDED)
            continue;
        if (tell)
            print_job(job);
        remove(job);
    }
}

void
jobs_notice(void)
{
    collect();
    bury(true);
}

int
jobs_wait_all(void)
{
    int status = 0;

    for (struct job *job = jobs, *next; job && !shell.interrupted; job = next) {
        next = job->next;
        if (job_state(job) != STOPPED)
            status = job_wait(job);
    }
    return status;
}

/* ---- by name ---- */

struct job *
job_find(const char *name)
{
    unsigned long number = 0;
    bool percent = name && name[0] == '%';

    if (!name || (percent && name[1] == '\0'))
        return jobs;
    if (!text_number(name + percent, &number))
        return NULL;
    for (struct job *job = jobs; job; job = job->next) {
        if (percent ? job->number == (int)number : job->group == (int)number)
            return job;
    }
    return NULL;
}

int
job_continue(struct job *job, bool foreground)
{
    for (size_t i = 0; i < job->count; i++) {
        if (job->processes[i].state == STOPPED)
            job->processes[i].state = RUNNING;
    }
    print("%s%s\n", job->command, foreground ? "" : " &");
    print_flush();
    if (foreground)
        give_terminal(job->group);
    kill(-job->group, SIGCONT);
    return foreground ? job_foreground(job) : 0;
}

static void
print_from_oldest(const struct job *job)
{
    if (!job)
        return;
    print_from_oldest(job->next);
    print_job(job);
}

void
jobs_print(void)
{
    collect();
    print_from_oldest(jobs);
    bury(false);
}
