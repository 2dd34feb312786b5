#!/bin/sh
# The tests inside the kernel: --mem 2M, where there is room for those of mm/ alone.
. "$(dirname "$0")/../tap.sh"

built build/slim/ktests.elf
cat >"$work/slim.cfg" <<'END'
kernel=KERNEL.ELF
cmdline=
module=KTESTS.ELF
END
tools/mkimage -c "$work/slim.cfg" "$work/slim.img" build/boot/bootsect.bin build/boot/loader.bin \
    build/kernel.elf build/slim/ktests.elf
kernel_tests --mem 2M --image "$work/slim.img"
done_testing
