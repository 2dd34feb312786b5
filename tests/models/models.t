#!/bin/sh
# The models of what several CPUs do at the same time (docs/models.md), every state of them looked at
# by Spin. What holds must hold; each variant that is broken on purpose must be found out.
#
#   models.t [MODEL [FLAGS]]   only this model; with these flags, and Spin's report of it
. "$(dirname "$0")/../tap.sh"

command -v spin >/dev/null || skip_all "spin is not installed"
models=$root/tests/models

# search MODEL FLAGS COMPILE: Spin's report, in $work/report. Of a search that soon finds a fault, which
# the broken ones are, the compiler is the longest part.
search() {
    rm -rf "$work/pan" && mkdir "$work/pan" && cd "$work/pan" || exit 1
    # shellcheck disable=SC2086
    spin -a $2 "$models/$1.pml" >../report 2>&1 &&
        ${CC:-gcc} -w "$3" -DSAFETY -DVECTORSZ=2048 -DMEMLIM=2000 -o pan pan.c >>../report 2>&1 &&
        timeout -s KILL 120 ./pan -m20000 >>../report 2>&1
    cd "$root" || exit 1
}

# False when states were left out, or the search did not end.
complete() {
    grep -q '^State-vector' "$work/report" &&
        ! grep -Eq 'Search not completed|max search depth too small|Bit statespace' "$work/report"
}

# flags MODEL WORD: those that stand behind the word in the model's head, and in the lines below it.
flags() {
    sed -n "/^ \* $2: /,/^ \*\(\/\| [A-Z]\)/s/^ \* \($2:\)\{0,1\} *//p" "$models/$1.pml" |
        grep -oE '^-D[A-Z0-9_=]+( -D[A-Z0-9_=]+)*'
}

holds() {
    search "$1" "$2" -O1
    states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$work/report")
    if grep -q 'errors: 0$' "$work/report" && complete; then
        pass "$1${2:+ $2}: holds in all $states states"
    else
        fail "$1${2:+ $2}: holds" "$work/report"
    fi
}

breaks() {
    search "$1" "$2" -O0
    if grep -Eq 'errors: [1-9]' "$work/report"; then
        pass "$1 $2: $(sed -n 's/^pan:1: \(.*\) (at depth.*/\1/p' "$work/report")"
    else
        fail "$1 $2: is found out" "$work/report"
    fi
}

if [ $# -gt 1 ]; then
    search "$1" "$2" -O1
    cat "$work/report"
    exit
fi

for model in ${1:-$(cd "$models" && ls ./*.pml)}; do
    model=$(basename "$model" .pml)
    holds "$model" ""
    flags "$model" Also >"$work/also"
    flags "$model" Broken >"$work/broken"
    while read -r flags; do holds "$model" "$flags"; done <"$work/also"
    while read -r flags; do breaks "$model" "$flags"; done <"$work/broken"
    is "$model: has variants that are broken" "$(grep -q . "$work/broken"; echo $?)" 0
done

done_testing
