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

# A disk made of a file, where this machine lets us and tells about disks.
head -c 1474560 /dev/zero >"$work/medium"
if [ -d /sys/block ] && disk=$(losetup -f --show "$work/medium" 2>/dev/null); then
    trap 'losetup -d "$disk"; rm -rf "$work"' EXIT
    refuses "a disk that is not removable, as a stick" 'is not removable' --usb "$disk"
    echo /dev/other | tools/write-disk --floppy "$work/image" "$disk" >"$work/out" 2>&1
    is "another name typed: refused" $? 1
    ok "and not written" test "$(tr -d '\0' <"$work/medium" | wc -c)" -eq 0
    echo "$disk" | tools/write-disk --floppy "$work/image" "$disk" >"$work/out" 2>&1
    is "the right name typed: written" $? 0
    ok "to the byte" cmp "$work/image" "$disk"
fi

done_testing
