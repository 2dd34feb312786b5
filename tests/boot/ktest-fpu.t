#!/bin/sh
# Tasks on a CPU with x87 alone, and on one without any FPU.
. "$(dirname "$0")/../tap.sh"
for cpu in 486 486,-fpu; do
    boots "tasks on the CPU $cpu" 0 --cpu "$cpu" --mem 16M --cmdline 'test=mm/task/*'
    like "all well" "$console" '^# [0-9]+ passed, 0 failed'
done
done_testing
