#!/bin/sh
# Programs' memory once more, with page tables in PAE's format.
. "$(dirname "$0")/../tap.sh"

for name in host64 host32 host64-asan host32-asan; do
    PAE=1 "build/$name/ktests" 'mm/space*' 'mm/mmap/*' 'mm/advise/*' 'mm/object/*' 'mm/oom/*' \
        >"$work/$name" 2>&1
    is "$name" $? 0
    sed -n 's/^not ok/#&/p' "$work/$name"
done

done_testing
