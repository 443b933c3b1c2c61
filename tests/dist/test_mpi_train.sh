#!/usr/bin/env bash
# A step in four shards, trained by one process and by 2 and 4 that mpirun has started: the same
# metrics, the same bits of every array, for all strategies. Skipped where there is no mpirun.
. "$LEIT_SOURCE_DIR/tests/cli/expect.sh"
. "$LEIT_SOURCE_DIR/tests/support/mpirun.sh"
has_mpirun || exit 77

expect 0 "" corpus build etude -o "$scratch/etude"
data="data.text=$scratch/etude/etude_alm.h5 data.music=$scratch/etude/etude_music.h5 data.tags=$scratch/etude/etude_tags.h5"
small="run.shards=4 train.max_steps=2 train.epochs=1 data.eval_crops=1 model.text.layers=1 model.text.dropout=0.1"

# train N RECIPE [override...] [-- option of mpirun...]: by N ranks, into $scratch/run: a checkpoint keeps
# that name with its recipe.
train() {
    local n=$1 recipe=$2 overrides=()
    shift 2
    while [ $# -gt 0 ] && [ "$1" != -- ]; do overrides+=("$1"); shift; done
    timeout 120 mpirun --oversubscribe "${@:2}" -n "$n" "$program" train "recipes/etude/$recipe.yaml" $data $small \
        "run.directory=$scratch/run" "${overrides[@]}" >"$scratch/out" 2>"$scratch/err"
}

strategies="metric2_alm classification_alm multihead_alm va_regression_alm w2v_regression_alm metric3_alm"
is_sanitized && strategies=metric2_alm # all of them take a quarter of an hour there
for recipe in $strategies; do
    for n in 1 2 4; do
        train $n $recipe || fail "$recipe on $n ranks: $(cat "$scratch/err")"
        mv "$scratch/run" "$scratch/$recipe-$n"
        [ "$(grep -c 'steps in' "$scratch/out")" -eq 1 ] || fail "$n ranks say $(cat "$scratch/out")"
        [ $n -eq 1 ] && continue
        for file in metrics.jsonl checkpoints/best/tensors.h5; do
            cmp "$scratch/$recipe-1/$file" "$scratch/$recipe-$n/$file" || fail "$recipe: $n ranks end with another $file"
        done
    done
done

# Statistics of BatchNorm that all ranks share.
for n in 1 2 4; do
    train $n multihead_alm train.sync_batchnorm=true || fail "sync_batchnorm on $n ranks: $(cat "$scratch/err")"
    mv "$scratch/run" "$scratch/synchronised-$n"
    for file in metrics.jsonl checkpoints/best/tensors.h5; do
        cmp "$scratch/synchronised-1/$file" "$scratch/synchronised-$n/$file" || fail "sync_batchnorm: $n ranks end with another $file"
    done
done

# Evaluation: what one process writes down, the ranks do, and one of them speaks.
evaluate() { mpirun --oversubscribe -n "$1" "$program" evaluate "$scratch/metric2_alm-1" "${@:2}" >"$scratch/out" 2>"$scratch/err"; }
evaluate 1 || fail "evaluate: $(cat "$scratch/err")"
mv "$scratch/metric2_alm-1/evaluation-test.json" "$scratch/alone.json"
mv "$scratch/out" "$scratch/alone.out"
for n in 2 3; do
    evaluate $n || fail "evaluate on $n ranks: $(cat "$scratch/err")"
    cmp "$scratch/alone.json" "$scratch/metric2_alm-1/evaluation-test.json" || fail "evaluate: another file on $n ranks"
    cmp "$scratch/alone.out" "$scratch/out" || fail "evaluate: $n ranks say $(cat "$scratch/out")"
done

# An index, too: one file, and one summary of how many tracks.
index() { mpirun --oversubscribe -n "$1" "$program" index "$scratch/etude/library" --model "$scratch/metric2_alm-1" -o "$scratch/index-$1.h5" >"$scratch/out" 2>"$scratch/err" || fail "index on $1 ranks: $(cat "$scratch/err")"; }
for n in 1 2 3; do
    index $n
    cmp "$scratch/index-1.h5" "$scratch/index-$n.h5" || fail "index: another file on $n ranks"
    [ "$(grep -c ' tracks: ' "$scratch/out")" -eq 1 ] || fail "index: $n ranks say $(cat "$scratch/out")"
done

# A rank is killed in the middle. The other says whose fault it was; what is left of the run goes on with
# one rank, and ends as if nothing had happened.
long="train.max_steps=40 run.rank_deadline_seconds=10"
train 1 classification_alm $long || fail "one rank: $(cat "$scratch/err")"
mv "$scratch/run" "$scratch/undisturbed"
train 2 classification_alm $long -- --enable-recovery --mca orte_abort_on_non_zero_status 0 &
mpirun=$!
for _ in $(seq 600); do [ -s "$scratch/run/metrics.jsonl" ] && break; sleep 0.1; done
kill -KILL "$(pgrep -f "^$program train .*run.directory=$scratch/run" | tail -n 1)"
wait $mpirun
grep -qE 'rank [01] of 2 waited [0-9.]+ s in call [0-9]+ \([a-z]+\) for rank [01]: see what was said there' "$scratch/err" ||
    fail "a rank was killed: $(cat "$scratch/err")"
[ ! -e "$scratch/run/checkpoints/best" ] || fail "a rank was killed, and the run is complete"
train 1 classification_alm $long || fail "going on: $(cat "$scratch/err")"
for file in metrics.jsonl checkpoints/best/tensors.h5; do
    cmp "$scratch/undisturbed/$file" "$scratch/run/$file" || fail "a run that went on has another $file"
done

code=0; train 3 metric2_alm || code=$?
[ $code -eq 2 ] || fail "three ranks of four shards: exit $code, expected 2: $(cat "$scratch/err")"
grep -qF "run.shards is 4, and there are 3 ranks" "$scratch/err" || fail "three ranks: $(cat "$scratch/err")"
code=0; mpirun --oversubscribe -n 2 "$program" compare "$scratch/metric2_alm-1" 2>"$scratch/err" >"$scratch/out" || code=$?
[ $code -eq 2 ] || fail "compare on 2 ranks: exit $code, expected 2: $(cat "$scratch/err")"
grep -qF "and compare runs in one: start leitmotif train for each recipe" "$scratch/err" || fail "compare: $(cat "$scratch/err")"
verdict
