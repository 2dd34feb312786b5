#!/bin/sh
# Any size of memory, 2 MiB to 4 GiB, from the floppy and by -kernel: every frame has an owner, and
# the sum is what the machine has.
. "$(dirname "$0")/../tap.sh"

# sum_kib: what `owners` added up to.
sum_kib() {
    tr -d '\r' <"$console" | awk '$1 == "sum" { sum = $3 } END { print sum }'
}

# at_size SIZE KIB ARGS...: firmware may keep up to 1.4 MiB of the machine's memory for itself.
at_size() {
    size=$1 kib=$2
    shift 2
    boots "$size $*" 0 --mem "$size" --cmdline monitor \
        --input owners --input meminfo "$@"
    like "$size $*: every frame has an owner" "$console" "= all RAM of the firmware's map$"
    sum=$(sum_kib)
    ok "$size $*: ${sum:-nothing} of $kib KiB" \
        test "${sum:-0}" -le "$kib" -a "${sum:-0}" -ge $((kib - 1400))
}

# free_at_least KIB NAME: at the last prompt.
free_at_least() {
    free=$(tr -d '\r' <"$console" | awk '$1 == "MemFree:" { print $2 }')
    ok "$2: at least $1 KiB are free (${free:-nothing})" test "${free:-0}" -ge "$1"
}

for media in floppy multiboot; do
    at_size 2M 2048 --media $media
    free_at_least 600 "2M $media"
    at_size 4M 4096 --media $media
    at_size 16M 16384 --media $media
    at_size 64M 65536 --media $media
    at_size 512M 524288 --media $media
    at_size 1G 1048576 --media $media
    at_size 3500M 3584000 --media $media
    at_size 4G 4194304 --media $media
done
like "without addresses above 4 GiB memory there is left out" "$console" \
    '^memmap: [0-9]+ MiB .*stay unused: page tables cannot name them'

# Larger machines than the host: memory that is never touched costs it nothing.
at_large_size() {
    large_size=$1 large_kib=$2
    shift 2
    at_size "$large_size" "$large_kib" --media multiboot "$@" -- -object \
        "memory-backend-ram,size=$large_size,reserve=off,id=ram" -machine memory-backend=ram
}
at_large_size 8G 8388608 --cpu qemu64
like "pages are executed only where there is code" "$console" '^pagetable: text and constants .*not executable$'
at_large_size 61G 63963136 --cpu pentium3
unlike "a CPU without NX" "$console" 'not executable'
at_large_size 64G 67108864 --emu qemu64 --cpu qemu64
free_at_least 66794291 "64G, 63.7 GiB"
at_large_size 72G 75497472 --emu qemu64 --cpu qemu64
like "72G: 64 GiB are managed" "$console" '^memmap: 819[0-9] MiB .* stay unused: 64 GiB are enough'
free_at_least 66794291 "72G, 63.7 GiB"
at_size 64M 65536 --media multiboot --cpu qemu64 --cmdline "monitor nopae"
like "nopae is obeyed" "$console" '^pagetable: two levels'

at_size 64M 65536 --cmdline "monitor mem=8M"
like "mem= leaves the rest out" "$console" '^left out +14[0-9]+ '
boots "mem= that is no size" 0 --cmdline mem=lots
like "mem= that is no size is reported" "$console" 'lots. in mem= makes no sense'

done_testing
