#!/usr/bin/env bash
# Peak memory of short training runs beside what `leitmotif plan` said:  bench/memory.sh [BUILD]
#
# What counts is memory that is no file's (RssAnon): pages of programs and of mapped music come and go as memory is
# free. One JSON line a recipe; exits 1 when a run lies more than 10 % above or below the plan.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
leitmotif=$build/leitmotif
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
status=0

# Largest RssAnon of a command in KiB. The kernel keeps no peak of it: it is looked at a hundred times a second.
peak_kib() {
    local child key kib _ peak=0
    "$@" >"$folder/out" 2>"$folder/err" &
    child=$!
    while kill -0 "$child" 2>/dev/null; do
        while read -r key kib _; do
            if [ "$key" = RssAnon: ] && [ "$kib" -gt "$peak" ]; then peak=$kib; fi
        done <"/proc/$child/status"
        sleep 0.01
    done 2>/dev/null
    wait "$child" || { cat "$folder/err" >&2; return 1; }
    echo "$peak"
}

field() { sed -E "s/.*\"$1\": ([0-9]+).*/\1/" <<<"$2"; }

# NAME RECIPE OVERRIDES...
measure() {
    local name=$1 recipe=$2 plan peak
    shift 2
    plan=$(($(field peak_bytes "$("$leitmotif" plan "$recipe" --json "$@" 2>/dev/null)") / 1024))
    peak=$(peak_kib "$leitmotif" train "$recipe" train.max_steps=2 run.resume=never "run.directory=$folder/run" "$@")
    printf '{"bench": "memory", "recipe": "%s", "plan_mib": %d, "peak_mib": %d, "peak_to_plan": %s}\n' "$name" \
        $((plan / 1024)) $((peak / 1024)) "$(awk -v a="$peak" -v b="$plan" 'BEGIN { printf "%.3f", a / b }')"
    [ $((10 * peak)) -le $((11 * plan)) ] && [ $((10 * peak)) -ge $((9 * plan)) ] || status=1
}

test -f build/etude/etude_alm.h5 || "$leitmotif" corpus build etude -o build/etude >/dev/null
"$build/bench/bench_train_step" "write=$folder/corpora"
for strategy in classification multihead va_regression w2v_regression metric2 metric3; do
    measure "etude/${strategy}_alm" "recipes/etude/${strategy}_alm.yaml"
done
measure minilm "$folder/corpora/step.yaml"
exit "$status"
