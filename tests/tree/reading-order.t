#!/bin/sh
# docs/reading-order names every source file once, and nothing that is not there.
. "$(dirname "$0")/../tap.sh"

grep -v -e '^#' -e '^$' docs/reading-order | sort >"$work/listed"
find boot kernel mm include tools tests user \
    \( -name '*.c' -o -name '*.h' -o -name '*.asm' -o -name '*.inc' -o -name '*.ld' \) | sort \
    >"$work/there"

is "no file is listed twice" "$(uniq -d "$work/listed")" ""
is "every source file is listed" "$(comm -13 "$work/listed" "$work/there")" ""
is "every listed file exists" "$(comm -23 "$work/listed" "$work/there")" ""

done_testing
