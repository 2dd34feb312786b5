#!/bin/sh
# Machines without this or that device: the consoles that are there do.
. "$(dirname "$0")/../tap.sh"

for machine in "-vga none" "-machine pc,i8042=off" "-machine q35,pit=off" \
    "-machine isapc -cpu 486" "-machine pc,acpi=off"; do
    # The words of $machine are arguments of their own.
    boots "boots and obeys with $machine" 0 --media multiboot \
        --input 'echo one "two  three"' -- $machine
    like "input arrives with $machine" "$console" '^one two  three'
done

# Where only a second port is, the BIOS calls it COM1; its interrupt is another one. The shell gets
# what is typed by interrupts alone.
boots "the only serial port is a second one" 0 --timeout 30 --input 'echo one' --input 'echo two' \
    -- -global isa-serial.iobase=0x2f8 -global isa-serial.irq=3
like "input arrives by its interrupt" "$console" '^two'

boots "console=e9 keeps COM1 silent" 0 --media multiboot --e9 "$work/e9" \
    --cmdline 'console=e9 test=mm/printf/*'
like "port E9 has it all" "$work/e9" '^octavo: exit status=0 kind=ok'
unlike "COM1 does not" "$console" '^KTAP'

boots "console=nonsense changes nothing" 0 --media multiboot \
    --cmdline 'console=nonsense' --input uptime
like "but is reported" "$console" "^console: there is no 'nonsense'"

done_testing
