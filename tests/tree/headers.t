#!/bin/sh
# Every header compiles alone: in the kernel's world, and those of mm/ in the host's two worlds.
. "$(dirname "$0")/../tap.sh"

compiles() {
    printf '#include "%s"\n' "${1##*/}" >"$work/alone.c"
    shift
    gcc -std=gnu11 -Wall -Wextra -Werror -Wundef -fsyntax-only "$@" "$work/alone.c"
}

for header in include/*.h kernel/include/*.h; do
    ok "$header in the kernel" compiles "$header" -m32 -ffreestanding -Ikernel/include -Iinclude
done
for header in include/*.h; do
    for bits in 32 64; do
        ok "$header on the host at $bits bits" compiles "$header" -m$bits \
            -iquote mm/hosted -iquote include
    done
done

done_testing
