#!/bin/sh
# From power-on to the monitor's prompt, and back: the floppy image in QEMU.
. "$(dirname "$0")/../tap.sh"

boots "boots from the floppy, answers, powers off" 0 --cmdline monitor \
    --e9 "$work/e9" --screen "$work/screen" \
    --input help --input owners --input meminfo --input zones --input buddyinfo \
    --input slabinfo --input mmap --input 'walk 0xc0100000' --input bt
like "says which loader started it" "$console" "^multiboot: loader 'Octavo .*E820"
like "shows the firmware's map" "$console" '^mmap: base=0x[0-9a-f]+ length=0x[0-9a-f]+ type=[0-9]+'
like "shows the sanitised map" "$console" '^memmap: \[0x0*0, '
for command in alloc bt buddyinfo free help meminfo mmap owners poweroff reboot slabinfo sym test \
    walk x zones; do
    like "help lists $command" "$console" "^ *$command( |$)"
done
like "every frame has an owner" "$console" "^sum .*= all RAM of the firmware's map$"
like "meminfo in Linux's words" "$console" '^MemTotal: +[0-9]+ kB$'
like "zones" "$console" '^DMA +0 '
like "buddyinfo in Linux's words" "$console" '^Node 0, zone +DMA '
like "slabinfo in Linux's words" "$console" '^slabinfo - version: 2.1$'
like "the backtrace has names" "$console" 'kernel_main\+0x'
like "the last line" "$console" '^octavo: exit status=0 kind=ok$'

like "the same on port E9" "$work/e9" '^octavo: exit status=0 kind=ok'
like "the boot log on port E9" "$work/e9" '^mmap: base='
like "the same on the screen" "$work/screen" '^octavo>$'

boots "an unknown command is an answer, not an end" 0 --cmdline monitor --input nonsense
like "and is named" "$console" 'nonsense'

boots "reboot resets the machine" 3 --cmdline monitor --input reboot

done_testing
