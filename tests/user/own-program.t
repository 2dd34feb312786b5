#!/bin/sh
# The two programs in docs/programs.md are whole: they build as the page says and run on Octavo.
. "$(dirname "$0")/../tap.sh"

# block N: the N-th block of C on the page
block() {
    awk -v wanted="$1" '/^```$/ { inside = 0 } inside && n == wanted { print }
        /^```c$/ { inside = 1; n++ }' docs/programs.md
}

greets() {
    boots "$1: runs" 0 --timeout 60 --add "$2=/hello" --cmdline 'run="/hello you"'
    like "$1: greets" "$console" '^Hello, you\. The heap ends at 0x8[0-9a-f]{6}\.$'
}

block 1 >"$work/hello.c"
ok "glibc: builds" gcc -m32 -static -o "$work/hello" "$work/hello.c"
greets glibc "$work/hello"

if tools/packages musl-dev >"$work/packages" 2>&1; then
    ok "musl: what it needs" flock build/.make-lock make -s build/packages/musl32.specs
    ok "musl: builds" gcc -m32 -static -no-pie -Os -s -specs build/packages/musl32.specs \
        -o "$work/hello-musl" "$work/hello.c"
    greets musl "$work/hello-musl"
fi

# The same tree with a program more, built into the same folder.
mkdir "$work/tree"
for entry in *; do
    case $entry in
    user) cp -rp user "$work/tree" ;;
    *) ln -s "$root/$entry" "$work/tree" ;;
    esac
done
block 2 >"$work/tree/user/hello.c"
ok "the runtime: builds" flock build/.make-lock make -s -C "$work/tree" build/user/hello
cp build/user/hello "$work/hello-ours"
rm -f build/user/hello build/user/hello.elf build/user/obj/user/hello.c.*
greets "the runtime" "$work/hello-ours"

done_testing
