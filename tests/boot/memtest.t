#!/bin/sh
# Memory that does not keep what is written to it: found, named, taken out of service; or known before.
. "$(dirname "$0")/../tap.sh"

boots "good memory" 0 --mem 6M --media multiboot --cmdline "memtest monitor" --input owners
like "all of it is tested" "$console" '^memtest: 100 %, .* 0 bad frames'
unlike "no frame is bad" "$console" '^bad '

boots "a bit that is stuck" 0 --mem 6M --media multiboot --input memtest --input owners \
    --cmdline "monitor memtest_fault=0x400000"
like "its address is told" "$console" '^memtest: 0x00400000: wrote [0-9a-f]{8}, read [0-9a-f]{8}'
like "its frame is out of service" "$console" '^bad +1 +4'
like "and still counted" "$console" "= all RAM of the firmware's map$"

boots "from the shell" 1 --mem 8M --media multiboot \
    --cmdline 'run=/bin/memtest memtest_fault=0x480000'
like "finds it too" "$console" 'memtest: 0x00480000: wrote'
like "and says so" "$console" 'pass 1: 100 %.* 1 bad frames'

boots "frames known to be bad, and a map that is wrong" 0 --mem 64M --media multiboot \
    --cmdline "badram=0x2000000,0xFFF0F000 mem=1M@20M!3,48M monitor" --input owners --input mmap
like "each is out of service" "$console" '^bad +16 +64'
like "a piece is what it is said to be" "$console" \
    '^memmap: \[0x0000000001400000, 0x0000000001500000\) 1024 KiB ACPI data'
like "a limit beside it is obeyed" "$console" '^left out +4'
boots "options that make no sense" 0 --media multiboot --cmdline "badram=x mem=1M@ monitor"
like "badram= is named" "$console" 'x. in badram= makes no sense'
like "mem= is named" "$console" '1M@. in mem= makes no sense'

done_testing
