# Sourced by the scripts beside it. Gives $program (the first word), $scratch, `expect`, `refuses`, `said`, `fail` and
# `verdict`; the current directory is the repository's root.
set -u
program=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$LEIT_SOURCE_DIR" || exit 1
failures=0
# HDF5 forgets memory of its own over damaged files; the sanitizers are to look at ours.
echo leak:libhdf5 >"$scratch/lsan"
export LSAN_OPTIONS=suppressions=$scratch/lsan:print_suppressions=0

fail() {
    echo "$*"
    failures=$((failures + 1))
}

# expect CODE FRAGMENT WORDS...: the exit code, and a fragment of stderr ("-" for a silent one, "" for any). What was said is
# in $scratch/out and $scratch/err. Standard input is $stdin, /dev/null without one.
expect() {
    local code=$1 fragment=$2
    shift 2
    "$program" "$@" >"$scratch/out" 2>"$scratch/err" <"${stdin:-/dev/null}"
    local got=$?
    if [ "$got" -ne "$code" ]; then
        fail "leitmotif $*: exit $got, expected $code: $(head -c 300 "$scratch/err")"
    elif [ "$fragment" = "-" ]; then
        [ -s "$scratch/err" ] && fail "leitmotif $*: talks: $(head -c 300 "$scratch/err")"
    elif [ -n "$fragment" ] && ! grep -qF -- "$fragment" "$scratch/err"; then
        fail "leitmotif $*: said '$(head -c 300 "$scratch/err")', expected '$fragment'"
    fi
}

# refuses CODE PLACE CURE WORDS...: the exit code and one sentence that holds both fragments; nothing on stdout, nothing
# half-written anywhere.
refuses() {
    local code=$1 place=$2 cure=$3
    shift 3
    expect "$code" "$place" "$@"
    grep -qF -- "$cure" "$scratch/err" || fail "leitmotif $*: no '$cure' in: $(head -c 400 "$scratch/err")"
    [ "$(grep -c '^leitmotif' "$scratch/err")" -eq 1 ] || fail "leitmotif $*: not one sentence: $(head -c 600 "$scratch/err")"
    [ -s "$scratch/out" ] && fail "leitmotif $*: refuses, and prints $(head -c 200 "$scratch/out")"
    local left
    left=$(find "$scratch" -name '*.writing' -o -name '.saving-*' -o -name '.latest-*')
    [ -z "$left" ] || fail "leitmotif $*: left $left"
}

# said TEXT: the last `expect` printed a line with this in it.
said() {
    grep -qF -- "$1" "$scratch/out" || fail "expected '$1' on stdout, got: $(head -c 400 "$scratch/out")"
}

verdict() {
    [ "$failures" -eq 0 ] && echo "1 passed, 0 failed" || { echo "$failures failed"; exit 1; }
}
