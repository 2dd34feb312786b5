#!/bin/sh
# Programs that do their worst: hostile calls, wrong programs, bombs and hogs; and calls in great
# number against models. Others live, nothing is lost, and every frame has its owner in the end.
#
# SEED, if set, is the seed of all that draws; it stands in the output.
. "$(dirname "$0")/../tap.sh"

seed=${SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
make -s build/kernel.elf storms || exit 1

# storm DESCRIPTION SECONDS MEMORY PROGRAM ARGS...: it ends with 0, in a machine in good order.
storm() {
    description=$1 seconds=$2 memory=$3 program=$4
    shift 4
    boots "$description" 0 --media multiboot --image build/kernel.elf --mem "$memory" \
        --timeout "$seconds" --add "build/storms/$program" --cmdline "run=\"/$program $*\""
    tr -d '\r' <"$console" | sed -n "s/^\(ok\|#\) /# $program: &/p"
    like "$description: every frame has an owner" "$console" "= all RAM of the firmware's map$"
    like "$description: it said all it had to" "$console" "^# $program: [0-9]+ passed, 0 failed, 0 skipped"
    unlike "$description: no complaint of the kernel" "$console" \
        '^(panic|check|space|object|slab|buddy|trap|assert)[a-z]*:'
}

storm "random memory calls agree with a model" 200 64M model 400000 "$seed"
storm "each allocation of each call fails once" 60 64M sweep
storm "hostile calls" 300 128M hostile 1000000 "$seed"
storm "programs with wrong headers" 60 64M elfs 6000 "$seed"
storm "10 000 times fork, exec, exit" 120 32M forkexec 10000
storm "a fork bomb" 60 32M forkbomb
storm "memory hogs" 60 32M hog
like "memory hogs: the report names the program" "$console" '^oom: \* .* hog$'
like "memory hogs: and says what went" "$console" "^oom: [0-9]+ 'hog' is ended$"

done_testing
