/* power.h - the end of a run. */
#ifndef OCTAVO_POWER_H
#define OCTAVO_POWER_H

enum exit_kind { EXIT_OK, EXIT_FAIL, EXIT_PANIC };

/* Prints `octavo: exit status=N kind=ok|fail|panic` as the last line and switches the machine off
 * by whatever it has for that; where nothing works it stops. From any context. */
_Noreturn void power_off(enum exit_kind kind, int status);

/* Prints who owns the memory, checks the books once more and powers off: EXIT_OK for status 0,
 * EXIT_FAIL for others, EXIT_PANIC when the books are wrong. Memory management must be up. */
_Noreturn void power_off_checked(int status);

/* Starts the machine anew. */
_Noreturn void power_reboot(void);

#endif
