#!/bin/sh
# Each way to fail ends in a panic with a readable report: what, where, who called; never a reset.
# Bugs of memory: bugs.t.
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

crash stack-overflow '^panic: .*(stack|double fault)' 'esp='
crash panic '^panic: asked for by crash=panic'
crash assert '^panic: kernel/crash.c:[0-9]+: assertion failed: '
crash div0 '^panic: .*divide' 'eip=c01'
crash fpu '^panic: ' 'eip=c01'
crash invalid-opcode '^panic: .*opcode' 'eip=c01'

boots "a crash in Bochs" 2 --emu bochs --cmdline crash=stack-overflow
boots "an unknown name is reported, and the machine goes on" 0 --cmdline crash=nosuch
like "with the names there are" "$console" "^crash: 'nosuch' is none of: null-read"

done_testing
