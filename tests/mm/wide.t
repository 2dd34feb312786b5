#!/bin/sh
# All tests once more on machines whose memory lies further up: across and beyond frame 2^32, which
# is 16 TiB, and with 32 bits as far up as frame numbers go.
. "$(dirname "$0")/../tap.sh"

# beyond VARIANT FRAME [TESTS]
beyond() {
    variant=$1 frame=$2
    shift 2
    status=0
    FRAME=$frame timeout -s KILL 120 "build/$variant/ktests" "$@" >"$work/$variant" 2>&1 || status=$?
    is "$variant: memory from frame $frame on" "$status" 0
    [ "$status" -eq 0 ] || what_went_wrong "$work/$variant" >&2
}

# The tests that failed with their reasons, and a sanitizer's report, without what the tests log.
what_went_wrong() {
    sed -E -n '/^([^#o]|# .*: failed: |#   got )/s/^/# /p' "$1" | head -n 300
}

beyond host64 0x100001000
beyond host64-asan 0xffffe000
beyond host64-tsan 0xffffe000 'mm/threads/*' 'mm/trace_threads/*'
beyond host32 0xffff0000

done_testing
