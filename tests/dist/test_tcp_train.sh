#!/usr/bin/env bash
# What torchrun's variables start: a step in four shards, trained by one process and by 2 and 4 of them, leaves
# the same metrics and the same bits, and an index the same bytes; one of them speaks.
. "$LEIT_SOURCE_DIR/tests/cli/expect.sh"

expect 0 "" corpus build etude -o "$scratch/etude"
data="data.text=$scratch/etude/etude_alm.h5 data.music=$scratch/etude/etude_music.h5 data.tags=$scratch/etude/etude_tags.h5"
small="run.shards=4 train.max_steps=2 train.epochs=1 data.eval_crops=1 model.text.layers=1 model.text.dropout=0.1"

# on N WORD...: the program with these words as N ranks.
on() {
    local n=$1 r pids=() code=0
    shift
    rm -f "$scratch"/out.* "$scratch"/err.*
    export MASTER_ADDR=127.0.0.1 MASTER_PORT=$((30000 + RANDOM % 10000)) WORLD_SIZE=$n
    for r in $(seq 0 $((n - 1))); do
        RANK=$r timeout 120 "$program" "$@" >"$scratch/out.$r" 2>"$scratch/err.$r" &
        pids+=($!)
    done
    for r in "${pids[@]}"; do wait "$r" || code=$?; done
    [ $code -eq 0 ] || fail "$1 on $n ranks: exit $code: $(cat "$scratch"/err.*)"
    [ -s "$scratch/out.0" ] || fail "$1: rank 0 of $n says nothing"
    for r in $(seq 1 $((n - 1))); do [ ! -s "$scratch/out.$r" ] || fail "$1: rank $r of $n says $(cat "$scratch/out.$r")"; done
}

for n in 1 2 4; do
    on $n train recipes/etude/metric3_alm.yaml $data $small "run.directory=$scratch/run"
    mv "$scratch/run" "$scratch/run-$n"
    for file in metrics.jsonl checkpoints/best/tensors.h5; do
        cmp "$scratch/run-1/$file" "$scratch/run-$n/$file" || fail "$n ranks end with another $file"
    done
    on $n index "$scratch/etude/library" --model "$scratch/run-1" -o "$scratch/index-$n.h5"
    cmp "$scratch/index-1.h5" "$scratch/index-$n.h5" || fail "$n ranks write another index"
done
echo "tcp_train: fine"
