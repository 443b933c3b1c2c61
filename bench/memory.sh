#!/usr/bin/env bash
# Peak memory of short training runs beside what `leitmotif plan` said:  bench/memory.sh [BUILD]
#
# least = peak of the plan + the program alone (`leitmotif version`); most = least + the corpora: music is mapped, and
# counts as far as its pages were read. One JSON line a recipe; exits 1 when a run lies 10 % outside.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
leitmotif=$build/leitmotif
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
status=0

# Largest resident set of a command in KiB, as the kernel counts it.
peak_kib() {
    /usr/bin/time -f %M -o "$folder/kib" "$@" >"$folder/out" 2>"$folder/err" || { cat "$folder/err" >&2; return 1; }
    cat "$folder/kib"
}

field() { sed -E "s/.*\"$1\": ([0-9]+).*/\1/" <<<"$2"; }

# NAME RECIPE OVERRIDES...
measure() {
    local name=$1 recipe=$2 plan corpora=0 file peak least most
    shift 2
    plan=$("$leitmotif" plan "$recipe" --json "$@" 2>/dev/null)
    for file in $("$leitmotif" recipe explain "$recipe" "$@" | sed -nE 's/^data\.(text|music|tags): ([^ ]+\.h5).*/\2/p'); do
        corpora=$((corpora + $(stat -c %s "$file") / 1024))
    done
    peak=$(peak_kib "$leitmotif" train "$recipe" train.max_steps=2 run.resume=never "run.directory=$folder/run" "$@")
    least=$(($(field peak_bytes "$plan") / 1024 + program))
    most=$((least + corpora))
    printf '{"bench": "memory", "recipe": "%s", "plan_mib": %d, "program_mib": %d, "corpora_mib": %d, ' "$name" \
        $(($(field peak_bytes "$plan") / 1048576)) $((program / 1024)) $((corpora / 1024))
    printf '"peak_mib": %d, "to_least": %s, "to_most": %s}\n' $((peak / 1024)) \
        "$(awk -v a="$peak" -v b="$least" 'BEGIN { printf "%.3f", a / b }')" \
        "$(awk -v a="$peak" -v b="$most" 'BEGIN { printf "%.3f", a / b }')"
    [ $((10 * peak)) -le $((11 * most)) ] && [ $((10 * peak)) -ge $((9 * least)) ] || status=1
}

program=$(peak_kib "$leitmotif" version)
test -f build/etude/etude_alm.h5 || "$leitmotif" corpus build etude -o build/etude >/dev/null
"$build/bench/bench_train_step" "write=$folder/corpora"
measure etude/metric3_alm recipes/etude/metric3_alm.yaml
measure etude/classification_alm recipes/etude/classification_alm.yaml
measure minilm "$folder/corpora/step.yaml"
exit "$status"
