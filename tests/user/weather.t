#!/bin/sh
# Storms on many CPUs: everything at once, with every byte checked that somebody can know; and
# hostile calls. Nothing hangs, nothing is wrong, and in the end every frame has its owner. A minute of
# storm in all, two machines at a time.
#
# STORM: seconds on 2, 4 and 8 CPUs each, or above 60 on 8 CPUs alone (make storm). SEED: what is
# drawn.
. "$(dirname "$0")/../tap.sh"

seed=${SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
seconds=${STORM:-20}
built build/kernel.elf build/user/stress.elf storms

# begin CPUS MEMORY PROGRAM ARGS...: a machine that runs it, in the background.
begin() {
    cpus=$1 memory=$2 program=$3
    shift 3
    {
        status=0
        tools/boot --media multiboot --image build/kernel.elf --mem "$memory" --smp "$cpus" \
            --timeout $((300 + 4 * seconds)) --add "build/storms/$program" \
            --add build/user/stress.elf=/bin/stress --cmdline "run=\"/$program $*\"" \
            >"$work/$program$cpus" 2>"$work/$program$cpus.notes" || status=$?
        echo "tools/boot ends with $status" >>"$work/$program$cpus.notes"
    } &
}

# end CPUS PROGRAM: it ended with 0, in a machine in good order.
end() {
    what="$2 on $1 CPUs, seed $seed" storm=$work/$2$1
    cat "$storm.notes" >>"$storm"
    tr -d '\r' <"$storm" | sed -n "s/^\(ok\|#\) /# $2: &/p"
    like "$what: ends well" "$storm" '^tools/boot ends with 0$'
    like "$what: so many run" "$storm" "^cpu: $1 run"
    like "$what: every frame has an owner" "$storm" "= all RAM of the firmware's map$"
    like "$what: it said all it had to" "$storm" "^# $2: [0-9]+ passed, 0 failed, 0 skipped"
    unlike "$what: no complaint of the kernel" "$storm" \
        '^(panic|check|space|object|slab|buddy|trap|assert)[a-z]*:'
}

if [ "$seconds" -gt 60 ]; then
    begin 8 256M weather "$seconds" "$seed" 2
    wait
    end 8 weather
    done_testing
fi
begin 2 64M weather "$seconds" "$seed" 2
begin 4 64M weather "$seconds" "$seed" 1
wait
end 2 weather
end 4 weather
begin 8 128M weather "$seconds" "$seed" 1
begin 2 256M hostile 40000 "$seed"
wait
end 8 weather
end 2 hostile

done_testing
