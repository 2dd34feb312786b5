# tap.sh - TAP for tests written in shell: source it, make checks, end with done_testing.
#
# A check's description comes first. What a check needs to explain itself goes out as "# " lines.
# $work is a folder of the test's own, removed when it ends.

root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$root" || exit 1

tap_count=0
tap_failed=0

# ok DESCRIPTION COMMAND...: the command succeeds.
ok() {
    tap_description=$1
    shift
    if "$@" >"$work/tap.out" 2>&1; then
        pass "$tap_description"
    else
        fail "$tap_description" "$work/tap.out"
    fi
}

pass() {
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1"
}

# fail DESCRIPTION [FILE]: shows the end of the file.
fail() {
    tap_count=$((tap_count + 1))
    tap_failed=$((tap_failed + 1))
    echo "not ok $tap_count - $1"
    [ -z "${2:-}" ] || tail -n 40 "$2" | tr -d '\r' | sed 's/^/# /' >&2
}

# is DESCRIPTION GOT WANTED
is() {
    if [ "$2" = "$3" ]; then
        pass "$1"
    else
        printf 'got:    %s\nwanted: %s\n' "$2" "$3" >"$work/tap.out"
        fail "$1" "$work/tap.out"
    fi
}

# like DESCRIPTION FILE REGEX: some line of the file matches the extended expression.
like() {
    if tr -d '\r' <"$2" | grep -Eq -e "$3"; then
        pass "$1"
    else
        { tr -d '\r' <"$2"; echo "wanted a line like: $3"; } >"$work/tap.out"
        fail "$1" "$work/tap.out"
    fi
}

# unlike DESCRIPTION FILE REGEX
unlike() {
    if tr -d '\r' <"$2" | grep -E -e "$3" >"$work/tap.out"; then
        fail "$1" "$work/tap.out"
    else
        pass "$1"
    fi
}

# skip_all REASON: ends the test.
skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}

# built TARGET...: there is no test without what make makes. One make at a time.
built() {
    flock build/.make-lock make -s "$@" >"$work/tap.out" 2>&1 && return
    fail "make $*" "$work/tap.out"
    done_testing
}

# boots DESCRIPTION STATUS ARGS...: tools/boot ends with this status; its console is in $console,
# the runner's own words in $notes.
console=$work/console
notes=$work/notes
boots() {
    boots_description=$1
    boots_wanted=$2
    shift 2
    boots_status=0
    tools/boot "$@" >"$console" 2>"$notes" || boots_status=$?
    if [ "$boots_status" -eq "$boots_wanted" ]; then
        pass "$boots_description"
    else
        {
            cat "$console" "$notes"
            echo
            echo "tools/boot $*: exit status $boots_status, wanted $boots_wanted"
        } >"$work/tap.out"
        fail "$boots_description" "$work/tap.out"
    fi
}

# kernel_tests ARGS...: the machine's own tests, each one line of ours, then how it ended.
kernel_tests() {
    boots_status=0
    tools/boot --cmdline test --timeout 600 "$@" >"$console" 2>"$notes" || boots_status=$?
    tr -d '\r' <"$console" | sed -n '/^KTAP version/,$p' >"$work/ktap"
    grep -E '^(ok|not ok|#)' "$work/ktap" | sed -E 's/^(ok|not ok) [0-9]+/\1/'
    tap_count=$(grep -c -E '^(ok|not ok) ' "$work/ktap")
    tap_failed=$(grep -c '^not ok ' "$work/ktap")
    is "as many tests as were announced" "$(sed -n 's/^1\.\.//p' "$work/ktap")" "$tap_count"
    if [ "$boots_status" -eq 0 ]; then
        pass "the machine powered off in good order"
    else
        cat "$notes" >>"$console"
        fail "the machine powered off in good order ($boots_status)" "$console"
    fi
}

done_testing() {
    echo "1..$tap_count"
    [ "$tap_failed" -eq 0 ]
    exit
}
