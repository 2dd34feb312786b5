#!/bin/sh
# The tests inside the kernel: --mem 4G. And memory as a whole where there is more than 4 GiB.
. "$(dirname "$0")/../tap.sh"
kernel_tests --mem 4G
boots "5 GiB, 4 CPUs: the tests of all memory" 0 --emu qemu64 --mem 5G --smp 4 --timeout 120 \
    --cmdline 'test=mm/mm/*'
done_testing
