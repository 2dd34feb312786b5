/* forkexec.c - 10 000 times fork, exec, exit: no frame is lost.
 *
 *   forkexec [TIMES]
 */
#include "witness.h"

static int
start_again(char *self, char **envp)
{
    char *argv[] = {self, "end", 0};
    int status = -1;
    long pid = k_fork();

    if (pid == 0) {
        SC3(NR_execve, self, argv, envp);
        k_exit(9);
    }
    k_wait(pid, &status);
    return status == 7 << 8;
}

int
main(int argc, char **argv, char **envp)
{
    u32 times, good = 0;
    struct memory before, after;

    if (argc > 1 && str_eq(argv[1], "end"))
        return 7;
    times = (u32)parse_num(argc > 1 ? argv[1] : 0, 10000);
    for (u32 i = 0; i < 50; i++)
        start_again(argv[0], envp);
    measure_exactly(&before);
    for (u32 i = 0; i < times; i++)
        good += (u32)start_again(argv[0], envp);
    measure_exactly(&after);
    ok(good == times, "%u of %u programs ran", good, times);
    compare_memory(&before, &after, 0);
    return done("forkexec");
}
