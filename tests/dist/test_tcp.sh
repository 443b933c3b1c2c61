#!/usr/bin/env bash
# Ranks with torchrun's variables, over TCP, 1, 2 and 4 of them: every collective exactly, the bits of threads,
# and a rank that never comes, stays away, dies, leaves or makes another call: the others end with 6 and
# its name.
set -euo pipefail
fail() { echo "test_tcp: $*" >&2; exit 1; }

ranks=$LEIT_BINARY_DIR/tests/dist/mpi_ranks
LEIT_RANKS=$(mktemp -d)
export LEIT_RANKS MASTER_ADDR=localhost
trap 'rm -rf "$LEIT_RANKS"' EXIT

# start N MODE: the ranks' files are those of this start.
start() {
    local n=$1 r pids=() code=0
    mode=$2
    rm -f "$LEIT_RANKS"/*
    export MASTER_PORT=$((20000 + RANDOM % 10000)) WORLD_SIZE=$n
    for r in $(seq 0 $((n - 1))); do
        RANK=$r timeout 120 "$ranks" "$mode" >>"$LEIT_RANKS/said" 2>&1 &
        pids+=($!)
    done
    for r in "${pids[@]}"; do wait "$r" || code=$?; done
    return $code
}

threads=$("$ranks" threads)
for n in 1 2 4; do
    start $n collectives || fail "collectives on $n ranks: $(cat "$LEIT_RANKS"/*)"
    start $n bits || fail "bits on $n ranks: $(cat "$LEIT_RANKS"/*)"
    [ "$(cat "$LEIT_RANKS/said")" = "$threads" ] || fail "$n ranks: $(cat "$LEIT_RANKS/said"), threads: $threads"
done

# The deadline is 3 s, and who is late comes after 8.
# expect RANK STATUS MOST_SECONDS SENTENCE
expect() {
    local status seconds wrong sentence
    [ -f "$LEIT_RANKS/rank-$1" ] || fail "$mode: rank $1 said nothing: $(cat "$LEIT_RANKS/said")"
    read -r status seconds wrong sentence <"$LEIT_RANKS/rank-$1"
    [ "$status" = "$2" ] || fail "$mode: rank $1 ends with $status, expected $2: $sentence"
    grep -qE "$4" <<<"$sentence" || fail "$mode: rank $1 says '$sentence', expected '$4'"
    awk -v s="$seconds" -v most="$3" 'BEGIN { exit !(s <= most) }' || fail "$mode: rank $1 took $seconds s, expected $3"
}
start 4 never || true
expect 0 6 7.5 'waited [3-7]\.[0-9] s at the store localhost:[0-9]+ \(ranks\) for rank 1: see what was said there, or raise'
for r in 2 3; do expect $r 6 7.5 'at the start for rank 0: see what was said there'; done # and there is rank 1
expect 1 6 30 'at the store localhost:[0-9]+ \(ranks\) for rank 0'
start 4 away || true
for r in 0 2 3; do expect $r 6 7.5 'in call 2 \(broadcast\) for rank 1: see what was said there'; done
expect 1 6 30 'for ranks? '
start 4 dies || true
for r in 0 2 3; do expect $r 6 2.9 'in call 2 \(broadcast\) for rank 1: see what was said there$'; done
[ ! -f "$LEIT_RANKS/rank-1" ] || fail "rank 1 lives"
start 4 leaves || true
for r in 0 2 3; do expect $r 6 2.9 'in call 2 \(broadcast\) for rank 1: see what was said there$'; done
expect 1 3 2.9 'corpus.h5 is not there'
start 2 differs || true
expect 1 1 7.5 'rank 0 gives 16 bytes in its exchange [0-9]+ where rank 1 takes 8 in its exchange [0-9]+: they are at different calls'
expect 0 6 7.5 'for rank 1'
echo "tcp: fine"
