#!/bin/sh
# Our programs speak the Linux i386 ABI: here they run on the build machine's Linux.
. "$(dirname "$0")/../tap.sh"

bin=$root/build/user
"$bin/echo" >/dev/null 2>&1 || skip_all "this machine does not run i386 programs"
[ -r /proc/self/smaps ] || skip_all "this machine has no /proc"

# sh_is DESCRIPTION COMMANDS OUTPUT: what our shell prints for the commands, errors included.
sh_is() {
    is "sh: $1" "$(cd "$work" && PATH=$bin:$PATH "$bin/sh" -c "$2" 2>&1)" "$3"
}

# ---- the shell's language
sh_is "words and quotes" 'echo a  "b  $X"  '"'c  \$X'"' d\ e "\$x\\"' 'a b   c  $X d e $x\'
sh_is "variables" 'X=1 Y="a b"; echo $X${X}2 $Y "$Y" ${Z:-none} ${Z-no}' '112 a b a b none no'
sh_is "set: an option is no argument" 'set -- a; set -e; echo $? $1' 'sh: set: unknown option -e
2 a'
sh_is "arguments in braces" 'set -- a b c d e f g h i j ""; echo ${1}x ${10} ${1:-no} ${11:-empty} ${11-x} ${12-none}' \
    'ax j a empty none'
sh_is "lengths, and braces that mean nothing" 'X=hello; set -- abc; echo ${#X} ${#1} ${#NONE} ${#}; echo ${X%o}.' '5 3 0 1
sh: ${X%o}: not known
.'
sh_is "empty fields" 'set -- "" $NOTHING a; echo $#' '2'
sh_is "\"\$@\" keeps fields" 'set -- "a b" c; for i in "$@"; do echo "<$i>"; done' '<a b>
<c>'
sh_is "splitting" 'X="1 2  3"; set -- $X; echo $#; set -- "$X"; echo $#' '3
1'
sh_is "command substitution" 'echo "$(echo a; echo "$(echo b)")" $(echo 1 2)' 'a
b 1 2'
sh_is "sums" 'X=6; echo $((X * (2 + 3) % 7 - -1)) $((3 < 4)) $((X == 5))' '3 1 0'
sh_is "a sum of what is not only a variable" 'set -- 4 5; X=3; (exit 2); echo $(($? * $1 + ${2} - $#)) $(($(echo 7) * ${X} + $X + ${Y:-1}))' \
    '11 25'
sh_is "a sum that is none" 'echo $((1 / 0))x; echo $?' 'sh: 1 / 0: not a sum
x
0'
sh_is "&& and ||" 'true && echo 1; false && echo 2; false || echo 3; true || echo 4' '1
3'
sh_is "status" 'false; echo $?; (exit 7); echo $?; nosuch; echo $?; ! true; echo $?' '1
7
sh: nosuch: not found
127
1'
sh_is "status kept" '(exit 7); X=$?; echo $X $?; X=$(exit 3); echo $?; X=; echo $?' '7 0
3
0'
sh_is "no command is left" '$(exit 3); echo $?; X=1 $NOTHING > f; echo $? $X; cat f; $NOTHING' '3
0 1'
sh_is "if" 'if false; then echo a; elif true; then echo b; else echo c; fi' 'b'
sh_is "while, break, continue" 'i=0; while true; do i=$((i+1)); if [ $i = 2 ]; then continue; fi
    if [ $i -gt 3 ]; then break; fi; echo $i; done' '1
3'
sh_is "a colon" 'while :; do echo once; break; done; : ignored; echo $?' 'once
0'
sh_is "break out of two" 'for i in 1 2; do for j in 1 2; do echo $i$j; break 2; done; done' '11'
sh_is "until" 'until [ "$x" = aaa ]; do x=a$x; done; echo $x' 'aaa'
sh_is "for over lines" 'for i in a \
    b; do echo $i; done' 'a
b'
sh_is "groups" '{ echo a; echo b; } | cat; (X=1; echo $X); echo $X' 'a
b
1'
sh_is "comments" 'echo a # b
echo c#d' 'a
c#d'
for wrong in 'if true' 'echo "a' 'fi' ')' 'a |' 'echo >' '$(echo' 'while; do'; do
    sh_is "no sense in $wrong" "$wrong" 'sh: syntax error'
done

sh_is "a line that begins with what nothing began" 'echo a
fi
echo b' 'a
sh: syntax error'

# ---- files
sh_is "redirections" 'echo a > f; echo b >> f; cat < f; ls nosuch 2> g; cat g; cat f nosuch 2>&1 | cat' \
    'a
b
ls: nosuch: no such file
a
b
cat: nosuch: no such file'
sh_is "redirections around a loop" 'for i in 1 2; do echo $i; done > f; while read x; do echo "<$x>"; done < f' \
    '<1>
<2>'
sh_is "closed again" 'true > f; echo here; echo there >&2' 'here
there'
sh_is "closed again, though it was the next" 'true 3> f; echo a >&3; { true; } 3> f; echo b >&3' \
    'sh: 3: bad file descriptor
sh: 3: bad file descriptor'
sh_is "exec keeps them" 'exec > f; echo in; exec 1>&2; cat f' 'in'
sh_is "patterns" 'rm -rf d; mkdir d; cd d; echo > a1; echo > a22; echo > .a3; mkdir s; echo > s/a4
    echo a* a? */a* "a*" \a* .a* b*' 'a1 a22 a1 s/a4 a* a1 a22 .a3 b*'
sh_is "cd and pwd" 'mkdir -p x/y; cd x/y; pwd; cd nosuch; cd ..; ls' "$work/x/y
sh: cd: nosuch: no such file
y"
sh_is "test" '[ -d / ] && [ -f f ] && [ ! -e nosuch ] && [ 2 -lt 10 ] && [ a != b ] && echo yes' 'yes'
sh_is "test: numbers" '[ -2 -lt 1 ]; echo $?; [ abc -eq 0 ]; echo $?; [ 1 -eq "" ]; echo $?' '0
sh: test: abc: not a number
2
sh: test: : not a number
2'
sh_is "read at the end" 'echo a > f; while read x; do i=$((i + 1)); if [ $i = 3 ]; then break; fi; done < f; echo $i' '1'
sh_is "read: blanks" 'echo "  a 	 b  c  " > f; read x y < f; echo "<$x> <$y>"; read -r z < f; echo "<$z>"' \
    '<a> <b  c>
<a 	 b  c>'
sh_is "read" 'echo "one two three" | { read a b; echo "$b $a"; }' 'two three one'

is "help knows the programs" \
    "$("$bin/sh" -c 'help programs' | cut -d' ' -f1)" \
    "$(cd "$bin" && ls | grep -v -e '\.elf$' -e '^obj$' -e '^init$')"
sh_is "help fits a screen" 'help; help programs' "$("$bin/sh" -c 'help; help programs' | cut -c1-79)"
is "with a line to spare" "$("$bin/sh" -c help | wc -l)" 23

# ---- processes
sh_is "pipelines" 'echo c b a | cat | cat | { read x; echo $x; }' 'c b a'
sh_is "a pipeline's status" 'true | false; echo $?; false | true; echo $?' '1
0'
sh_is "background" 'sleep 0.2 & sleep 0; wait; echo done; (exit 3) & wait $!; echo $?' 'done
3'
sh_is "words of a pipeline mean what they mean once" \
    'echo $(echo once >> once) | cat; cat once; X=1 echo "[$X]" | cat; echo [$((1/0))] | cat' '
once
[]
sh: 1/0: not a sum
[]'
sh_is "a signal" 'sh -c "kill -9 \$\$"; echo $?' '137'
sh_is "environment" 'A=1; export B=2; C=3 sh -c "echo \$A-\$B-\$C"; echo $C' '-2-3'
is "sh: a pipeline that finds no descriptor ends" \
    "$( (exec 3>&- 4>&-; ulimit -n 5; exec timeout 20 "$bin/sh" -c \
        '"$1"/cat /dev/zero | "$1"/cat | "$1"/cat' sh "$bin") 2>&1; echo $?)" \
    "sh: pipe: too many open files
141"
sh_is "SIGPIPE ends a writer" 'while echo y; do true; done | { read a; echo $a; }' 'y'
printf 'echo $0 $1 $#\nexit 4\n' >"$work/script"
is "sh: a script" "$("$bin/sh" "$work/script" a b; echo $?)" "$work/script a 2
4"
printf 'read x\nsome input\necho "got $x"\nif true\nthen echo long \\\nline; fi' >"$work/script"
is "sh: standard input is shared" "$("$bin/sh" <"$work/script")" "got some input
long line"

# ---- a terminal
ok "sh on a terminal" python3 tests/user/terminal.py "$bin/sh"

# ---- programs
head -c 5000 /dev/urandom >"$work/random"
for offset in 0 1 4090; do
    is "hexdump -s $offset" "$("$bin/hexdump" -s $offset -n 40 "$work/random" | sed 1q | cut -c10-58)" \
        "$(od -An -v -tx1 -w16 -j $offset -N 16 "$work/random" | sed 's/\(.\{24\}\)/\1 /')"
done
truncate -s 3G "$work/large" && printf far >>"$work/large"
is "hexdump: behind 2 GiB" "$("$bin/hexdump" -s 0xC0000000 "$work/large" 2>&1)" \
    "c0000000  66 61 72                                          |far|
c0000003"
"$bin/cat" "$work/random" "$work/random" | cmp - "$work/random" >"$work/out" 2>&1
like "cat: two files" "$work/out" "EOF on .*/random after byte 5000"
is "cat: no room" "$(timeout 20 "$bin/cat" /dev/zero 2>&1 >/dev/full; echo $?)" "cat: cannot write: no space left
1"
is "sleep: 50 days" "$(timeout 3 "$bin/sleep" 4294968; echo $?)" 124
is "echo -n" "$("$bin/echo" -n a b; "$bin/echo" c)" "a bc"
is "init: not without reason" "$("$bin/init" 2>&1)" "init: I can only be process 1"
is "ls" "$("$bin/ls" "$work/d")" "a1
a22
s"
"$bin/ls" -la "$work/d" >"$work/out"
like "ls -l: a file" "$work/out" '^-rw-r--r-- +1 +1 a1$'
like "ls -a: a folder" "$work/out" '^drwxr-xr-x +3 +[0-9]+ \.$'
"$bin/ps" >"$work/out"
like "ps: finds itself" "$work/out" "^ *[0-9]+ +$$ +[0-9]+ R +[1-9][0-9]* +[0-9]+ +[1-9].* $bin/ps$"
sleep 60 &
sleep 0.2 # until it is sleep, and not this shell's fork any more
"$bin/kill" -TERM $! && wait $!
is "kill: a signal" $? 143
ok "kill: nobody there" sh -c "! '$bin/kill' 999999999"
is "kill: a number that is no process, and not all of them" "$("$bin/kill" -0 4294967295 2>&1; echo $?)" \
    "kill: 4294967295: no number of a process
1"
"$bin/free" >"$work/out"
like "free: the total" "$work/out" "^memory +$(awk '/MemTotal/ { print $2 }' /proc/meminfo) "
"$bin/vmstat" 1 2 >"$work/out"
is "vmstat: a title and two lines" "$(wc -l <"$work/out")" 3
"$bin/vmstat" -s >"$work/out"
is "vmstat -s: every counter" "$(wc -l <"$work/out")" "$(wc -l </proc/vmstat)"
"$bin/pmap" >"$work/out"
like "pmap: its own text" "$work/out" "^00400000 r-xp $(printf %.30s "$bin/pmap") +8 "
is "pmap: the sums" "$(awk '/^[0-9a-f]* r/ { s += $(NF - 3) } /^total/ { print s - $2 }' "$work/out")" 0
"$bin/buddyinfo" >"$work/out"
is "buddyinfo: every zone" "$(grep -c '  share' "$work/out")" "$(grep -c zone /proc/buddyinfo)"
if [ -r /proc/slabinfo ]; then
    "$bin/slabtop" 5 >"$work/out"
    is "slabtop: two titles and 5 caches" "$(wc -l <"$work/out")" 7
fi

# ---- memory
"$bin/memtour" seed >"$work/out"
is "memtour seed: status" $? 0
like "memtour seed: brk" "$work/out" '^brk at 0x[0-9a-f]{8}: "Hello from brk!"$'
like "memtour seed: mmap" "$work/out" '^mmap at 0x[0-9a-f]{8}: "Hello from mmap!"$'
"$bin/memtour" >"$work/out"
is "memtour: all steps" $? 0
unlike "memtour: nothing is wrong" "$work/out" WRONG
like "memtour: a page a touch" "$work/out" '\+0 pages mapped, \+10 in memory'
for seed in 1 2 3; do
    ok "stress: 1000 rounds, seed $seed" "$bin/stress" 1000r $seed
done
is "stress: the same seed, the same calls" "$("$bin/stress" 300r 7 | sed -n 2,3p)" \
    "$("$bin/stress" 300r 7 | sed -n 2,3p)"

# ---- sizes
is "all programs fit into 180 KiB of the floppy" \
    "$(find "$bin" -maxdepth 1 -type f ! -name '*.elf' -size +0 -printf '%s\n' |
       awk '{ s += int(($1 + 511) / 512) } END { print s / 2 <= 180 ? "yes" : s / 2 }')" yes

done_testing
