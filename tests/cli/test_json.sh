#!/usr/bin/env bash
# --json: what a verb prints for people, it prints for programs too. jq judges the grammar and reads the values, which are
# held against the table or the file that says the same.   test_json.sh PROGRAM
. "$LEIT_SOURCE_DIR/tests/cli/expect.sh"

etude=$scratch/etude recipe=recipes/etude/metric2_alm.yaml

# json WORDS...: what `WORDS --json` prints is one JSON value, and stderr is silent.
json() {
    expect 0 - "$@" --json -q
    jq -es 'length == 1' "$scratch/out" >/dev/null 2>"$scratch/why" || fail "$*: not one JSON value: $(cat "$scratch/why")"
}

# holds FILTER [ARGUMENTS...]: the last JSON makes this jq filter true.
holds() {
    local filter=$1
    shift
    jq -e "$@" "$filter" "$scratch/out" >/dev/null 2>&1 || fail "not so: $filter: $(head -c 400 "$scratch/out")"
}

json version
holds '.version | test("^[0-9.]+$")'
json doctor

# ---- recipes ----

json recipe ls
holds 'length > 20 and all(.[]; .path and .strategy and .summary)'
json recipe explain "$recipe" train.batch=16
holds 'map(select(.key == "train.batch"))[0] | .value == "16" and .origin == "override" and .type == "int" and .is_read'
holds 'map(select(.key == "strategy"))[0] | .value == "metric2" and (.origin | startswith("recipes/etude/metric2_alm.yaml:"))'
json recipe show "$recipe" train.batch=16
holds 'map(select(.key == "train.batch"))[0].value == "16"'
json recipe validate "$recipe" recipes/etude/_common.yaml recipes/etude/metric3_alm.yaml
holds '[.[].is_base] == [false, true, false] and all(.[]; .mistakes == [])'
json recipe diff "$recipe" "$recipe"
holds '. == []'
json recipe diff "$recipe" recipes/etude/metric3_alm.yaml
holds 'map(select(.key == "strategy"))[0] == {"key": "strategy", "from": "metric2", "to": "metric3"}'
printf 'name: x\nstrategy: metric2\ntrain:\n  learnig_rate: 1\n  bach: "2"\n' >"$scratch/bad.yaml"
expect 2 - recipe validate "$scratch/bad.yaml" --json
holds '.[0].mistakes | (.[0] | contains("bad.yaml:4:3: unknown key")) and (.[1] | contains("bad.yaml:5:3"))'
expect 2 - recipe validate "$scratch/none.yaml" --json
holds '.[0].mistakes | length == 1 and (.[0] | contains("none.yaml"))'

# ---- corpora, training, evaluation, comparison ----

expect 0 "" corpus build etude -o "$etude" --texts 5 --clips 5
json corpus stats "$etude/etude_alm.h5"
json corpus check "$etude/etude_alm.h5"
holds '.path == $path and .whole' --arg path "$etude/etude_alm.h5"

settings=("data.text=$etude/etude_alm.h5" "data.music=$etude/etude_music.h5" "data.tags=$etude/etude_tags.h5"
    train.max_steps=1 train.batch=8 data.eval_crops=1 model.music.channels=1 model.text.layers=1 model.text.width=8
    model.text.heads=2 model.text.ffn_width=16)
json plan "$recipe" "${settings[@]}"
holds '.device == "cpu" and .peak_bytes >= .program_bytes + .parameter_bytes'
if [ -f "$LEIT_BINARY_DIR/libleitmotif_cuda.so" ]; then # a GPU's table needs no GPU
    cpu=$(jq '[.plans[].activation_bytes]' "$scratch/out")
    json plan "$recipe" "${settings[@]}" run.device=cuda
    holds '.device == "cuda" and [.plans[].activation_bytes] == $cpu' --argjson cpu "$cpu"
    holds '.peak_bytes < .program_bytes + .parameter_bytes + .gradient_bytes + .moment_bytes + ([.plans[] | .input_bytes + .activation_bytes + .workspace_bytes] | add)'
fi
json train "$recipe" "${settings[@]}" "run.directory=$scratch/a"
holds '.n_steps == 1 and (.was_complete | not)'
expect 0 "" train recipes/etude/metric3_alm.yaml "${settings[@]}" "run.directory=$scratch/b" -q
json checkpoint ls "$scratch/a"
json checkpoint verify "$scratch/a"
holds '.path == $path and .whole' --arg path "$scratch/a"

# `evaluate` prints the file it writes, and the table holds the same figures.
json evaluate "$scratch/a"
cmp -s "$scratch/out" "$scratch/a/evaluation-test.json" || fail "evaluate --json is not the file it wrote"
expect 0 - evaluate "$scratch/a" -q
for figure in $(jq -r '.at_k as $k | .mappings[] | .precision_at[$k - 1], .mrr' "$scratch/a/evaluation-test.json"); do
    said "$(printf '%.4f' "$figure")"
done

# A trained run is asked by other mappings; each is scored as it is without the others. What was trained is not changed.
json evaluate "$scratch/a" 'evaluate.mappings=[manual, w2v_vectors, w2v_paper]' --split valid
holds '[.mappings[].name] == ["manual", "w2v_vectors", "w2v_paper"]'
cp "$scratch/out" "$scratch/three.json"
json evaluate "$scratch/a" --split valid
holds '.mappings[1] == $three[0].mappings[2] and .mappings[2] == $three[0].mappings[0]' --slurpfile three "$scratch/three.json"
expect 2 "takes evaluate.*, data.text, data.text_split, data.music, data.tags and data.eval_crops" evaluate "$scratch/a" train.batch=4
expect 2 "did you mean 'evaluate.mappings'" evaluate "$scratch/a" evaluate.mapings=x
expect 3 "none.h5" evaluate "$scratch/a" "data.text=$scratch/none.h5"

# `compare` prints the tables it writes, one for each pair of corpora.
json compare "$scratch/a" "$scratch/b" -o "$scratch/table"
holds '. == [$written[0]]' --slurpfile written "$scratch/table/table.json"
holds '.[0].rows | map(.strategy) | contains(["etude_metric2_alm", "etude_metric3_alm", "random", "oracle"])'

json index "$etude/library" --model "$scratch/a" -o "$scratch/library.h5"
holds '.n_tracks == .n_new and .skipped == []'
json match docs/examples/story.txt --index "$scratch/library.h5"

verdict
