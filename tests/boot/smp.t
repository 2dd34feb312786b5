#!/bin/sh
# All CPUs of the machine: found by ACPI's tables or Intel's, started, ticking, at work, standing still
# and stopping; and those that are not driven, or do not answer.
. "$(dirname "$0")/../tap.sh"

built build/kernel.elf build/octavo.img

# Each CPU's line of /proc/stat must tell of time: its timer ticks.
cat >"$work/look" <<'END'
sleep 1
cat /proc/stat
cat /bin/sh > /dev/null &
cat /bin/memview > /dev/null &
wait
cat /proc/cpuinfo
END

# ticking: how many CPUs have counted half a second or more.
ticking() {
    tr -d '\r' <"$console" | awk '/^cpu[0-9]/ && $2 + $3 + $4 + $5 >= 50 { n++ } END { print n + 0 }'
}

# programs_on N ARGS...: runs programs on a machine with N CPUs.
programs_on() {
    count=$1
    shift
    boots "programs on $count CPUs $*" 0 --media multiboot --timeout 60 --add "$work/look" \
        --cmdline 'run="sh /look"' --smp "$count" "$@"
    is "$count CPUs $*: each ticks" "$(ticking)" "$count"
    like "$count CPUs $*: every frame has an owner at the end" "$console" \
        "= all RAM of the firmware's map$"
}

programs_on 1
unlike "one CPU: its local APIC is left alone" "$console" 'local APICs'
programs_on 2
like "two CPUs by ACPI" "$console" '^cpu: 2 CPUs by ACPI, 1 I/O APIC'
programs_on 4 --cpu qemu64
like "with pages that are not executed" "$console" '^pagetable: PAE'
programs_on 8
like "eight run" "$console" '^cpu: 8 run$'

# at_start DESCRIPTION STATUS REGEX CMDLINE ARGS...: the log says so.
at_start() {
    start_text=$1 start_status=$2 start_line=$3 start_options=$4
    shift 4
    boots "$start_text" "$start_status" --timeout 60 --cmdline "$start_options" "$@"
    like "$start_text: the log says so" "$console" "$start_line"
}

multiboot='--media multiboot --input poweroff'
# shellcheck disable=SC2086
{
at_start "more CPUs than are driven" 0 '^cpu: 1 of them stays unused: the kernel drives 8' monitor \
    $multiboot --smp 9
at_start "maxcpus=3" 0 '^cpu: 5 of them stay unused: maxcpus=' 'monitor maxcpus=3' $multiboot --smp 8
like "maxcpus=3: three run" "$console" '^cpu: 3 run$'
at_start "maxcpus=1" 0 '^cpu: 3 of them stay unused: maxcpus=' 'monitor maxcpus=1' $multiboot --smp 4
unlike "maxcpus=1: no APIC is touched" "$console" 'local APICs'
at_start "Intel's tables" 0 '^cpu: 4 CPUs by MP tables, 1 I/O APIC' monitor \
    $multiboot -- -machine pc,acpi=off -smp 4,sockets=4
like "Intel's tables: all run" "$console" '^cpu: 4 run$'
at_start "a 486" 0 '^cpu: one CPU: it has no local APIC' monitor $multiboot --cpu 486
at_start "a PC with ISA alone" 0 '^cpu: (one|1) CPU' monitor $multiboot --machine isapc --cpu pentium
at_start "the monitor's cpus" 0 '^ *1 +1( +[0-9]+){4} +0 idle$' monitor --media multiboot --smp 2 \
    --input cpus --input poweroff
at_start "a panic on four CPUs" 2 '^panic: page fault' crash=null-read --media multiboot --smp 4
}

at_start "a function that only the others run" 0 '^break: 0x[0-9a-f]+ sched_run_cpu\+0x0, called by$' \
    'monitor break=sched_run_cpu' --smp 2 --input poweroff
at_start "a stack overflow on another CPU" 2 '^panic: double fault .* task 7 .* overflowed' \
    crash=task-stack-overflow --smp 4
like "whose number is told" "$console" '^panic: on CPU [123]$'
at_start "CPUs call one another and stand still" 0 '^ok [0-9]+ mm/smp/calls$' 'test=*smp*' --smp 4
like "none of them said SKIP" "$console" '^# [0-9]+ passed, 0 failed, 0 skipped'
at_start "CPUs give back what they keep" 0 '^ok [0-9]+ mm/drain/all_memory$' 'test=mm/drain/*' --smp 4
like "none of these said SKIP" "$console" '^# [0-9]+ passed, 0 failed, 0 skipped'

# A default configuration of Intel's tables, with two CPUs, in the last KiB of base memory: of a machine
# that has the second, and of one that has not.
python3 - >"$work/pointer" <<'END'
import sys
pointer = bytearray(b"_MP_" + bytes(4) + bytes([1, 4, 0, 5]) + bytes(4))
pointer[10] = -sum(pointer) & 255
sys.stdout.buffer.write(pointer)
END
configured() {
    at_start "$1" 0 "$2" monitor --media multiboot --input poweroff -- -machine pc,acpi=off \
        -smp "$3,sockets=$3" -device loader,file="$work/pointer",addr=0x9f800,force-raw=on
    like "$1: a default configuration" "$console" \
        '^cpu: 2 CPUs by a default configuration of the MP tables, 1 I/O APIC'
}
configured "both CPUs" '^cpu: 2 run$' 2
configured "a CPU that does not answer" \
    '^cpu: the CPU with APIC id 1 does not answer and is left out$' 1

# Intel's tables with two CPUs, where the registers of the local APICs and of the I/O APIC are said to be
# where the arguments say, and the timer at the input of the third.
tables() {
    python3 - "$@" >"$work/tables" <<'END'
import struct
import sys

def summed(head, rest, place):
    whole = bytearray(head + rest)
    whole[place] = -sum(whole) & 255
    return whole

local_apic, io_apic, timer = (int(place, 16) for place in sys.argv[1:])
entries = b"".join(struct.pack("<BBBBIIQ", 0, cpu, 0x14, 1, 0, 0, 0) for cpu in (0, 1, 255))
entries += b"\1\0ISA   " + struct.pack("<BBBBI", 2, 2, 0x11, 1, io_apic)
entries += struct.pack("<BBHBBBB", 3, 0, 0, 0, 0, 2, timer)
head = struct.pack("<4sHBB20sIHHII", b"PCMP", 44 + len(entries), 4, 0, b"WRONG", 0, 0, 6, local_apic, 0)
pointer = struct.pack("<4sIBBBB4s", b"_MP_", 0x9f810, 1, 4, 0, 0, b"")
sys.stdout.buffer.write(summed(pointer, b"", 10) + summed(head, entries, 7))
END
}

# wrong DESCRIPTION REGEX LOCAL_APIC IO_APIC [TIMER]
wrong() {
    tables "$3" "$4" "${5:-2}"
    at_start "$1" 0 "$2" 'test=mm/smp/*' --media multiboot -- -machine pc,acpi=off -smp 2,sockets=2 \
        -device loader,file="$work/tables",addr=0x9f800,force-raw=on
    like "$1: all CPUs is no CPU" "$console" '^cpu: 2 CPUs by MP tables'
}
wrong "an I/O APIC in RAM" '^cpu: there is no I/O APIC at 0x200000$' fee00000 200000
like "an I/O APIC in RAM: the 8259s do" "$console" '^cpu: 2 run$'
wrong "an I/O APIC where nothing is" '^cpu: there is no I/O APIC at 0xd0000000$' fee00000 d0000000
wrong "a timer at another input" '^cpu: no I/O APIC has the timer: the 8259s stay$' fee00000 fec00000 5
like "a timer at another input: it ticks all the same" "$console" '^# [0-9]+ passed, 0 failed'
wrong "a local APIC in RAM" '^cpu: the local APIC cannot be used' 300000 fec00000

at_start "Bochs with two CPUs, one of which panics" 2 '^cpu: 2 run$' 'crash=null-read' \
    --emu bochs --media hd --smp 2 --mem 8M --timeout 300

done_testing
