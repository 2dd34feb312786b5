#!/bin/sh
# The monitor by hand: allocate, look, free; and wrong input gets a plain answer.
. "$(dirname "$0")/../tap.sh"

boots "allocating by hand" 0 --cmdline monitor --mem 32M \
    --input 'alloc page' --input 'alloc pages 5' --input 'alloc heap 100' --input 'alloc heap 9M' \
    --input allocs --input check --input 'free 1' --input 'free #2' --input 'free 4' \
    --input 'free 1' --input allocs --input 'free 3' --input owners --input 'frame 0x200' \
    --input heap --input vmalloc
like "a page" "$console" '#1: 1 page at physical 0x[0-9a-f]+, frame 0x[0-9a-f]+, owner allocated'
like "several" "$console" '#2: 5 pages at physical 0x'
like "small memory comes from a slab" "$console" '#3: 100 bytes at 0xc[0-9a-f]+ .* owner slab$'
like "large memory by vmalloc" "$console" '#4: 9437184 bytes at 0xd[0-9a-f]+ .* by vmalloc$'
like "the books agree meanwhile" "$console" '^Every frame has exactly one owner, and all sums agree'
like "what is free already is not freed again" "$console" '^Nothing is held under number 1'
is "the list shrinks: twice for #3, once for the others" \
    "$(grep -c '#[1-4]:' "$console" | tr -d '\r')" 9

boots "looking at memory" 0 --cmdline monitor \
    --input 'x kernel_main 16' --input 'x 0' --input 'x 0xfffffff8 32' --input 'xp 0x100000 4' \
    --input 'walk kernel_main' --input 'walk 0' --input 'sym kernel_main' \
    --input 'sym kernel_main+4' --input 'sym kernel_main+0x100000004' --input bt
like "bytes of code" "$console" '^c01[0-9a-f]+  55 89 e5'
like "page 0 is not there" "$console" '^00000000  cannot be read'
like "nor is what is above the last byte" "$console" '^fffffff8  cannot be read'
like "the Multiboot header by its physical address" "$console" '^00100000  02 b0 ad 1b'
like "the walk ends at a frame" "$console" '^ *physical 0x001'
like "an address of a name" "$console" '^0xc01[0-9a-f]+ kernel_main\+0x0'
like "an offset from it" "$console" '^0xc01[0-9a-f]+ kernel_main\+0x4'
like "none that leads beyond 4 GiB" "$console" \
    "^'kernel_main\+0x100000004' is neither a number nor a symbol"

boots "wrong input" 0 --cmdline monitor \
    --input 'x' --input 'x 1 2 3' --input 'x nosuchname' --input 'x 0 999999' --input 'walk' \
    --input 'alloc' --input 'alloc pages 0' --input 'alloc pages 0xffffffff' \
    --input 'alloc heap 99999999999999999999' --input 'alloc heap 16G' --input 'free x' \
    --input 'frame 0xffffffff' --input 'frame 0xfffff' --input 'sym' --input 'poweroff 256' \
    --input 'test no/such' --input 'crash nosuch' --input 'help nosuch' \
    --input 'a b c d e f g h i j k l m n o p q' --input '"" ""' --input '"open quote' --input '   '
like "usage of x" "$console" '^usage: x ADDR \[BYTES\]'
like "an unknown name" "$console" "^'nosuchname' is neither a number nor a symbol"
like "usage of alloc" "$console" '^usage: alloc page\|pages N\|heap SIZE'
like "too much memory" "$console" '^There is no such piece of memory'
like "a frame beyond all" "$console" '^Frames are numbered 0 to 0xfffff'
like "usage of poweroff" "$console" '^usage: poweroff \[STATUS\]'
like "a glob that matches nothing" "$console" '^not ok 1 no test matches'
like "too many words" "$console" '^More than 16 words'
like "quotes protect blanks" "$console" "^There is no command 'open quote'"

boots "a status of one's own" 1 --cmdline monitor --input 'poweroff 7'
like "is in the last line" "$console" '^octavo: exit status=7 kind=fail'

boots "the log can be read again" 0 --cmdline monitor --input log
is "every line of the map twice" "$(grep -c '^mmap: base=' "$console")" \
    "$(($(sed '/octavo> log/,$d' "$console" | grep -c '^mmap: base=') * 2))"

for command in help options; do
    boots "$command" 0 --cmdline monitor --input "$command"
    is "$command fits 80 columns" \
        "$(tr -d '\r' <"$console" | sed -n "/octavo> $command/,\$p" | awk 'length > 79')" ""
done

done_testing
