#!/bin/sh
# make debug: gdb follows the machine from 16-bit code into the kernel, and its tables are word for
# word those of the monitor.
. "$(dirname "$0")/../tap.sh"

# The monitor is asked for a table; gdb stops on the way into it, prints its own, and lets it go on.
table() {
    cat <<END
tbreak $1
octavo type $2
continue
echo === gdb $2\n
octavo $3
echo === end\n
END
}

{
    cat <<END
set pagination off
set width 0
tbreak entry
continue
echo === sector 0\n
show architecture
x/1i \$pc
tbreak stage2
continue
echo === stage 2\n
x/1i \$pc
tbreak kernel_main
continue
echo === kernel\n
show architecture
info symbol \$pc
bt 1
python
try:
    gdb.execute("octavo zones")
except gdb.error as error:
    print(error)
end
tbreak monitor_run
continue
END
    table mm_print_zones zones zones
    table mm_print_buddyinfo buddyinfo buddyinfo
    table mm_print_slabinfo slabinfo slabs
    table mm_print_owners owners owners
    for frame in 0x0 0x9f 0x100 0x400 0xfff 0x1000 0x3000 0x3ff0 0x9000; do
        table mm_print_frame "frame $frame" "frame $frame"
    done
    for address in 0x1000 0xc0100000 0xc1000000 0xd0000000 0xe0000000; do
        table pagetable_print_walk_of "walk $address" "walk $address"
    done
    cat <<END
tbreak kmalloc
octavo type alloc heap 100
continue
finish
set \$frame = ((unsigned) \$ - 0xc0000000) >> 12
eval "echo === frame of a slab\\noctavo> frame %#x\\n", \$frame
tbreak mm_print_frame
eval "octavo type frame %#x", \$frame
continue
octavo frame \$frame
echo === end\n
tbreak power_off
octavo type poweroff
continue
echo === free\n
octavo freelist 10
echo === console\n
octavo console
python
# QEMU may be gone before it has answered.
try:
    gdb.execute("kill")
except gdb.error:
    pass
end
END
} >"$work/commands"

timeout -s KILL 300 gdb -q -batch -x tools/gdb/octavo.gdb -x "$work/commands" build/kernel.elf \
    >"$work/out" 2>&1 </dev/null
ended=$?
if [ $ended -eq 0 ]; then
    pass "gdb ends by itself"
else
    fail "gdb ends by itself ($ended)" "$work/out"
fi

# part NAME: what gdb printed under a heading.
part() {
    sed -n "/^=== $1\$/,/^===/p" "$work/out" | grep -v '^===' >"$work/part"
}
part 'sector 0'
like "sector 0 is 16-bit code" "$work/part" 'i8086'
like "with its label" "$work/part" '<entry>.*xchg +%bx,%bx'
part 'stage 2'
like "so is stage 2" "$work/part" '<stage2>.*xchg +%bx,%bx'
part 'kernel'
like "the kernel is 32-bit code" "$work/part" 'i386'
like "with its symbols" "$work/part" 'kernel_main'
like "its source lines" "$work/part" 'kernel/main.c:[0-9]+'
like "and no tables yet" "$work/out" 'the memory manager is not up yet'

sed '1,/^=== console$/d' "$work/out" >"$work/console"
for what in zones buddyinfo slabinfo owners 'frame 0x0' 'frame 0x9f' 'frame 0x100' 'frame 0x400' \
    'frame 0xfff' 'frame 0x1000' 'frame 0x3000' 'frame 0x3ff0' 'frame 0x9000' \
    'walk 0x1000' 'walk 0xc0100000' 'walk 0xc1000000' 'walk 0xd0000000' 'walk 0xe0000000'; do
    part "gdb $what"
    cp "$work/part" "$work/gdb"
    sed -n "/octavo> $what\$/,/octavo> /p" "$work/console" | grep -v 'octavo> ' >"$work/monitor"
    if [ -s "$work/gdb" ] && cmp -s "$work/gdb" "$work/monitor"; then
        pass "gdb and monitor agree: $what"
    else
        diff "$work/gdb" "$work/monitor" >"$work/diff"
        fail "gdb and monitor agree: $what" "$work/diff"
    fi
done
part 'frame of a slab'
slab=$(sed -n 's/^octavo> //p' "$work/part")
grep '^frame\|^  ' "$work/part" >"$work/gdb"
sed -n "/octavo> $slab\$/,/octavo> /p" "$work/console" | grep -v 'octavo> ' >"$work/monitor"
like "a frame of a slab" "$work/gdb" \
    '^  slab of kmalloc-112 on CPU 0: [0-9]+ of [0-9]+ objects of 112 bytes'
ok "gdb and monitor agree on it" cmp "$work/gdb" "$work/monitor"
part free
like "the free lists" "$work/part" \
    '^Normal +10 +[0-9]+  \[0x[0-9a-f]+, 0x[0-9a-f]+\)$'

done_testing
