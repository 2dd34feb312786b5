/* init.c - process 1: opens the console, runs the shell, buries the dead.
 *
 *     the shell exits      the machine is switched off
 *     it dies by a signal  a new one is started
 *     SIGUSR2              somebody said poweroff: the machine is switched off
 *
 * Processes whose parents are gone become children of process 1; waiting for the shell waits for
 * them as well.
 */
#include "runtime.h"

static volatile bool power_off;

static void
note_power_off(int signal, struct siginfo *info, void *context)
{
    (void)signal, (void)info, (void)context;
    power_off = true;
}

/* /dev/console as descriptors 0, 1 and 2. It does not become the terminal of process 1: that would
 * be sent its ^C. */
static void
open_console(void)
{
    int fd = open("/dev/console", O_RDWR | O_NOCTTY, 0);

    if (fd < 0)
        return;
    for (int to = 0; to < 3; to++)
        dup2(fd, to);
    if (fd > 2)
        close(fd);
}

static _Noreturn void
become_shell(void)
{
    char *const argv[] = {(char *)"sh", NULL};
    char *const variables[] = {(char *)"PATH=/bin", (char *)"HOME=/", (char *)"TERM=vt100", NULL};
    int error;

    /* A session of its own with the console as its terminal, taken from the shell before it. */
    setsid();
    ioctl(0, TIOCSCTTY, (void *)1);
    error = execve("/bin/sh", argv, variables);
    complain("/bin/sh: %s", error_text(error));
    exit_now(127);
}

/* Until the shell ends or poweroff is asked for. The shell's status; -1: no shell any more. */
static int
bury_until(int shell)
{
    int status, pid;

    while (!power_off) {
        pid = wait4(-1, &status, 0);
        if (pid == shell)
            return status;
        if (pid < 0 && pid != -EINTR)
            return -1;
    }
    return 0;
}

int
main(int argc, char **argv)
{
    int status;

    (void)argc, (void)argv;
    if (getpid() != 1)
        die("I can only be process 1");
    open_console();
    signal_action(SIGUSR2, note_power_off, 0);
    print("Octavo. Type help for commands, memtour -p for a tour, poweroff to leave.\n");
    do {
        int shell = fork();

        if (shell == 0)
            become_shell();
        status = shell < 0 ? 0 : bury_until(shell);
    } while (!power_off && WIFSIGNALED(status));
    system_call(NR_reboot, REBOOT_MAGIC1, REBOOT_MAGIC2, REBOOT_POWER_OFF, NULL);
    return WEXITSTATUS(status);
}
