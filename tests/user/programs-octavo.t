#!/bin/sh
# Our programs on Octavo: what a script prints there is what it prints on the build machine's Linux,
# the shell's terminal, and all of it within 4 MiB of RAM.
. "$(dirname "$0")/../tap.sh"

bin=$root/build/user
script=tests/user/shell-script
cp "$script" "$work/script"

# between REGEX REGEX: the lines between the first of each kind, without carriage returns
between() {
    tr -d '\r' <"$console" | sed -n "/$1/,/$2/p" | sed '1d;$d'
}

boots "a script on 4 MiB" 1 --mem 4M --add "$work/script" --cmdline 'run="/bin/sh /script"'
like "its status is the machine's" "$console" '^octavo: exit status=7 kind=fail$'
between '^cpu: ' '^owner ' >"$work/octavo"
if "$bin/echo" >/dev/null 2>&1 && [ -r /proc/self/smaps ]; then
    PATH=$bin:$PATH "$bin/sh" "$script" >"$work/linux" 2>&1
    is "the script's status on Linux" $? 7
    ok "and every line it prints is the same" diff "$work/octavo" "$work/linux"
else
    like "it got to its end" "$work/octavo" '^all done$'
fi

ok "the shell on a terminal, on 4 MiB" python3 tests/user/terminal.py --octavo

boots "memtour seed" 0 --cmdline 'run="/bin/memtour seed"'
like "brk begins where the plan says" "$console" '^brk at 0x08000000: "Hello from brk!"'
like "mmap comes from below 0x40000000" "$console" '^mmap at 0x3[0-9a-f]{7}: "Hello from mmap!"'

boots "memtour on 4 MiB" 0 --mem 4M --cmdline 'run="/bin/memtour"'
unlike "nothing is wrong" "$console" WRONG
between '^clock:' '^owner ' >"$work/tour"
unlike "no line is too long for a screen" "$work/tour" '.{80}'
like "the kernel says what ended the child" "$console" \
    '^fault: memtour .* cannot write to 0x[0-9a-f]{8}, below a stack that cannot grow$'
like "10 touches, 10 pages" "$console" '\+10 in memory, 10 faults'
like "they were filled with zeros" "$console" 'pages filled with zeros: 10$'
like "32 reads, one page of zeros" "$console" 'reads that found the page of zeros: 32$'
like "pages that nobody shares are taken over" "$console" 'pages taken over on write: 32$'
like "the stack stops at its limit" "$console" 'ended with signal 11'

for mem in 4 16; do
    boots "a storm on $mem MiB" 0 --mem ${mem}M --cmdline "run=\"/bin/stress 500r $mem\""
    like "every byte is right" "$console" 'pages checked, .*: ok'
done

boots "storms that want more than there is come to an end" 0 --mem 4M --timeout 100 \
    --input 'stress 200r 1 900 & stress 200r 2 900 & stress 200r 3 900; wait; echo over'
like "and the shell goes on" "$console" '^over$'
unlike "every byte is right, every call as it should be" "$console" '^stress: (WRONG|[a-z ]+:|the pipe)'

boots "the tables of memory" 0 --input ps --input free --input 'vmstat; vmstat -s' --input pmap \
    --input buddyinfo --input 'slabtop 5' --input 'ls -l /bin'
between '^clock:' '^owner ' >"$work/tables"
unlike "no line is too long for a screen" "$work/tables" '.{80}'
like "ps" "$console" '^ +1 +0 +[0-9]+ S +[1-9][0-9]* +[1-9][0-9]* .* /init'
like "free" "$console" '^memory +[1-9][0-9]{4} '
like "vmstat -s" "$console" '^ +[1-9][0-9]* pgfault'
like "pmap" "$console" '^00400000 r-xp /bin/pmap '
like "pmap: the stack" "$console" '^b[0-9a-f]{7} rw-p \[stack\] '
like "buddyinfo" "$console" '^Normal +[0-9]'
like "slabtop" "$console" '^[1-9][0-9]* caches hold'
unlike "slabtop: no name has a blank" "$console" '^[a-z_-]+ +[a-z]+ .*[0-9] +[0-9]+%'
like "ls -l" "$console" '^-r-xr-xr-x +1 +[1-9][0-9]* memtour'

done_testing
