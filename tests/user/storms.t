#!/bin/sh
# Programs that do their worst: hostile calls, wrong programs, bombs and hogs; and calls in great
# number against models. Others live, nothing is lost, and every frame has its owner in the end.
#
# SEED, if set, is the seed of all that draws; it stands in the output.
. "$(dirname "$0")/../tap.sh"

seed=${SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
built build/kernel.elf storms

# storm DESCRIPTION MEMORY PROGRAM ARGS...: it ends with 0, in a machine in good order with $cpus CPUs
# and $options on its command line.
cpus=1
options=
storm() {
    description=$1 memory=$2 program=$3
    shift 3
    boots "$description" 0 --media multiboot --image build/kernel.elf --mem "$memory" \
        --smp "$cpus" --timeout 900 --add "build/storms/$program" \
        --cmdline "$options run=\"/$program $*\""
    tr -d '\r' <"$console" | sed -n "s/^\(ok\|#\) /# $program: &/p"
    like "$description: every frame has an owner" "$console" "= all RAM of the firmware's map$"
    like "$description: it said all it had to" "$console" \
        "^# $program: [0-9]+ passed, 0 failed, 0 skipped"
    unlike "$description: no complaint of the kernel" "$console" \
        '^(panic|check|space|object|slab|buddy|trap|assert)[a-z]*:'
}

storm "random memory calls agree with a model" 64M model 400000 "$seed"
storm "each allocation of each call fails once" 64M sweep
storm "hostile calls" 256M hostile 1000000 "$seed"
storm "programs with wrong headers" 64M elfs 6000 "$seed"
storm "10 000 times fork, exec, exit" 32M forkexec 10000
storm "a fork bomb" 32M forkbomb
storm "memory hogs" 32M hog
like "memory hogs: the report names the program" "$console" '^oom: \* .* hog$'
like "memory hogs: and says what went" "$console" "^oom: [0-9]+ 'hog' is ended$"
storm "names, pipes and files without end" 32M hoard
storm "a shortage that passes" 32M passing

cpus=2
storm "2 CPUs: one file, two who use it" 64M openers
storm "2 CPUs: signals that come while somebody is on his way" 64M missed

cpus=4
storm "4 CPUs: the books are right at any time" 32M books 24
storm "4 CPUs: 500 times fork, exec, exit" 32M forkexec 500
storm "4 CPUs: a fork bomb" 32M forkbomb
storm "4 CPUs: memory hogs" 32M hog
storm "4 CPUs: names, pipes and files without end" 32M hoard
storm "4 CPUs: what is looked at while it goes away" 64M looking 100
storm "4 CPUs: a thread that comes while pages go" 128M latecomer 60
options=debug=heap,quarantine
storm "4 CPUs: what is told while it changes" 64M turning 4

done_testing
