#!/bin/busybox ash
# 100 times fork and exec.
i=0
while [ $i -lt 100 ]; do
    /bin/busybox true
    i=$((i + 1))
done
echo "$i programs"
