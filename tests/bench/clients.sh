#!/bin/sh
# Whole programs from fork to wait, in instructions, on Octavo beside Linux.
#
#   tests/bench/clients.sh [-l] [COMMAND]
#
# COMMAND is the beginning of a command of tests/bench/clients.csv; without one all are run. -l runs
# them on Debian's Linux instead, which is where the figures of that file come from. What the machine
# printed stays in build/bench/clients.txt.
set -eu
cd "$(dirname "$0")/../.."
. tests/bench/counted.sh

linux=no
[ "${1:-}" != -l ] || { linux=yes && shift; }
only=${1:-/}

each=build/conformance/bare/each
clients="musl-hello glibc-hello musl-mallocs glibc-mallocs mimalloc-mallocs lua sqlite3"
scripts="forks.ash subshells.ash work.lua work.sql"
busybox=build/packages/busybox-static/bin/busybox

mkdir -p build/bench
tools/packages busybox-static
# shellcheck disable=SC2086
make -s $each build/kernel.elf $(printf 'build/clients/%s ' $clients) >&2
tests/bench/programs.py commands | grep "^$only" >build/bench/script

console=build/bench/clients.txt
if [ $linux = yes ]; then
    files="$each build/bench/script $busybox"
    for name in $clients; do files="$files build/clients/$name"; done
    for name in $scripts; do files="$files tests/user/clients/$name"; done
    tests/conformance/linux/run.sh -i -b /nowhere -a 'init_on_alloc=0 mitigations=off' -x "$files" \
        /bin/each+/bin/script >$console
else
    set -- build/bench/script=/bin/script $each=/bin/each $busybox=/bin/busybox
    for name in $clients; do set -- "$@" "build/clients/$name=/bin/$name"; done
    for name in $scripts; do set -- "$@" "tests/user/clients/$name=/bin/$name"; done
    counted '/bin/each /bin/script' "$@" >$console ||
        echo "the machine did not end well: see $console"
fi
tests/bench/programs.py clients $console
