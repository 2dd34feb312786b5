#!/bin/busybox ash
# The shell's own work and the tools that tests name: what they print does not depend on the machine.
bb=/bin/busybox
total=0
for i in 1 2 3 4 5 6 7 8 9 10; do
    total=$((total + i * i))
done
echo "sum of squares $total"
f() { echo "function with $# arguments: $*"; }
f one "two three" four
case abcdef in *cd*) echo "case matches" ;; esac
echo "substitution: $(echo inner | $bb tr a-z A-Z)"
$bb seq 1 200 | $bb sort -r -n | $bb head -n 3
$bb seq 1 1000 | $bb awk '{ s += $1; if ($1 % 7 == 0) n++ } END { print "awk", s, n }'
cd /tmp || exit 1
$bb dd if=/dev/zero of=zeros bs=1024 count=64 2>dd.log
$bb wc -c <zeros
$bb tail -n 1 dd.log | $bb cut -d ' ' -f 1-4
$bb mkdir -p folder/inner
echo text >folder/inner/file
echo more >>folder/inner/file
$bb cat folder/inner/file
$bb ls -1 folder folder/inner
$bb mv folder/inner/file folder/moved && $bb ls -1 folder
$bb rm -r folder zeros dd.log
{ echo b; echo a; echo c; } | $bb sort | $bb tr '\n' ' '
echo
(exit 3)
echo "status $?"
$bb sh -c 'kill -TERM $$'
echo "killed $?"
$bb sleep 1 &
wait $!
echo "waited $?"
read line <<END
here document
END
echo "read: $line"
trap 'echo "trapped"' USR1
kill -USR1 $$
$bb true && ! $bb false && echo "logic"
printf '%s %05d %x\n' printf 42 255
