# counted.sh - machines in which a tick of the time-stamp counter is an instruction: source it.

# counted "PROGRAM ARGS" FILE...: runs the program on Octavo with these files beside it.
counted() {
    counted_run=$1
    shift
    tools/boot --media multiboot --mem 256M --timeout "${TIMEOUT:-300}" \
        --cmdline "run=\"$counted_run\"" --add "$@" -- \
        -icount shift=0,sleep=off -rtc base=2024-01-01T00:00:00,clock=vm
}
