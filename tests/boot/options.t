#!/bin/sh
# The kernel's command line, from OCTAVO.CFG and from other loaders.
. "$(dirname "$0")/../tap.sh"

for media in floppy multiboot; do
    boots "$media: unknown options are no obstacle" 0 --media $media \
        --cmdline 'nosuch=1 mem=32M othersuch'
    like "$media: and are reported: with a value" "$console" '^cmdline: .*nosuch'
    like "$media: and are reported: without" "$console" '^cmdline: .*othersuch'
    unlike "$media: known ones are not" "$console" '^cmdline: .*mem'
done

boots "words that mean nothing" 0 --cmdline 'faults=maybe guard=,nosuch,kmalloc-48,,area monitor' \
    --input poweroff
like "faults=" "$console" '^cmdline: faults=maybe is none of full, short and off and is ignored'
like "guard=" "$console" "^guard: there is no cache 'nosuch'"
unlike "guard= with caches' names" "$console" "^guard: there is no cache '(kmalloc-48|area|)'"

boots "console=vga,e9 keeps off COM1, the exit status still comes through" 0 \
    --cmdline 'console=vga,e9 test=mm/range/*' --e9 "$work/e9"
unlike "nothing on COM1" "$console" '^KTAP'
like "all on port E9" "$work/e9" '^KTAP version 1'

boots "test=GLOB runs what matches" 0 --cmdline 'test=mm/range/*'
like "as KTAP" "$console" '^ok 1 mm/range/'
unlike "and no more" "$console" '^ok [0-9]+ mm/memmap/'
boots "a glob without a match fails" 1 --cmdline 'test=mm/nosuch/*'
boots "slab_debug" 0 --cmdline 'slab_debug test=mm/slab/*'

done_testing
