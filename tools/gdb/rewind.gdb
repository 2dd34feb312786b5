# rewind.gdb - gdb on a recorded run (tools/rewind), at its end.
#
# All of gdb's own commands that go back work: reverse-stepi, reverse-step, reverse-next,
# reverse-finish, reverse-continue to a breakpoint or watchpoint. `help octavo` lists ours.

set confirm off
source tools/gdb/octavo.py
add-symbol-file build/boot/bootsect.elf
add-symbol-file build/boot/loader.elf
octavo rewind
set disassemble-next-line auto
