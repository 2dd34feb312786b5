# octavo.gdb - gdb on the whole machine, from the first instruction of the firmware on.
#
# `make debug` starts it; QEMU runs behind it and ends with it. `help octavo` lists the commands
# for what the kernel keeps.
#
# Places to stop, in the order of the start: entry (of sector 0, then of the kernel before paging),
# stage2, kernel_main, mm_init, kmalloc, monitor_run.

set confirm off
source tools/gdb/octavo.py
add-symbol-file build/boot/bootsect.elf
add-symbol-file build/boot/loader.elf
octavo connect
set disassemble-next-line auto
