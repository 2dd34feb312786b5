#!/bin/sh
# The tests inside the kernel: --mem 64M
. "$(dirname "$0")/../tap.sh"
kernel_tests --mem 64M
done_testing
