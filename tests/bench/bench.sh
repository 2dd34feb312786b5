#!/bin/sh
# The figures of one build: Markdown on standard output and in build/bench/figures.md, the same tables
# as CSV in build/bench/figures.csv. docs/performance.md explains them.
#
#   tests/bench/bench.sh [-q] [PART...]
#
# Parts, all of them if none is named, with what they take on two quiet cores:
#
#   hosted64, hosted32   mm/ in a program beside other allocators, on one and two CPUs   4 min each
#   kernel               the allocators inside the kernel, and its size                  1 min
#   start                from power-on to the prompt, by the size of memory              10 s
#   views                a refresh of memview                                            30 s
#   programs             calls of programs, beside other kernels                         30 s
#   clients              whole programs                                                  2 min
#   memory               growth: the same operations from 16 MiB to 4 GiB                1 min
#   cpus                 growth: the same operations on 1 to 8 CPUs                      1 min
#   overhead             what a frame, an object, the kernel at the prompt take          20 s
#
# SIZES="16M 4G" and CPUS="1 8" in the environment choose the machines of the two kinds of growth.
# -q: the hosted parts with one repetition instead of seven, a hint in half a minute.
#
# Instruction counts are the same on every machine. Times are ratios of medians taken side by side in
# one run; on a machine that does other things at the time they are a hint. Nothing here passes or
# fails: the goals stand beside the figures. What each part measured stays in build/bench/ as CSV, or
# as the console's text.
set -e
cd "$(dirname "$0")/../.."
. tests/bench/counted.sh
out=build/bench
packages=build/packages
mkdir -p $out

repetitions=7
sizes=${SIZES:-16M 256M 1G 4G}
counts=${CPUS:-1 2 4 8}
while getopts q option; do
    case $option in
    q) repetitions=1 ;;
    *) exit 64 ;;
    esac
done
shift $((OPTIND - 1))

# machine MEMORY WORDS ARGS...: QEMU's 64-bit PC, which has room for any MEMORY, by -kernel. What
# nobody touches of it costs the host nothing.
machine() {
    machine_memory=$1 machine_words=$2
    shift 2
    tools/boot --emu qemu64 --cpu qemu64 --media multiboot --mem "$machine_memory" \
        --cmdline "$machine_words" --timeout 300 "$@" -- \
        -icount shift=0,sleep=off -rtc base=2024-01-01T00:00:00,clock=vm \
        -machine memory-backend=ram \
        -object "memory-backend-ram,size=$machine_memory,reserve=off,id=ram" 2>&1 | tr -d '\r'
}

# peers BITS: malloc libraries that are there, as specs for octobench. Those for 64 bits are
# installed, those for 32 bits unpacked (tools/deps): the system needs not know of i386.
peers() {
    if [ "$1" = 64 ]; then
        echo "glibc=/lib/x86_64-linux-gnu/libc.so.6:malloc:free"
    else
        echo "glibc=/usr/lib32/libc.so.6:malloc:free"
    fi
    for peer in mimalloc=libmimalloc2.0/libmimalloc.so.2:mi_malloc:mi_free \
        jemalloc=libjemalloc2/libjemalloc.so.2:malloc:free \
        tcmalloc=libtcmalloc-minimal4/libtcmalloc_minimal.so.4:tc_malloc:tc_free; do
        spec=${peer#*=}
        library=/usr/lib/x86_64-linux-gnu/${spec#*/}
        [ "$1" = 64 ] || library=$packages/${spec%%/*}/usr/lib/i386-linux-gnu/${spec#*/}
        [ ! -e "${library%%:*}" ] || echo "${peer%%=*}=$library"
    done
}

# hosted BITS: everything that goals.csv names, and the goals.
hosted() {
    build=build/bench$1 goals=tests/bench/goals.csv
    arch=x86_64
    [ "$1" = 64 ] || arch=i386
    heaps=$(peers "$1")
    if [ "$1" = 32 ]; then
        libraries=$packages/libstdc++6/usr/lib/i386-linux-gnu:$packages/libgcc-s1/lib/i386-linux-gnu
        export LD_LIBRARY_PATH="$libraries"
    fi
    load=$(cut -d' ' -f1 /proc/loadavg)
    counted=$(tests/bench/report.py workloads $goals $arch counted)
    timed=$(tests/bench/report.py workloads $goals $arch timed)
    set -f # workloads are patterns to octobench, not to this shell
    # shellcheck disable=SC2086
    $build/octobench --icount $counted static $build/floor.so $build/buddypcp.so $heaps \
        >$out/icount$1.csv
    # shellcheck disable=SC2086
    $build/octobench -r $repetitions -m 5 $timed -o $out/raw$1.csv static $build/null.so \
        $build/floor.so $build/xv6.so $build/buddy.so $build/buddypcp.so $heaps >$out/times$1.csv ||
        echo "octobench found failures: see $out/times$1.csv"
    set +f
    unset LD_LIBRARY_PATH
    echo "## $1-bit library: goals"
    echo
    echo "The machine's load before it began was $load, on $(nproc) CPUs; from 1 on times are noise."
    echo
    tests/bench/report.py goals $goals octavo $out/raw$1.csv $out/icount$1.csv
    tests/bench/report.py gate $goals octavo $out/raw$1.csv $out/icount$1.csv >$out/gate$1.txt || true
    echo
    echo "## $1-bit library: instructions"
    echo
    tests/bench/report.py icount $out/icount$1.csv
    echo
    echo "## $1-bit library: times, ns an operation (ratio to the best) [what else the workload tells]"
    tests/bench/report.py table $out/times$1.csv
    echo
}

# One instruction is one tick of the guest's time-stamp counter, from reset on.
kernel() {
    echo "## The machine: boot from floppy, and the allocators inside the kernel (instructions)"
    echo
    tools/boot --cmdline bench --timeout 300 -- -icount shift=0,sleep=off \
        -rtc base=2024-01-01T00:00:00,clock=vm >$out/boot.txt 2>&1 ||
        echo "the machine did not end well: see $out/boot.txt"
    echo "| | figure |"
    echo "|---|---:|"
    size -B build/kernel.elf | awk 'NR == 2 { print "| kernel: text and constants | " $1 " |"
        print "| kernel: data | " $2 " |"; print "| kernel: in memory | " $4 " |" }'
    echo "| kernel file on the floppy | $(mtype -i build/octavo.img ::KERNEL.ELF | wc -c) |"
    tr -d '\r' <$out/boot.txt |
        sed -n -E 's/^bench: (.*[^ ]) +([0-9.]+) ticks$/| \1 | \2 |/p'
    echo
}

# From power-on until everything is ready for the prompt: what is left of a start beside the loader.
start() {
    echo "## The start, by the size of memory (instructions from power-on)"
    echo
    echo "| memory | instructions | to 64 MiB |"
    echo "|---|---:|---:|"
    first=
    for size in 64M 1G 8G 64G; do
        ticks=$(machine $size bench | sed -n 's/^bench: reset to here *\([0-9]*\) ticks$/\1/p')
        first=${first:-$ticks}
        echo "| $size | ${ticks:-the machine did not start} |" \
            "$(awk "BEGIN { printf \"%.2f\", ${ticks:-0} / ${first:-1} }") |"
    done
    echo
}

# memview: what one refresh of the screen costs, when everything is drawn for the first time and
# later, with 520 MiB in use.
views() {
    echo "## A refresh of memview (instructions)"
    echo
    echo "| memory | the first | the last of 16 |"
    echo "|---|---:|---:|"
    for size in 1G 4G 64G; do
        machine $size 'run="/memview -t 520"' --add build/user/memview | sed -n -E \
            "s/.*memview: [0-9]+ frames, a refresh ([0-9]+) ticks, at most ([0-9]+)/| $size | \2 | \1 |/p"
    done
    echo
}

# Programs in ring 3: operations.
programs() {
    echo "## Programs in ring 3: instructions an operation"
    echo
    tests/bench/programs.sh
    echo
    echo "## The same without a C library"
    echo
    tests/bench/programs.sh -b
    echo
}

clients() {
    echo "## Whole programs"
    echo
    tests/bench/clients.sh
    echo
}

# What grows with memory: allocators and calls in machines of four sizes, the library in arenas.
memory() {
    make -s build/conformance/bare/mb >&2
    rm -f $out/memory-*
    for size in $sizes; do
        machine $size bench >$out/memory-kernel-$size.txt
        machine $size 'run="/mb all 3"' --add build/conformance/bare/mb \
            >$out/memory-programs-$size.txt
        for bits in 64 32; do
            arena=$(echo "$size" | sed 's/M//;s/1G/1024/;s/4G/4096/')
            [ $bits.$size != 32.4G ] || continue # more than it has addresses for
            build/bench$bits/octobench --icount -a "$arena" -w pair/64 -w pg_pair/o0 -w pg_pair/o3 \
                static >"$out/memory-hosted$bits-$size.csv"
        done
    done
    echo "## Growth with memory: instructions an operation"
    echo
    # shellcheck disable=SC2086
    tests/bench/machines.py memory $sizes
    echo
}

# The same operations on all of 1, 2, 4, 8 CPUs at once.
cpus() {
    make -s build/conformance/bare/crowd >&2
    rm -f $out/cpus-*
    for count in $counts; do
        machine 256M "run=\"/crowd $count\"" --smp $count --add build/conformance/bare/crowd \
            >$out/cpus-$count.txt
    done
    echo "## Growth with CPUs: instructions of all CPUs an operation"
    echo
    # shellcheck disable=SC2086
    tests/bench/machines.py cpus $counts
    echo
}

# What is not to be had for anything else: of each frame, of each object, at the shell's prompt.
overhead() {
    for size in 4M 64M 1G 4G 64G; do
        machine $size '' --input 'cat /proc/slabinfo' --input poweroff >$out/overhead-$size.txt
    done
    echo "## Overhead: memory at the shell's prompt"
    echo
    tests/bench/machines.py overhead 4M 64M 1G 4G 64G
    echo
}

# The parts that were asked for, one table after the other.
main() {
    [ $# -gt 0 ] || set -- hosted64 hosted32 kernel start views programs clients memory cpus overhead
    for part; do
        begun=$(date +%s)
        case $part in
        hosted64 | hosted32) hosted "${part#hosted}" ;;
        kernel | start | views | programs | clients | memory | cpus | overhead) $part ;;
        *) echo "bench.sh: there is no part $part: see the head of $0" >&2 && return 64 ;;
        esac
        echo "bench.sh: $part took $(($(date +%s) - begun)) s" >&2
    done
}

# A subshell's failure must not be hidden by tee.
{
    status=0
    (main "$@") || status=$?
    echo $status >$out/status
} | tee $out/figures.md
tests/bench/report.py csv $out/figures.md >$out/figures.csv
exit "$(cat $out/status)"
