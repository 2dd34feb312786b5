#!/bin/sh
# Instructions per operation of ring-3 programs on Octavo, beside other kernels' (programs.csv).
#
#   tests/bench/programs.sh [-b] [-r ROUNDS] [ROW]
#
# ROW is the beginning of an operation's name; without one all are measured. -b: the build without a
# C library. What the machine printed stays in build/bench/programs.txt.
set -eu
cd "$(dirname "$0")/../.."
. tests/bench/counted.sh

build=musl rounds=9
while getopts br: option; do
    case $option in
    b) build=bare ;;
    r) rounds=$OPTARG ;;
    *) exit 64 ;;
    esac
done
shift $((OPTIND - 1))

mkdir -p build/bench
make -s build/kernel.elf "build/conformance/$build/mb" >&2
console=build/bench/programs.txt
counted "/mb ${1:-all} $rounds" "build/conformance/$build/mb" >$console ||
    echo "the machine did not end well: see $console"
tests/bench/programs.py table $console
