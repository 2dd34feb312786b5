#!/bin/sh
# tools/write-disk writes to nothing that it should not, and asks before it writes.
. "$(dirname "$0")/../tap.sh"

head -c 1474560 /dev/urandom >"$work/image"

# refuses DESCRIPTION REGEX KIND DEVICE
refuses() {
    tools/write-disk "$3" "$work/image" "$4" >"$work/out" 2>&1 </dev/null
    is "$1: refused" $? 1
    like "$1: why" "$work/out" "$2.*nothing was written"
}

refuses "no device" 'say which device: make usb DEV=' --usb ""
refuses "a file" 'is not a block device' --usb "$work/image"
refuses "a character device" 'is not a block device' --floppy /dev/null
refuses "what is not there" 'is not a block device' --usb "$work/nosuch"

done_testing
