#!/bin/sh
# The shell and its programs on every medium, added files, the status of run=, and 4 MiB of RAM.
. "$(dirname "$0")/../tap.sh"

# shell DESCRIPTION ARGS...: the prompt, a program, the way out.
shell() {
    description=$1
    shift
    boots "$description" 0 --input 'memtour seed' --input 'echo status $?' "$@"
    like "$description: memory by brk" "$console" '^brk at 0x08000000: "Hello'
    like "$description: memory by mmap" "$console" '^mmap at 0x[0-9a-f]+: "Hello'
    like "$description: it ended well" "$console" '^status 0$'
}

for media in floppy hd usb eltorito multiboot grub; do
    shell "$media" --media $media
done
shell "Bochs" --emu bochs --mem 32M
shell "4 MiB of RAM" --mem 4M
shell "4 MiB of RAM, -kernel" --mem 4M --media multiboot
shell "a 486" --cpu 486 --mem 8M

echo 'echo "script $1"; exit $1' >"$work/script"
head -c 1300000 /dev/zero >"$work/large file"
mv "$work/large file" "$work/large"
for media in floppy multiboot grub; do
    boots "$media: run= returns a program's status" 1 --media $media \
        --add "$work/script=/etc/a-long-name.sh" --cmdline 'run="/bin/sh /etc/a-long-name.sh 7"'
    like "$media: the program ran" "$console" '^script 7$'
    like "$media: its status stands in the last line" "$console" '^octavo: exit status=7 kind=fail$'
    boots "$media: and says ok for 0" 0 --media $media --add "$work/script" \
        --cmdline 'run="/bin/sh /script 0"'
done
boots "what no floppy holds comes by -kernel" 0 --add "$work/large" --input 'ls -l /'
like "and is there" "$console" '1300000 large$'
boots "unless a medium was named" 64 --media floppy --add "$work/large"
boots "a program that is not there" 1 --cmdline 'run=/bin/nosuch'

done_testing
