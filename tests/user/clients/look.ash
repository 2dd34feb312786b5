#!/bin/busybox ash
# What looks at the machine: ls, free, ps, top.
bb=/bin/busybox
$bb ls -l / | $bb head -n 3
$bb free
$bb ps
$bb top -b -n 1 | $bb head -n 8
$bb uname -s -m
$bb id -u
$bb uptime
$bb cat /proc/self/stat | $bb cut -d ' ' -f 2
