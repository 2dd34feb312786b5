#!/bin/sh
# The floppy image: its size, its file system, the same bytes twice, and files that may be edited.
. "$(dirname "$0")/../tap.sh"
image=build/octavo.img

is "1.44 MB to the byte" "$(stat -c %s $image)" 1474560
ok "fsck.fat finds nothing" fsck.fat -nv $image
ok "the kernel is a Multiboot kernel to GRUB" grub-file --is-x86-multiboot build/kernel.elf
mcopy -i $image ::KERNEL.ELF "$work/KERNEL.ELF"
readelf -SW "$work/KERNEL.ELF" >"$work/sections"
like "the kernel on the floppy has symbols" "$work/sections" '\.symtab'
unlike "but no DWARF" "$work/sections" '\.debug'
memory=$(size -B build/kernel.elf | awk 'NR == 2 { print $4 }')
ok "the kernel takes $memory bytes, at most 512 KiB" test "$memory" -le 524288

ok "builds again elsewhere" make BUILD="$work/again" img
ok "to the same bytes" cmp $image "$work/again/octavo.img"

# What a person does to a floppy: make room, add, replace, delete.
cp $image "$work/edited.img"
mdel -i "$work/edited.img" ::KTESTS.ELF
dd if=/dev/urandom of="$work/filler" bs=1k count=64 2>/dev/null
mcopy -i "$work/edited.img" "$work/KERNEL.ELF" ::COPY.ELF
mcopy -i "$work/edited.img" "$work/filler" ::FILLER.DAT
mdel -i "$work/edited.img" ::KERNEL.ELF
mcopy -i "$work/edited.img" "$work/KERNEL.ELF" ::KERNEL.ELF
mdel -i "$work/edited.img" ::COPY.ELF
mmd -i "$work/edited.img" ::SUBDIR
ok "fsck.fat finds nothing after editing" fsck.fat -nv "$work/edited.img"
boots "still boots" 0 --cmdline monitor --image "$work/edited.img" --input owners
like "with the added file as a module" "$console" '^multiboot: module .*[Ff][Ii][Ll][Ll][Ee][Rr]'

done_testing
