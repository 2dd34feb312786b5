#!/bin/sh
# The parsers take nonsense for two seconds each, and compile with clang where it is ("make fuzz").
. "$(dirname "$0")/../tap.sh"

for source in tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    ok "$name" make -s fuzz FUZZERS="build/fuzz/$name" FUZZ_TIME=2
done

done_testing
