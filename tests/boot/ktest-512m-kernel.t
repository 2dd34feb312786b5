#!/bin/sh
# The tests inside the kernel: --mem 512M --media multiboot
. "$(dirname "$0")/../tap.sh"
kernel_tests --mem 512M --media multiboot
done_testing
