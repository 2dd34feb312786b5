#!/bin/sh
# Threads of one space on several CPUs: none uses a page that another took away, each finds what it
# wrote, and every frame has its owner in the end. And programs on several CPUs that run out of memory
# at the same time.
. "$(dirname "$0")/../tap.sh"

built build/kernel.elf storms img

for cpus in 1 2 4; do
    boots "$cpus CPUs: tangle" 0 --media multiboot --smp "$cpus" --mem 64M --timeout 120 \
        --add build/storms/tangle --cmdline "run=\"/tangle $cpus 150\""
    like "$cpus CPUs: tangle: all is right" "$console" "^# tangle: [0-9]+ passed, 0 failed"
    like "$cpus CPUs: tangle: every frame has an owner" "$console" "= all RAM of the firmware's map$"
done

boots "4 CPUs: rivals" 0 --media multiboot --smp 4 --mem 32M --timeout 120 \
    --add build/storms/rivals --cmdline "run=\"/rivals 20\""
like "4 CPUs: rivals: nobody is ended without need" "$console" "^# rivals: [0-9]+ passed, 0 failed"

boots "4 CPUs: neighbouring pages of one space" 0 --media multiboot --smp 4 --mem 64M --timeout 120 \
    --cmdline 'test=*space_parts*'

for memory in 64M 512M; do # without and with memory that the kernel sees through windows
    boots "2 CPUs: copies, $memory" 0 --media multiboot --smp 2 --mem "$memory" --timeout 60 \
        --add build/storms/copies --cmdline 'run="/copies 4 60"'
    like "copies, $memory: all is right" "$console" "^# copies: [0-9]+ passed, 0 failed"
done

# Questions to forget translations arrive up to a tick late: who does not wait for the answer lets
# others use what is gone.
boots "late answers: tangle" 0 --media multiboot --smp 2 --mem 64M --timeout 120 \
    --add build/storms/tangle --cmdline 'ipi_delay run="/tangle 2 60 read"'
like "late answers: all is right" "$console" "^# tangle: [0-9]+ passed, 0 failed"

boots "memtour on 2 CPUs" 0 --smp 2 --timeout 60 --cmdline 'run="/bin/memtour cpus cpus"'
like "memtour: the other CPU is asked" "$console" 'questions to other CPUs: 1'
is "memtour: both CPUs are its own again afterwards" \
    "$(grep -c 'The reader is on CPU [01], we are on CPU [01]' "$console")" 2
like "memtour: it sees that the page is gone" "$console" "saw 'p' [0-9]+ times, and then a byte of 0"

# Two processes that have nothing in common take no lock that goes from CPU to CPU, but for refills.
boots "apart: two processes on two CPUs" 0 --smp 2 --mem 64M --timeout 120 \
    --add build/storms/apart --cmdline 'lockstat run="/apart"'
tr -d '\r' <"$console" | sed -n 's/^\(ok\|#\) /# apart: &/p'
like "apart: they take no common lock" "$console" '^# apart: 31 passed, 0 failed'
boots "apart: with files in common" 1 --smp 2 --mem 64M --timeout 120 \
    --add build/storms/apart --cmdline 'lockstat run="/apart together"'
like "apart: a lock that goes from CPU to CPU is found" "$console" \
    '^not ok .* a pipe to oneself: .* are by another CPU than before'
boots "4 CPUs without memory keep to one order of locks" 0 --media multiboot --smp 4 --mem 32M \
    --timeout 120 --add build/storms/hog --cmdline 'lockorder run=/hog'
like "and nothing is lost" "$console" "^# hog: [0-9]+ passed, 0 failed"

done_testing
