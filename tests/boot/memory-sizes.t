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

for media in floppy multiboot; do
    at_size 2M 2048 --media $media
    at_size 4M 4096 --media $media
    at_size 16M 16384 --media $media
    at_size 64M 65536 --media $media
    at_size 512M 524288 --media $media
    at_size 1G 1048576 --media $media
    at_size 3500M 3584000 --media $media
    at_size 4G 4194304 --media $media
done
like "memory above 4 GiB is reported as waiting" "$console" '^memmap: [0-9]+ MiB .*wait for PAE'

at_size 64M 65536 --cmdline "monitor mem=8M"
like "mem= leaves the rest out" "$console" '^left out +14[0-9]+ '
boots "mem= that is no size" 0 --cmdline mem=lots
like "mem= that is no size is reported" "$console" 'mem=lots is no size'

done_testing
