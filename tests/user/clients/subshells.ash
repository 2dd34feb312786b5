#!/bin/busybox ash
# 100 times fork, no exec.
i=0
while [ $i -lt 100 ]; do
    (true)
    i=$((i + 1))
done
echo "$i children"
