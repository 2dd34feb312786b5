/* programs.c - the first program.
 *
 *   run="PROGRAM ARGS"  process 1 is the program; when it ends the machine is switched off, and
 *                       its exit status is the machine's: 128 + n when signal n ended it
 *   init=/PATH, /init   process 1 is to start everything else; when it ends the monitor comes up
 *   monitor             neither
 *
 * Process 1 has the console as its files 0, 1 and 2 and as its controlling terminal. It has no
 * parent to leave its status to: the kernel waits for it.
 */
#include <string.h>
#include "cmdline.h"
#include "file.h"
#include "kmalloc.h"
#include "pmm.h"
#include "power.h"
#include "programs.h"
#include "tty.h"
#include "usercopy.h"
#include "words.h"
#include "uapi/fcntl.h"
#include "uapi/wait.h"

#define DEFAULT_INIT "/init"
#define INIT_FRAMES  (0x200000u >> PAGE_SHIFT) /* 4 MiB of RAM have them beside kernel and modules */
#define STDIO_FILES  3
#define KILLED_BY    128
#define CANNOT_RUN   127
#define PATH_ROOM    64

static char *const environment[] = {"PATH=/bin:/", "HOME=/", "TERM=linux", NULL};

/* ---- starting ---- */

/* Files 0, 1 and 2 of a process that has not run yet. */
static void
give_console(struct process *process)
{
    struct file *console;

    if (file_open("/dev/console", O_RDWR, 0, &console) != 0)
        return;
    for (unsigned i = 0; i < STDIO_FILES; i++) {
        file_get(console);
        process->files->file[i] = console;
    }
    process->files->first = STDIO_FILES;
    file_put(console);
    tty_give(process);
}

/* Starts process 1 and waits for its end. Its status as wait4 gives it, or -errno. */
static int
run(const char *path, char *const argv[])
{
    int pid = process_start_prepared(path, argv, environment, give_console);

    return pid < 0 ? pid : process_wait(pid);
}

/* A name without a slash is looked for in / and in /bin. */
static int
run_by_name(const char *name, char *const argv[])
{
    static const char *const folders[] = {"/", "/bin/"};
    char path[PATH_ROOM];
    int status = -ENOENT;

    if (strchr(name, '/') != NULL || strlen(name) > sizeof(path) - sizeof("/bin/"))
        return run(name, argv);
    for (size_t i = 0; i < ARRAY_LENGTH(folders) && status == -ENOENT; i++) {
        size_t length = strlen(folders[i]);

        memcpy(path, folders[i], length);
        memcpy(path + length, name, strlen(name) + 1);
        status = run(path, argv);
    }
    return status;
}

/* What a shell would call the status. */
static int
exit_code(int status)
{
    return WIFSIGNALED(status) ? KILLED_BY + WTERMSIG(status) : WEXITSTATUS(status);
}

static void
tell_failure(const char *option, const char *path, int error)
{
    static const struct {
        int error;
        const char *text;
    } reasons[] = {
        {-ENOENT, "no such file"},     {-ENOEXEC, "not a program"},
        {-EACCES, "not a program"},    {-EISDIR, "a folder"},
        {-ENOTDIR, "not in a folder"}, {-ENOMEM, "not enough memory"},
    };

    for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++) {
        if (reasons[i].error == error) {
            klog("%s: cannot start '%s': %s\n", option, path, reasons[i].text);
            return;
        }
    }
    klog("%s: cannot start '%s': error %d\n", option, path, -error);
}

/* Runs a line of words. The program's status as wait4 gives it, or -errno. */
static int
run_line(const char *line)
{
    size_t size = strlen(line) + 1;
    char *text = kmalloc(size);
    char **argv = kmalloc(WORDS_MAX(size) * sizeof(*argv));
    int status = -ENOMEM;

    if (text != NULL && argv != NULL) {
        memcpy(text, line, size);
        status = words_split(text, argv) > 0 ? run_by_name(argv[0], argv) : -ENOENT;
    }
    kfree(argv);
    kfree(text);
    if (status < 0)
        tell_failure("run", line, status);
    return status;
}

static void
run_init(const char *path)
{
    char *argv[] = {(char *)path, NULL};
    int status = run(path, argv);

    if (status < 0)
        tell_failure("init", path, status);
    else
        klog("init: '%s' has ended with status %d\n", path, exit_code(status));
}

static bool
is_there(const char *path)
{
    struct file *file;

    if (file_open(path, O_RDONLY, 0, &file) != 0)
        return false;
    file_put(file);
    return true;
}

void
programs_run(void)
{
    const char *init = cmdline_value("init");
    bool protected = usercopy_is_protected();

    if (!protected)
        klog("cpu: it lets the kernel write to read-only pages (CR0.WP): no programs\n");
    if (cmdline_flag("run")) {
        int status = protected ? run_line(cmdline_value("run")) : -ENOEXEC;

        power_off_checked(status < 0 ? CANNOT_RUN : exit_code(status));
    }
    if (cmdline_flag("monitor") || !protected)
        return;
    if (init != NULL)
        run_init(init);
    else if (!is_there(DEFAULT_INIT))
        klog("init: there is no '%s', so the monitor comes up\n", DEFAULT_INIT);
    else if (pmm_managed_frames() < INIT_FRAMES)
        klog("init: less than 4 MiB of RAM, so the monitor comes up\n");
    else
        run_init(DEFAULT_INIT);
}
