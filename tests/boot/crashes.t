#!/bin/sh
# Each way to fail ends in a panic with a readable report: what, where, who called; never a reset.
. "$(dirname "$0")/../tap.sh"

# crash NAME REGEX...: crash=NAME, with the options in $options, panics, and the report has these
# lines.
options=
crash() {
    crash_name=$1
    shift
    boots "crash=$crash_name is a panic" 2 --cmdline "crash=$crash_name $options"
    like "$crash_name: first line says panic" "$console" '^panic: '
    for pattern; do
        like "$crash_name: $pattern" "$console" "$pattern"
    done
    like "$crash_name: the backtrace has names" "$console" '^ +0x[0-9a-f]+ kernel_main\+0x'
    like "$crash_name: the last line" "$console" '^octavo: exit status=1 kind=panic$'
}

crash null-read '^panic: .*page fault|^panic: .*0x00000000' 'eip=c01' 'cr2=00000000'
crash text-write 'cr2=c01' 'eip=c01'
crash stack-overflow '^panic: .*(stack|double fault)' 'esp='
crash panic '^panic: asked for by crash=panic'
crash assert '^panic: kernel/crash.c:[0-9]+: assertion failed: '
crash div0 '^panic: .*divide' 'eip=c01'
crash fpu '^panic: ' 'eip=c01'
crash invalid-opcode '^panic: .*opcode' 'eip=c01'
crash deadlock '^panic: '

crash double-free \
    '^panic: heap: double free of 0x[0-9a-f]+, an object of kmalloc-48, by double_free\+0x'
crash foreign-free \
    '^panic: heap: free of 0x[0-9a-f]+ by foreign_free\+0x.*foreign pointer.*kernel image'
crash frame-double-free '^panic: pmm: double free of frame 0x' \
    '^ +0x[0-9a-f]+ frame_double_free\+0x'

# The debug heap names the cache, the size, and who allocated, freed and found it.
options=slab_debug
crash double-free '^heap: double free: kmalloc-48 0x[0-9a-f]+ of 40 bytes' \
    'allocated by misused_object\+0x' 'freed by double_free\+0x' 'found by double_free\+0x'
crash overrun '^heap: write behind an object: kmalloc-48 0x[0-9a-f]+ of 40 bytes' \
    'allocated by misused_object\+0x' 'found by overrun\+0x' \
    '5a\|00 bb' ' \^\^ byte 40 is 0x00, in the red zone behind the object'
crash underrun '^heap: write before an object: ' 'byte -1 is 0x00'
crash use-after-free '^heap: write after free: kmalloc-48 0x[0-9a-f]+ of 40 bytes' \
    'allocated by misused_object\+0x' 'freed by use_after_free\+0x' \
    'byte 3 is 0x00, in the object'

boots "crash=task-stack-overflow is a panic" 2 --cmdline crash=task-stack-overflow
like "it says whose stack it was" "$console" \
    '^panic: double fault .* task 7 \([a-z]*\) overflowed its kernel stack of 8192 bytes: its guard page was hit at 0x'
like "and who overflowed it" "$console" '^ +0x[0-9a-f]+ stack_overflow\+0x'

boots "a crash in Bochs" 2 --emu bochs --cmdline crash=stack-overflow
boots "an unknown name is reported, and the machine goes on" 0 --cmdline crash=nosuch
like "with the names there are" "$console" "^crash: 'nosuch' is none of: null-read"

done_testing
