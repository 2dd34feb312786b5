#!/bin/sh
# Runs conformance programs on Debian's i386 Linux kernel in QEMU (software emulation).
#   tests/conformance/linux/run.sh [-i] [-m MiB] [-a 'kernel options'] [-b dir] PROGRAM[+arg...]... | all [-x files]
#   -i: -icount shift=0 (time-stamp counter = instructions executed; repeatable)
#   -b: take the programs from this folder (default build/conformance/musl)
# The kernel package is unpacked under build/packages, never installed.
set -eu
cd "$(dirname "$0")/../../.."
icount='' mem=256 append='' bins=build/conformance/musl extra=''
while getopts im:a:b:x: o; do
	case $o in
	i) icount='-icount shift=0,sleep=off -rtc base=2024-01-01T00:00:00,clock=vm' ;;
	m) mem=$OPTARG ;;
	a) append=$OPTARG ;;
	b) bins=$OPTARG ;;
	x) extra=$OPTARG ;; # more files for the root, space-separated
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ "$*" != all ] || set -- $(basename -s .c tests/conformance/t/*.c)

kernel=linux-image-6.1.0-50-686
tools/packages $kernel busybox-static
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/t" "$root/dev" "$root/bin"
gcc -m32 -O2 -static -no-pie -specs build/packages/musl32.specs -o "$root/init" tests/conformance/linux/init.c
for f in "$bins"/*; do [ -f "$f" ] && strip -o "$root/t/$(basename "$f")" "$f"; done
for f in $extra; do cp "$f" "$root/bin/"; done
mknod "$root/dev/console" c 5 1
mknod "$root/dev/null" c 1 3
mknod "$root/dev/zero" c 1 5
mknod "$root/dev/full" c 1 7
mknod "$root/dev/urandom" c 1 9
mkdir "$root/dev/shm"
img=$(mktemp)
trap 'rm -rf "$root" "$img"' EXIT
(cd "$root" && find . | "$OLDPWD/build/packages/busybox-static/bin/busybox" cpio -o -H newc 2>/dev/null | gzip -1) > "$img"
# shellcheck disable=SC2086
timeout "${LIMIT:-900}" qemu-system-i386 -accel tcg $icount -smp 1 -m "$mem" -display none -serial stdio -monitor none -no-reboot \
	-kernel build/packages/$kernel/boot/vmlinuz-* -initrd "$img" \
	-append "console=ttyS0 quiet panic=-1 nokaslr norandmaps $append -- $*" | tr -d '\r'
