# octavo.gdb - gdb on the whole machine, from the first instruction of the firmware on.
#
# `make debug` starts it; QEMU runs behind it and ends with it. `help octavo` lists the commands
# for what the kernel keeps.
#
# Places to stop: entry (sector 0), stage2, *entry_physical (kernel entry, before paging),
# kernel_main, mm_init, kmalloc.

set confirm off
set disassemble-next-line auto
source tools/gdb/octavo.py
add-symbol-file build/boot/bootsect.elf
add-symbol-file build/boot/loader.elf
octavo connect
