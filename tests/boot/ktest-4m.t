#!/bin/sh
# The tests inside the kernel: --mem 4M
. "$(dirname "$0")/../tap.sh"
kernel_tests --mem 4M
done_testing
