#!/bin/sh
# Programs that need more memory than the machine has: pages of files make room, promises are kept
# or refused, and when nothing helps one program goes and says who held what.
. "$(dirname "$0")/../tap.sh"

built build/kernel.elf build/clients/hog
head -c 3500000 /dev/urandom >"$work/data"

# hog DESCRIPTION STATUS MEMORY COMMAND-LINE: runs it; the console's text is in $work/out.
hog() {
    timeout -s KILL 120 tools/boot --media multiboot --image build/kernel.elf --mem "$3" --timeout 100 \
        --add build/clients/hog --add "$work/data" --cmdline "$4" >"$work/out" 2>&1
    like "$1" "$work/out" "^octavo: exit status=$2 "
    like "$1: every frame has its owner" "$work/out" "= all RAM of the firmware's map"
    unlike "$1: checks" "$work/out" '^(check|object|space|panic):'
}

hog "file and memory together are more than there is" 0 12M 'run="/hog 6 /data"'
like "the program saw all of it" "$work/out" '^touched 6 MiB'
pages=$(awk '/^page cache/ { print $3 }' "$work/out")
ok "pages of the file went" test "${pages:-0}" -gt 0 -a "${pages:-9999}" -lt 800

hog "more than all memory in one piece" 3 16M 'run="/hog 60"'
like "is refused" "$work/out" '^refused'

hog "promised always" 137 16M 'overcommit=1 run="/hog 60"'
like "the report names the program" "$work/out" '^oom: \* .* hog'
like "and says what went" "$work/out" "^oom: [0-9]+ 'hog' is ended"
free=$(sed -n 's/^oom: free \([0-9]*\) KiB; reserve \([0-9]*\),.*/\1 \2/p' "$work/out")
ok "the kernel kept its reserve" test "$((${free% *} + 40))" -ge "${free#* }"
like "nothing could be had again" "$work/out" '^oom: page cache [0-9]+ KiB, 0 of them'

hog "promised strictly, too much" 3 16M 'overcommit=2 run="/hog 12"'
hog "promised strictly, what can be kept" 0 16M 'overcommit=2 run="/hog 8"'

done_testing
