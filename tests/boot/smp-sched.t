#!/bin/sh
# Threads on several CPUs: which they may use, moving, waking, stealing; programs that test other
# things are right there too.
. "$(dirname "$0")/../tap.sh"

built build/kernel.elf build/ktests.elf img storms conformance-bare

# on CPUS PROGRAM ARGS...: it ends with 0 and has no complaint.
on() {
    cpus=$1 program=$2
    shift 2
    boots "$cpus CPUs: $program" 0 --media multiboot --smp "$cpus" --mem 64M --timeout 120 \
        --add "$folder/$program" --cmdline "run=\"/$program $*\""
    like "$cpus CPUs: $program: all is right" "$console" \
        "^# $program: [0-9]+ passed, 0 failed, 0 skipped"
    like "$cpus CPUs: $program: every frame has an owner" "$console" \
        "= all RAM of the firmware's map$"
}

folder=build/storms
for cpus in 1 2 8; do
    on "$cpus" affinity "$cpus"
done
for cpus in 1 2; do
    on "$cpus" futexes "$cpus"
done
on 4 successor
on 4 once 4 400
on 4 unshare 4 100
folder=build/conformance/bare
for program in threads signals pipes wait; do
    on 4 "$program"
done

boots "2 CPUs: the kernel's tests of tasks and locks" 0 --media multiboot --smp 2 --mem 64M \
    --timeout 120 --cmdline 'test=*task*'
boots "the shell on 2 CPUs" 0 --smp 2 --timeout 60 --input 'cat /proc/stat
cat /proc/cpuinfo
ps | cat | cat'
like "/proc/stat: the second CPU" "$console" '^cpu1 [0-9]+ 0 [0-9]+ [0-9]+ '
unlike "/proc/stat: no third" "$console" '^cpu2 '
like "/proc/cpuinfo: the second CPU" "$console" '^processor.*: 1$'
like "ps through two pipes" "$console" ' sh$'
boots "locks are counted" 0 --smp 2 --timeout 60 --cmdline lockstat --input 'ps | cat
cat /proc/lockstat'
like "one that is a variable" "$console" '^ +[1-9][0-9]*( +[0-9]+){5} process_lock'
like "one that is given back in line: nobody measures for how long it is held" "$console" \
    '^ +[1-9][0-9]*( +[0-9]+){4} +- page_at'
like "a mutex by the place that takes it" "$console" '^ +[1-9][0-9]*( +[0-9]+){5} space_fault'

boots "a CPU that is given up with a lock held" 2 --media multiboot --smp 2 \
    --cmdline 'lockorder crash=lock-yield'
like "and since when it is held" "$console" 'the CPU is given up with lock .* held since '
boots "the kernel itself keeps to one order" 0 --smp 2 --timeout 60 --cmdline lockorder \
    --input 'ps | cat
ls -l /bin | cat
sleep 1 &
cat /proc/meminfo | cat'

done_testing
