#!/bin/sh
# The tests inside the kernel: --emu bochs --mem 32M
. "$(dirname "$0")/../tap.sh"
kernel_tests --emu bochs --mem 32M
done_testing
