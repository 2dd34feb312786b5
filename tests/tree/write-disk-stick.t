#!/bin/sh
# tools/write-disk on a disk made of a file, that looks like a stick in a mount namespace of its own.
. "$(dirname "$0")/../tap.sh"

if [ "${1:-}" != namespace ]; then
    unshare -m true 2>/dev/null || skip_all "no mount namespaces for us here"
    exec unshare -m "$root/tests/tree/write-disk-stick.t" namespace
fi

head -c 1474560 /dev/urandom >"$work/image"
head -c 1474560 /dev/zero >"$work/medium"
disk=$(losetup -f --show "$work/medium" 2>/dev/null) || skip_all "no loop devices for us here"
name=${disk##*/}
trap 'umount "$work/there" 2>/dev/null; losetup -d "$disk"; rm -rf "$work"' EXIT

# write KIND IMAGE ANSWER: the tool's exit status in $status, its words in $work/out.
write() {
    status=0
    echo "$3" | tools/write-disk "$1" "$work/$2" "$disk" >"$work/out" 2>&1 || status=$?
}

# refused DESCRIPTION REGEX: the last write was, and the disk is as it was.
refused() {
    is "$1: refused" "$status" 1
    like "$1: why" "$work/out" "$2.*nothing was written"
    ok "$1: nothing written" cmp "$work/before" "$work/medium"
}

cp "$work/medium" "$work/before"
echo 0 >"$work/removable"
mount --bind "$work/removable" "/sys/block/$name/removable" || skip_all "no bind mounts here"
write --usb image "$disk"
refused "a disk that is not removable, as a stick" "is not removable"
echo 1 >"$work/removable"

write --usb image /dev/other
refused "another name typed" "that was not $disk"
like "model and size were shown" "$work/out" "^$disk: .*, 1 MB. Everything on it will be lost"
write --floppy image ""
refused "nothing typed, as a floppy" "that was not $disk"

head -c 1474561 /dev/zero >"$work/larger"
write --usb larger "$disk"
refused "too small" "holds 1474560 bytes, the image needs 1474561"

mkdir "$work/there"
if mke2fs -q -F "$disk" 2>/dev/null && mount "$disk" "$work/there" 2>/dev/null; then
    cp "$work/medium" "$work/before"
    write --usb image "$disk"
    refused "mounted" 'is in use \(mounted, or swap\)'
    umount "$work/there"
fi

write --usb image "$disk"
is "the right name typed: written" "$status" 0
ok "to the byte" cmp "$work/image" "$work/medium"
like "and read back" "$work/out" "$disk now boots Octavo"
done_testing
