#!/bin/sh
# docs/reading-order names every source file once, nothing that is not there, and headers before the
# files that include them.
. "$(dirname "$0")/../tap.sh"

# Files that look ahead: the table of contents, exceptions of programs, the format of their tables.
ahead='^(kernel/main.c|kernel/cpu/trap.c|mm/x86/pagetable.c|mm/x86/pagetable_start.c) '

grep -v -e '^#' -e '^$' docs/reading-order >"$work/order"
sort "$work/order" >"$work/listed"
find boot kernel mm include tools tests user \
    \( -name '*.c' -o -name '*.h' -o -name '*.asm' -o -name '*.inc' -o -name '*.ld' -o \
    -name '*.pml' \) | sort \
    >"$work/there"

is "no file is listed twice" "$(uniq -d "$work/listed")" ""
is "every source file is listed" "$(comm -13 "$work/listed" "$work/there")" ""
is "every listed file exists" "$(comm -23 "$work/listed" "$work/there")" ""

# "FILE HEADER", the header as the file names it: some file whose path ends so must come first.
comm -12 "$work/listed" "$work/there" | grep '\.[ch]$' | xargs grep -o '^#include "[^"]*"' |
    sed 's/:#include "/ /; s/"$//' >"$work/includes"
is "headers come before the files that include them" "$(awk '
    NR == FNR {
        place[$1] = NR
        for (name = $1; sub("^[^/]*/", "", name);)
            if (!(name in first))
                first[name] = NR
        next
    }
    $2 in first && first[$2] > place[$1] { print $1 " needs " $2 }
' "$work/order" "$work/includes" | grep -Ev "$ahead")" ""

awk '/^# --- [0-9]+\. / { if ($3 != ++n ".") print }' docs/reading-order >"$work/jumps"
is "sections are numbered in order" "$(cat "$work/jumps")" ""

done_testing
