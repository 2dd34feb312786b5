#!/bin/sh
# The aids against bugs of memory (boot option debug=), all at once in a machine of 16 MiB: their own
# tests, what they say of themselves, and programs that run under them.
. "$(dirname "$0")/../tap.sh"

boots "debug=stacks,poison,quarantine: their tests" 0 --mem 16M \
    --cmdline 'debug=stacks,poison,quarantine test=mm/debug*'
like "none is left out" "$console" '^# [0-9]+ passed, 0 failed, 0 skipped'
boots "debug=guard: its tests" 0 --mem 16M --cmdline 'debug=stacks,guard test=mm/guard/*'
like "none is left out either" "$console" '^# [0-9]+ passed, 0 failed, 0 skipped'
boots "debug=leaks: its tests" 0 --mem 16M --cmdline 'debug=leaks test=mm/leaks/*'
like "none is left out, and none found at the end" "$console" '^leaks: 0 of [0-9]+ objects'
boots "debug=all: the tests of slabs" 0 --mem 64M --cmdline 'debug=all test=mm/slab/*'
boots "debug=guard: the tests of all memory" 0 --mem 64M --cmdline 'debug=guard test=mm/mm/*'
boots "debug=all: the tests of the heap" 0 --mem 16M --cmdline 'debug=all test=mm/kmalloc/*'
boots "debug=all: the tests of programs" 0 --mem 16M --cmdline 'debug=all test=mm/programs/*'
for words in heap stacks pages poison quarantine; do
    boots "debug=$words alone" 0 --mem 16M --cmdline "debug=$words test=mm/debug_heap/random"
done

boots "a word that is none" 0 --mem 16M --cmdline 'debug=nosuch,pages test=mm/debug_pages/story'
like "is reported" "$console" "^debug: 'nosuch' is none of heap, stacks"
like "and the others are obeyed" "$console" '^ok 1 mm/debug_pages/story$'

boots "debug=all: the shell and its programs" 0 --mem 16M --cmdline 'debug=all' \
    --input 'cat /proc/octavo/leaks' --input 'ls | hexdump' --input 'stress 40r 7' \
    --input exit
like "leaks are searched for when asked" "$console" '^leaks: 0 of [0-9]+ objects, 0 bytes'
like "and at power-off" "$console" '^octavo: exit status=0 kind=ok'

boots "debug=all: the monitor" 0 --mem 16M --cmdline 'debug=all monitor' \
    --input debug --input 'alloc pages 1024' --input 'frame 0x800' --input leaks --input poweroff
like "says what is on" "$console" '^on: heap stacks quarantine guard .*pages poison'
like "and what it takes" "$console" '^stacks: [0-9]+ different ones in [0-9]+ of [0-9]+ KiB'
like "and what is lost" "$console" '^leaks: 0 of [0-9]+ objects'
like "and who has a frame" "$console" '^ +allocated by [a-z_]+\+0x'

done_testing
