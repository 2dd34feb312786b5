#!/bin/sh
# The same kernel under every loader, the same image on every medium, and in both emulators.
. "$(dirname "$0")/../tap.sh"

# whole DESCRIPTION ARGS...: boots, accounts for every frame, checks the books and powers off.
whole() {
    whole_description=$1
    shift
    boots "$whole_description" 0 --cmdline monitor \
        --input owners --input 'sym kmalloc' "$@"
    like "$whole_description: every frame has an owner" "$console" \
        "^sum .*= all RAM of the firmware's map$"
}

whole "QEMU floppy" --media floppy
like "our loader leaves symbols" "$console" '^0xc0[0-9a-f]+ kmalloc'
whole "QEMU hard disk" --media hd
whole "QEMU USB stick" --media usb
whole "QEMU CD, floppy emulation" --media eltorito
whole "QEMU -kernel" --media multiboot
like "-kernel is seen as such" "$console" "^multiboot: loader 'qemu'"
whole "GRUB" --media grub
like "GRUB is seen as such" "$console" "^multiboot: loader 'GRUB"
whole "Bochs floppy" --emu bochs --media floppy
whole "Bochs hard disk" --emu bochs --media hd
whole "Bochs CD, floppy emulation" --emu bochs --media eltorito
whole "GRUB in Bochs" --emu bochs --media grub
whole "a 486" --cpu 486 --mem 8M
whole "a Pentium III" --cpu pentium3
whole "an ISA machine" --cpu 486 --mem 8M -- -M isapc
whole "a PC with PCI Express" --media hd -- -M q35
whole "no keyboard controller" -- -M pc,i8042=off
whole "no VGA" -- -vga none

printf 'module text\n' >"$work/A Long Name.text"
cp "$work/A Long Name.text" "$work/SHORT.TXT"
for media in floppy multiboot grub; do
    boots "$media: modules" 0 --media $media --add "$work/SHORT.TXT"
    like "$media: the module is there under its name" "$console" \
        "^multiboot: module \[0x[0-9a-f]+, 0x[0-9a-f]+\) '.*/SHORT.TXT"
done

done_testing
