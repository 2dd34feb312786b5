#!/bin/sh
# Each way to fail ends in a panic with a readable report: what, where, who called; never a reset.
. "$(dirname "$0")/../tap.sh"

# crash NAME REGEX...: crash=NAME panics, and the report has these lines.
crash() {
    crash_name=$1
    shift
    boots "crash=$crash_name is a panic" 2 --timeout 60 --cmdline "crash=$crash_name"
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

boots "a crash in Bochs" 2 --emu bochs --timeout 60 --cmdline crash=stack-overflow
boots "an unknown name is reported, and the machine goes on" 0 --timeout 60 --cmdline crash=nosuch
like "with the names there are" "$console" "^crash: 'nosuch' is none of: null-read"

done_testing
