#!/bin/sh
# The tests inside the kernel: --mem 4G
. "$(dirname "$0")/../tap.sh"
kernel_tests --mem 4G
done_testing
