#!/bin/sh
# The program in docs/library.md is whole: it builds with both libraries, runs and loses nothing.
. "$(dirname "$0")/../tap.sh"

awk '/^```$/ { inside = 0 } inside { print } /^```c$/ { inside = 1 }' docs/library.md \
    >"$work/library.c"
for bits in 64 32; do
    ok "$bits-bit: builds" gcc -m$bits -std=gnu11 -Wall -Wextra -Werror -iquote include \
        -iquote mm/hosted -o "$work/library$bits" "$work/library.c" \
        build/lib$bits/liboctavo-mm.a -pthread
    ok "$bits-bit: runs" sh -c "'$work/library$bits' >'$work/out$bits'"
    like "$bits-bit: gets frames of the arena" "$work/out$bits" '^256 frames at 0x1[0-9a-f]{7}$'
    like "$bits-bit: the books are right" "$work/out$bits" '^books: right$'
    like "$bits-bit: no frame is lost" "$work/out$bits" '^frames lost: 0$'
    like "$bits-bit: shows where the memory is" "$work/out$bits" '^# '
done

done_testing
