#!/usr/bin/env bash
# The MPI plugin under mpirun, 1, 2 and 4 ranks: every collective exactly, the bits of threads, and a
# rank that never comes, stays away, dies, leaves or makes another call: the others end with 6 and its
# name. Skipped where there is no mpirun.
set -euo pipefail
fail() { echo "test_mpi: $*" >&2; exit 1; }
. "$LEIT_SOURCE_DIR/tests/support/mpirun.sh"
has_mpirun || exit 77

ranks=$LEIT_BINARY_DIR/tests/dist/mpi_ranks
LEIT_RANKS=$(mktemp -d)
export LEIT_RANKS
trap 'rm -rf "$LEIT_RANKS"' EXIT

# start N MODE [option...]: the ranks' files are those of this start.
start() {
    local n=$1 mode=$2
    shift 2
    rm -f "$LEIT_RANKS"/rank-*
    timeout 120 mpirun --oversubscribe "$@" -n "$n" "$ranks" "$mode" >"$LEIT_RANKS/said" 2>&1
}

threads=$("$ranks" threads)
for n in 1 2 4; do
    start $n collectives || fail "collectives on $n ranks: $(cat "$LEIT_RANKS"/*)"
    start $n bits || fail "bits on $n ranks: $(cat "$LEIT_RANKS"/*)"
    [ "$(cat "$LEIT_RANKS/said")" = "$threads" ] || fail "$n ranks: $(cat "$LEIT_RANKS/said"), threads: $threads"
done

# The deadline is 3 s, and who is late comes after 8: on a busy machine 3 s are soon over without
# anybody's fault, 8 are not. mpirun would end the others with the first that fails; here each says its own.
alone="--enable-recovery --mca orte_abort_on_non_zero_status 0"
# expect RANK STATUS MOST_SECONDS SENTENCE
expect() {
    local status seconds wrong sentence
    [ -f "$LEIT_RANKS/rank-$1" ] || fail "$mode: rank $1 said nothing: $(cat "$LEIT_RANKS/said")"
    read -r status seconds wrong sentence <"$LEIT_RANKS/rank-$1"
    [ "$status" = "$2" ] || fail "$mode: rank $1 ends with $status, expected $2: $sentence"
    grep -qE "$4" <<<"$sentence" || fail "$mode: rank $1 says '$sentence', expected '$4'"
    awk -v s="$seconds" -v most="$3" 'BEGIN { exit !(s <= most) }' || fail "$mode: rank $1 took $seconds s, expected $3"
}
mode=never
start 4 never $alone || true
for r in 0 2 3; do expect $r 6 7.5 'waited [3-7]\.[0-9] s at the start for rank 1: see what was said there, or raise'; done
# Who comes when the others end may meet one that is not quite gone.
expect 1 6 30 'at the start for ranks? [023]'
mode=away
start 4 away $alone || true
for r in 0 2 3; do expect $r 6 7.5 'waited [3-7]\.[0-9] s in call 2 \(broadcast\) for rank 1: see what was said there, or raise'; done
expect 1 6 30 'for ranks? [023]'
mode=dies
start 4 dies $alone || true
for r in 0 2 3; do expect $r 6 7.5 'in call 2 \(broadcast\) for rank 1: see what was said there'; done
[ ! -f "$LEIT_RANKS/rank-1" ] || fail "rank 1 lives"
mode=leaves # at once: nobody speaks of the deadline
start 4 leaves $alone || true
for r in 0 2 3; do expect $r 6 7.5 'in call 2 \(broadcast\) for rank 1: see what was said there$'; done
expect 1 3 7.5 'corpus.h5 is not there'
mode=differs
start 2 differs $alone || true
expect 1 1 7.5 'rank 0 gives 16 bytes where rank 1 takes 8: they are at different calls'
expect 0 6 7.5 'for rank 1'

# As a user starts them: mpirun ends the ones that hang and exits with the code of the first.
code=0; start 2 away || code=$?
[ $code -eq 6 ] || fail "mpirun ends with $code, expected 6: $(cat "$LEIT_RANKS/said")"
code=0; start 4 dies || code=$?
[ $code -ne 0 ] && [ $code -ne 124 ] || fail "mpirun ends with $code after a rank has died"
echo "mpi: fine"
