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
like "what it looks like" "$console" '^fault: this looks like a field 8 bytes behind a NULL pointer$'
like "and what did it" "$console" \
    '^fault: eip 0x0040[0-9a-f]{4} main\+0x[0-9a-f]+ in 00400000-[0-9a-f]{8} r-x /ends$'
like "on which stack" "$console" \
    '^fault: esp 0xbf[0-9a-f]{6} in bffff000-c0000000 rw- \[stack\]$'
like "who called" "$console" '^  0x0040[0-9a-f]{4} runtime_start\+0x[0-9a-f]+$'
like "and who that" "$console" '^  0x0040[0-9a-f]{4} _start\+0x[0-9a-f]+$'
like "what is near" "$console" '^fault: above: 00400000-[0-9a-f]{8} r-x /ends, 4095 KiB away$'
like "the walk" "$console" '^  directory\[0\] = 0x00000000 not present$'

# told MODE: the null pointer's report with faults=MODE
told() {
    boots "faults=$1" 1 --add build/clients/ends --cmdline "faults=$1 run=\"/ends null\""
}
told short
like "says where" "$console" '^fault: eip 0x'
unlike "and no more" "$console" 'looks like|runtime_start|walk of'
told off
unlike "says nothing" "$console" '^fault:'

cat >"$work/other.c" <<'END'
static int __attribute__((noinline)) inner(volatile int *at) { return *at + 1; }
static int __attribute__((noinline)) outer(volatile int *at) { return inner(at) * 3; }
int main(int argc, char **argv) { (void)argv; return outer((volatile int *)(argc * 0x20000000)); }
END
gcc -m32 -static-pie -fpie -O1 -fomit-frame-pointer -o "$work/other" "$work/other.c"
boots "a program of others" 1 --add "$work/other" --cmdline 'run="/other"'
like "its functions have names" "$console" '^fault: eip 0x004[0-9a-f]{5} inner\+0x'
like "its callers too" "$console" '^  0x004[0-9a-f]{5} outer\+0x[0-9a-f]+$'
like "to the start" "$console" '^  0x004[0-9a-f]{5} main\+0x[0-9a-f]+$'

boots "a program that is not there" 1 --cmdline 'run="/bin/nobody at home"'
like "is said to be missing" "$console" "^run: cannot start '/bin/nobody at home': no such file$"
like "and has the shell's status for it" "$console" '^octavo: exit status=127 kind=fail$'
boots "a file that is no program" 1 --add tests/tap.sh=/text --cmdline 'run="text"'
like "is said to be none" "$console" "^run: cannot start 'text': not a program$"

set --
for way in constant kernel jump stack opcode halt data handler; do
    set -- "$@" --input "ends $way"
done
boots "one fault after the other" 0 --cpu core2duo --add build/clients/ends=/bin/ends "$@"
like "a constant" "$console" \
    '^fault: ends .* cannot write to 0x004[0-9a-f]{5} in 004[0-9a-f]{5}-004[0-9a-f]{5} r-x /bin/ends'
like "the kernel's memory" "$console" 'cannot read 0xc0000000, which is the kernel.s$'
like "a jump to nowhere" "$console" 'cannot jump to 0x12345678, where nothing is$'
like "a stack without end" "$console" 'cannot write to 0x[0-9a-f]{8}, below a stack that cannot grow$'
like "no such instruction" "$console" '^fault: ends .* is stopped by: invalid opcode$'
like "an instruction of the kernel's" "$console" 'is stopped by: general protection$'
like "a constant: the guess" "$console" "looks like a write to the program's own code or constants"
like "the kernel's: the guess" "$console" "looks like a pointer of the kernel's"
like "the jump: the guess" "$console" 'looks like a jump by a pointer or return address that was writ'
like "the stack: the guess" "$console" \
    'looks like a stack overflow: [0-9]+ bytes beyond the limit of 8192 KiB$'
like "the stack: its calls" "$console" '^  0x004[0-9a-f]{5} deeper[.a-z0-9]*\+0x[0-9a-f]+$'
like "data" "$console" 'looks like a jump to data: nothing may be executed there$'
like "data: the entry says so" "$console" '^  table\[2\] = .* dirty no-execute$'
like "a handler without room" "$console" \
    '^fault: ends \([0-9]+\) has no room on its stack for the handler of signal 11$'
like "the shell names the signal" "$console" '^ends opcode: killed by ILL'

set --
for way in file guard heap text freed; do
    set -- "$@" --input "ends $way"
done
boots "and more of them" 0 --add build/clients/ends=/bin/ends "$@"
like "behind a file" "$console" 'looks like a touch behind the end of a file that is mapped: it has 2 b'
like "a guard" "$console" 'looks like memory that nobody may touch .PROT_NONE.'
like "behind the heap" "$console" 'looks like a step too far: 1 byte behind .*rw- \[heap\]$'
like "text" "$console" 'looks like the text "cons" where a pointer should be$'
like "a freed object" "$console" \
    'looks like a pointer read from a freed object \(poison 0x6b6b6b6b plus 16\)$'

done_testing
