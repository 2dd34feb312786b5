#!/bin/sh
# Under each loader the kernel knows by whom it was started, has the symbols if there are any, and
# finds modules under the names they were given. That it boots from each medium is the matrix's
# business.
. "$(dirname "$0")/../tap.sh"

echo text >"$work/SHORT.TXT"

# starts MEDIUM LOADER MODULE SYMBOLS: patterns for the loader's name, for what it makes of a
# module's words, and for the kernel's answer when asked for a symbol.
starts() {
    boots "$1" 0 --media "$1" --timeout 60 --cmdline monitor --add "$work/SHORT.TXT" \
        --input 'sym kmalloc'
    like "$1: the loader's name" "$console" "^multiboot: loader '$2"
    like "$1: a module" "$console" "^multiboot: module \[0x[0-9a-f]+, 0x[0-9a-f]+\) '$3'"
    like "$1: symbols" "$console" "$4"
}

symbols='^0xc0[0-9a-f]+ kmalloc'
none='^The boot loader left no symbols'

starts floppy Octavo '.*/SHORT.TXT' "$symbols"
starts multiboot qemu '.*/SHORT.TXT' "$none"
starts grub GRUB '.*/SHORT.TXT' "$symbols"
starts mboot SYSLINUX 'module[0-9]+ path=/SHORT.TXT' "$symbols"
# It hands over the first eight modules only.
starts ipxe iPXE 'tftp://.*/module7 path=/bin/.*' "$none"

done_testing
