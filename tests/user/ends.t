#!/bin/sh
# How programs end: the machine's exit status when it runs just one, and what the kernel says about
# a program that its own fault ends.
. "$(dirname "$0")/../tap.sh"

built build/clients/ends

# ends DESCRIPTION KIND STATUS ARGUMENTS
ends() {
    boots "$1" "$2" --add build/clients/ends --cmdline "run=\"/ends $4\""
    like "$1: status $3" "$console" "^octavo: exit status=$3 kind=(ok|fail)$"
}

ends "exit 0" 0 0 "exit 0"
ends "exit 7" 1 7 "exit 7"
ends "calls that there are not" 0 0 unknown
is "are named, each once" "$(grep -c '^syscall: 26 (ptrace), which there is not, wanted by ends (1)' "$console")" 1
ends "arguments that make no sense" 1 1 "nonsense in three words"
like "say so" "$console" '^ends: usage: '
ends "a write to nowhere" 1 139 null
like "where it was" "$console" '^fault: ends \(1\) cannot write to 0x00000008, where nothing is$'
like "and what did it" "$console" \
    '^fault: eip 0x0040[0-9a-f]{4} in 00400000-[0-9a-f]{8} r-x /ends, esp 0xbf[0-9a-f]{6}$'

boots "a program that is not there" 1 --cmdline 'run="/bin/nobody at home"'
like "is said to be missing" "$console" "^run: cannot start '/bin/nobody at home': no such file$"
like "and has the shell's status for it" "$console" '^octavo: exit status=127 kind=fail$'
boots "a file that is no program" 1 --add tests/tap.sh=/text --cmdline 'run="text"'
like "is said to be none" "$console" "^run: cannot start 'text': not a program$"

set --
for way in constant kernel jump stack opcode halt; do
    set -- "$@" --input "ends $way"
done
boots "one fault after the other" 0 --add build/clients/ends=/bin/ends "$@"
like "a constant" "$console" \
    '^fault: ends .* cannot write to 0x004[0-9a-f]{5} in 004[0-9a-f]{5}-004[0-9a-f]{5} r-x /bin/ends'
like "the kernel's memory" "$console" 'cannot read 0xc0000000, which is the kernel.s$'
like "a jump to nowhere" "$console" 'cannot jump to 0x12345678, where nothing is$'
like "a stack without end" "$console" 'cannot write to 0x[0-9a-f]{8}, below a stack that cannot grow$'
like "no such instruction" "$console" '^fault: ends .* is stopped by: invalid opcode$'
like "an instruction of the kernel's" "$console" 'is stopped by: general protection$'
like "the shell names the signal" "$console" '^ends opcode: killed by ILL'

done_testing
