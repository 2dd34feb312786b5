#!/bin/sh
# tools/boot tells every ending of a machine apart: ok, fail, panic, reset, triple fault, hang and
# a wrong answer; in both emulators.
. "$(dirname "$0")/../tap.sh"

# ending N: builds the boot sector that ends in way N.
ending() {
    nasm -f bin -DENDING="$1" -o "$work/$1.img" tests/boot/fixtures/endings.asm
}

for number in 0 1 2 3 4 5 6 7 8; do
    ending $number
done

for emu in qemu bochs; do
    boots "$emu: ok" 0 --emu $emu --image "$work/0.img"
    like "$emu: the console is printed" "$console" '^hello from a boot sector$'
    boots "$emu: fail" 1 --emu $emu --image "$work/1.img"
    boots "$emu: panic" 2 --emu $emu --image "$work/2.img"
    boots "$emu: reset" 3 --emu $emu --image "$work/3.img"
    like "$emu: and says so" "$notes" 'reset'
    boots "$emu: triple fault" 3 --emu $emu --image "$work/4.img"
    boots "$emu: hang" 4 --emu $emu --image "$work/5.img" --timeout 4
    like "$emu: and says so" "$notes" 'no end within 4 s'
    boots "$emu: types at the prompt" 0 --emu $emu --image "$work/6.img" \
        --input 'a line' --expect '^octavo> a line'
done

boots "wrong answer" 1 --image "$work/0.img" --expect 'something else'
like "and says which" "$notes" 'not seen: something else'
boots "answers in the wrong order" 1 --image "$work/0.img" \
    --expect 'kind=ok' --expect 'hello'
boots "a panic stays a panic, whatever was expected" 2 --image "$work/2.img" \
    --expect 'something else'
boots "poweroff is typed when there is no input left" 0 --image "$work/6.img" \
    --expect '^octavo> poweroff'
boots "a silent power-off counts by QEMU's exit status" 0 --image "$work/7.img"
boots "a machine that stays on after its last line" 0 --image "$work/8.img"
like "and says so" "$notes" 'stayed on'
boots "wrong arguments" 64 --mem lots
boots "no image" 64 --image "$work/none.img"
boots "an emulator that does not start" 64 --image "$work/0.img" --cpu nosuch

done_testing
