#!/bin/sh
# All tests once more on machines whose memory lies further up: across and beyond frame 2^32, which
# is 16 TiB, and with 32 bits as far up as frame numbers go.
. "$(dirname "$0")/../tap.sh"

# beyond VARIANT FRAME
beyond() {
    FRAME=$2 timeout -s KILL 120 "build/$1/ktests" >"$work/$1" 2>&1
    is "$1: memory from frame $2 on" $? 0
    sed -n 's/^not ok/#&/p' "$work/$1"
}

beyond host64 0xffffe000
beyond host64 0x100001000
beyond host64-asan 0xffffe000
beyond host32 0xffff0000

done_testing
