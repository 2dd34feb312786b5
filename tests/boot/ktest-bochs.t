#!/bin/sh
# The tests inside the kernel: --emu bochs --mem 20M
. "$(dirname "$0")/../tap.sh"
kernel_tests --emu bochs --mem 20M
done_testing
