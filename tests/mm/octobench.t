#!/bin/sh
# Random traffic on the hosted library from one and from two CPUs, every block with a pattern of its
# own: nothing overlaps, nothing is lost, all pages come back whole. Once as it is measured, once
# under the sanitisers with the books checked at each pause.
. "$(dirname "$0")/../tap.sh"

# octobench VARIANT ARGS...
octobench() {
    program=build/$1/octobench
    shift
    timeout -s KILL 60 "$program" "$@" static
}

for variant in bench64 bench32 host64-asan host32-asan; do
    for threads in 1 2; do
        ok "$variant: random traffic, $threads CPUs" octobench $variant --check -t $threads
    done
done
for variant in host64-asan host32-asan; do
    ok "$variant: whole blocks come back after any load" octobench $variant -a 64 -r 1 -m 2 \
        -w 'pg_coalesce' -w 'pg_frag/*' -w 'pg_mix/80' -w 'larson/*' -w 'xfree/64' -w 'space/*'
done

done_testing
