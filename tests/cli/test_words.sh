#!/usr/bin/env bash
# The command line as a user meets it: exit codes, what goes to stdout and what to stderr, and that a
# mistake is answered with one sentence.   test_words.sh PROGRAM
. "$LEIT_SOURCE_DIR/tests/cli/expect.sh"

expect 0 - help
expect 0 - version
expect 0 - version --json
expect 0 - train --help
expect 2 "there is no verb 'trian'" trian
expect 2 "expected one recipe" train
expect 2 "there is no option '--frobnicate'" train --frobnicate 1 x.yaml
expect 2 "cannot open" train "$scratch/none.yaml"
expect 2 "expected ls, cp, validate" recipe frob
expect 2 "needs a value" compare --seeds
expect 2 "seeds are for recipes" compare "$scratch" --seeds 1,2
expect 2 "--seeds is '1,x'" compare --seeds 1,x recipes/etude/metric2_alm.yaml
expect 4 "$scratch" evaluate "$scratch"
expect 2 "expected test or valid" evaluate "$scratch" --split all
expect 3 "none.h5" corpus stats "$scratch/none.h5"
expect 3 "is a directory" corpus check "$scratch"
expect 4 "$scratch" checkpoint verify "$scratch"

# No word is taken and not used.
expect 2 "there is no option '-o'" evaluate "$scratch" -o "$scratch/x.json"
expect 2 "there is no option '-o'" plan recipes/etude/metric2_alm.yaml -o "$scratch/x"
expect 2 "corpus build: etude takes --texts, --clips and --seed, got 'seed=7'" corpus build etude -o "$scratch/etude" seed=7
expect 2 "expected one folder of audio, got 2 words" index "$scratch" seed=7 --model "$scratch" -o "$scratch/x.h5"
expect 2 "recipe diff: expected two recipes" recipe diff recipes/etude/metric2_alm.yaml recipes/etude/metric3_alm.yaml seed=7
expect 2 "corpus stats: expected one corpus" corpus stats "$scratch/x.h5" seed=7
expect 2 "corpus check: expected one corpus" corpus check "$scratch/x.h5" seed=7
expect 2 "corpus check: there is no option '--texts'" corpus check "$scratch/x.h5" --texts 7
expect 2 "--seed is etude's" corpus build "$scratch/none.yaml" -o "$scratch/x.h5" --seed 7
expect 2 "recipe ls: expected one folder" recipe ls recipes recipes/etude
expect 2 "checkpoint: expected ls or verify behind it, got ''" checkpoint
expect 0 - corpus --help
expect 0 - corpus build --help
expect 2 "none.yaml" corpus build "$scratch/none.yaml" --output "$scratch/x.h5"

# Every recipe of the repository is valid, and every paper recipe can be planned without its data.
expect 0 - recipe validate recipes/*/*.yaml
expect 0 - recipe ls
for recipe in recipes/paper/[a-z]*.yaml; do expect 0 - plan "$recipe" --json; done

# An unknown key names file, line, column and the nearest key.
printf 'name: x\nstrategy: metric2\ntrain:\n  learnig_rate: 1\n' >"$scratch/bad.yaml"
expect 2 "bad.yaml:4:3: unknown key 'learnig_rate', did you mean 'train.learning_rate'?" train "$scratch/bad.yaml"
expect 2 "did you mean 'train.batch'" train recipes/etude/metric2_alm.yaml train.bach=3

# Data that is not there is named, with what to do.
expect 3 "$scratch/none.h5" train recipes/etude/metric2_alm.yaml "data.music=$scratch/none.h5" \
    "run.directory=$scratch/run"

# A truncated and a garbage corpus.
head -c 1000 /dev/urandom >"$scratch/garbage.h5"
expect 3 "garbage.h5" corpus check "$scratch/garbage.h5"
: >"$scratch/empty.h5"
expect 3 "empty.h5" corpus check "$scratch/empty.h5"

# CUDA is asked for where there is none.
if ! ls /dev/nvidia* >/dev/null 2>&1; then
    expect 5 "cuda" train recipes/etude/metric2_alm.yaml run.device=cuda "run.directory=$scratch/run"
fi

# A closed stdout is an error, not a crash.
if [ -e /dev/full ]; then
    "$program" recipe show recipes/etude/metric2_alm.yaml >/dev/full 2>"$scratch/err"
    [ $? -eq 3 ] || fail "a full stdout was not an error: $(cat "$scratch/err")"
fi

verdict
