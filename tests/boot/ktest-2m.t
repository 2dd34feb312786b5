#!/bin/sh
# The tests inside the kernel: --mem 2M
. "$(dirname "$0")/../tap.sh"
kernel_tests --mem 2M
done_testing
