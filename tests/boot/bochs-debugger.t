#!/bin/sh
# bochsrc and the symbols: Bochs' debugger stops at the five marks of the start and names what it
# sees.
. "$(dirname "$0")/../tap.sh"

{
    cat tools/bochs/symbols.rc
    for stop in 1 2 3 4 5; do
        echo c
        echo "info eflags"
    done
    echo "bt 4"
    echo q
} >"$work/script"

BXSHARE=${BXSHARE:-/usr/share/bochs} timeout -s KILL 300 bochs -q -f bochsrc -rc "$work/script" \
    'display_library: rfb, options="timeout=0"' "log: $work/log" \
    'floppya: 1_44=build/monitor.img, status=inserted, write_protected=1' \
    "com1: enabled=1, mode=file, dev=$work/com1" >"$work/out" 2>&1 </dev/null
is "the debugger ends by itself" $? 0

# Each stop: "(0) [0x...] seg:offset (symbol+offset): instruction".
grep -E '^\(0\) \[' "$work/out" | tail -n +2 >"$work/stops"
is "five stops" "$(grep -c . "$work/stops")" 5
stop() {
    sed -n "$1p" "$work/stops" >"$work/stop"
    like "stop $1 is in $2" "$work/stop" "\($2(\.[a-z]+)?\+"
}
stop 1 'entry'
stop 2 'stage2'
stop 3 '[a-z_]+'
stop 4 'entry'
stop 5 'kernel_main'
like "the boot log goes along" "$work/out" '^octavo: started'

# make bochs starts the same, with a display of its own.
if command -v script >/dev/null; then
    (sleep 2; printf 'c\nq\n'; sleep 1) | DISPLAY= TERM=xterm timeout -s KILL 300 \
        script -qec "tools/bochs/start 'log: $work/log2' 'com1: enabled=0'" /dev/null \
        >"$work/terminal" 2>&1
    is "tools/bochs/start in a terminal" $? 0
    like "stops at sector 0" "$work/terminal" '\(entry\+[0-9a-fx]+\): '
fi

done_testing
