/* sleep.c - does nothing for a number of seconds, which may have decimals: sleep 0.5. */
#include "runtime.h"

int
main(int argc, char **argv)
{
    const char *at = argc > 1 ? argv[1] : "";
    unsigned long seconds = 0;
    unsigned milliseconds = 0;

    if (*at != '.' && !take_number(&at, &seconds))
        die("usage: sleep SECONDS");
    if (*at == '.') {
        unsigned place = 100;

        for (at++; *at >= '0' && *at <= '9'; at++, place /= 10)
            milliseconds += (unsigned)(*at - '0') * place;
    }
    if (*at != '\0')
        die("%s: not a number of seconds", argv[1]);
    sleep_for(seconds, milliseconds);
    return 0;
}
