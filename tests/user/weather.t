#!/bin/sh
# Storms on many CPUs: everything at once, with every byte checked that somebody can know; and
# hostile calls. Nothing hangs, nothing is wrong, and in the end every frame has its owner.
#
# STORM: seconds on 2, 4 and 8 CPUs each, or above 60 on 8 CPUs alone (make storm). SEED: what is
# drawn.
. "$(dirname "$0")/../tap.sh"

seed=${SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
built build/kernel.elf build/user/stress.elf storms

# storm CPUS MEMORY PROGRAM ARGS...: it ends with 0, in a machine in good order.
storm() {
    cpus=$1 memory=$2 program=$3
    shift 3
    what="$program $* on $cpus CPUs"
    boots "$what" 0 --media multiboot --image build/kernel.elf --mem "$memory" --smp "$cpus" \
        --timeout $((300 + 4 * ${STORM:-0})) --add "build/storms/$program" \
        --add build/user/stress.elf=/bin/stress --cmdline "run=\"/$program $*\""
    tr -d '\r' <"$console" | sed -n "s/^\(ok\|#\) /# $program: &/p"
    like "$what: so many run" "$console" "^cpu: $cpus run"
    like "$what: every frame has an owner" "$console" "= all RAM of the firmware's map$"
    like "$what: it said all it had to" "$console" "^# $program: [0-9]+ passed, 0 failed, 0 skipped"
    unlike "$what: no complaint of the kernel" "$console" \
        '^(panic|check|space|object|slab|buddy|trap|assert)[a-z]*:'
}

if [ "${STORM:-0}" -gt 60 ]; then
    storm 8 256M weather "$STORM" "$seed" 2
    done_testing
fi
storm 2 64M weather "${STORM:-6}" "$seed" 2
storm 4 64M weather "${STORM:-6}" "$seed" 1
storm 8 128M weather "${STORM:-6}" "$seed" 1
storm 2 256M hostile 40000 "$seed"

done_testing
