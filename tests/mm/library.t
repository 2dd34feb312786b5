#!/bin/sh
# The programs in docs/library.md are whole: they build with both libraries, run and lose nothing.
. "$(dirname "$0")/../tap.sh"

# block N: the N-th block of C on the page
block() {
    awk -v wanted="$1" '/^```$/ { inside = 0 } inside && n == wanted { print }
        /^```c$/ { inside = 1; n++ }' docs/library.md
}

# builds_and_runs NAME BITS: what it printed is in $out
builds_and_runs() {
    out=$work/$1$2.out
    ok "$1, $2-bit: builds" gcc -m"$2" -std=gnu11 -Wall -Wextra -Werror -iquote include \
        -iquote mm/hosted -o "$work/$1$2" "$work/$1.c" build/lib"$2"/liboctavo-mm.a -pthread
    ok "$1, $2-bit: runs" sh -c "cd '$work' && './$1$2' >'$out'"
    like "$1, $2-bit: the books are right" "$out" '^books: right$'
}

block 1 >"$work/frames.c"
block 2 >"$work/spaces.c"
block 3 >"$work/traced.c"
for bits in 64 32; do
    builds_and_runs frames $bits
    like "$bits-bit: gets frames of the arena" "$out" '^256 frames at 0x1[0-9a-f]{7}$'
    like "$bits-bit: no frame is lost" "$out" '^frames lost: 0$'
    like "$bits-bit: shows where the memory is" "$out" '^# '

    builds_and_runs spaces $bits
    like "$bits-bit: memory is promised" "$out" '^mapped at 0x3[0-9a-f]{7}, 0 pages there$'
    like "$bits-bit: and copied on write" "$out" '^the parent reads "parent"; pages copied: 1$'
    like "$bits-bit: all but what is kept comes back" "$out" '^frames kept: [0-9]$'

    builds_and_runs traced $bits
    tools/trace --elf "$work/traced$bits" "$work/library.trace" >"$work/report"
    like "$bits-bit: the trace has every call" "$work/report" '^ +1000 +40000 +990 +10 +400 .*  work\+0x'
    like "$bits-bit: and the leak" "$work/report" '^allocated and not freed: 10 objects, 400 bytes'
done

done_testing
