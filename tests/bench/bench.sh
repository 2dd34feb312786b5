#!/bin/sh
# All figures of one build as Markdown on standard output; the raw ones stay in build/bench/.
#
# Instruction counts come first: they are the same on every machine. Times are ratios of medians taken
# side by side in one run; on a machine that does other things at the time they are a hint. Nothing
# here passes or fails: the goals stand beside the figures.
set -e
cd "$(dirname "$0")/../.."
out=build/bench
mkdir -p $out

counted="-w pair/16 -w pair/64 -w pair/1024 -w pair/8192 -w trace/kernel -w rfree/64
    -w pg_pair/o0 -w pg_pair/o3 -w pg_fill_alloc -w pg_fill_free/rand"
timed="-w pair/64 -w pair/8192 -w batch/64x1000/rand -w batch/64x100000/rand -w larson/*
    -w xfree/64 -w trace/kernel -w space/* -w pg_init -w pg_pair/* -w pg_batch/o0x512/rand
    -w pg_fill_alloc -w pg_fill_free/rand -w pg_mix/* -w pg_frag/* -w pg_coalesce"

# peers FOLDER LIBC: malloc libraries that are there, as specs for octobench.
peers() {
    echo "glibc=$2:malloc:free"
    for peer in mimalloc=libmimalloc.so.2:mi_malloc:mi_free \
        jemalloc=libjemalloc.so.2:malloc:free \
        tcmalloc=libtcmalloc_minimal.so.4:tc_malloc:tc_free; do
        library=${peer#*=}
        [ ! -e "$1/${library%%:*}" ] || echo "${peer%%=*}=$1/$library"
    done
}

# bits N FOLDER LIBC ARCH
bits() {
    build=build/bench$1
    heaps=$(peers "$2" "$3")
    echo "## $1-bit: instructions"
    echo
    set -f # the patterns are octobench's
    $build/octobench --icount $counted static $build/floor.so $build/buddypcp.so $heaps \
        >$out/icount$1.csv
    tests/bench/report.py icount $out/icount$1.csv
    echo
    echo "## $1-bit: times, ns an operation (ratio to the best) [what else the workload tells]"
    $build/octobench -r 3 -m 5 $timed -o $out/raw$1.csv static $build/null.so $build/floor.so \
        $build/xv6.so $build/buddy.so $build/buddypcp.so $heaps >$out/times$1.csv ||
        echo "octobench found failures: see $out/times$1.csv"
    set +f
    tests/bench/report.py table $out/times$1.csv
    echo
    echo "## $1-bit: goals"
    echo
    tests/bench/report.py goals tests/bench/goals.csv octavo $out/raw$1.csv $out/icount$1.csv
    tests/bench/report.py gate tests/bench/goals.csv octavo $out/raw$1.csv $out/icount$1.csv \
        >$out/gate$1.txt || true
    echo
}

# One instruction is one tick of the guest's time-stamp counter, from reset on.
machine() {
    echo "## The machine: boot from floppy, and the allocators inside the kernel (instructions)"
    echo
    tools/boot --cmdline bench --timeout 150 -- -icount shift=0,sleep=off \
        -rtc base=2024-01-01T00:00:00,clock=vm >$out/boot.txt 2>&1 ||
        echo "the machine did not end well: see $out/boot.txt"
    echo "| | figure |"
    echo "|---|---:|"
    size -B build/kernel.elf | awk 'NR == 2 { print "| kernel: text and constants | " $1 " |"
        print "| kernel: data | " $2 " |"; print "| kernel: in memory | " $4 " |" }'
    echo "| kernel file on the floppy | $(mtype -i build/octavo.img ::KERNEL.ELF | wc -c) |"
    tr -d '\r' <$out/boot.txt | sed -n -E \
        -e 's/^mm: ([0-9]+ of [0-9]+ frames free), .*descriptors of ([0-9]+) bytes$/| 64 MiB machine | \1 |\n| descriptor of a frame | \2 bytes |/p' \
        -e 's/^bench: (.*[^ ]) +([0-9.]+) ticks$/| \1 | \2 |/p'
    echo
}

# From power-on until everything is ready for the prompt, by QEMU's -kernel: what is left of a start
# beside the loader. Memory that nobody touches costs the host nothing.
starts() {
    echo "## The start, by the size of memory (instructions from power-on)"
    echo
    echo "| memory | instructions | to 64 MiB |"
    echo "|---|---:|---:|"
    first=
    for size in 64M 1G 8G 64G; do
        ticks=$(tools/boot --emu qemu64 --cpu qemu64 --media multiboot --mem $size \
            --cmdline bench --timeout 150 -- -icount shift=0,sleep=off \
            -rtc base=2024-01-01T00:00:00,clock=vm -machine memory-backend=ram \
            -object "memory-backend-ram,size=$size,reserve=off,id=ram" 2>&1 |
            tr -d '\r' | sed -n 's/^bench: reset to here *\([0-9]*\) ticks$/\1/p')
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
        tools/boot --emu qemu64 --cpu qemu64 --media multiboot --mem $size --timeout 150 \
            --cmdline 'run="/memview -t 520"' --add build/user/memview -- \
            -icount shift=0,sleep=off -rtc base=2024-01-01T00:00:00,clock=vm \
            -machine memory-backend=ram \
            -object "memory-backend-ram,size=$size,reserve=off,id=ram" 2>&1 | tr -d '\r' |
            sed -n -E "s/.*memview: [0-9]+ frames, a refresh ([0-9]+) ticks, at most ([0-9]+)/| $size | \2 | \1 |/p"
    done
    echo
}

# Programs in ring 3: operations, then whole programs.
programs() {
    echo "## Programs in ring 3: instructions an operation"
    echo
    tests/bench/programs.sh
    echo
    echo "## The same without a C library"
    echo
    tests/bench/programs.sh -b
    echo
    echo "## Whole programs"
    echo
    tests/bench/clients.sh
    echo
}

bits 64 /usr/lib/x86_64-linux-gnu /lib/x86_64-linux-gnu/libc.so.6
if [ -e /usr/lib32/libc.so.6 ]; then
    bits 32 /usr/lib/i386-linux-gnu /usr/lib32/libc.so.6
fi
machine
starts
views
programs
