/* kill.c - sends a signal to processes. The shell has its own, which also knows jobs. */
#include "runtime.h"

int
main(int argc, char **argv)
{
    (void)argc;
    return kill_command(argv, NULL);
}
