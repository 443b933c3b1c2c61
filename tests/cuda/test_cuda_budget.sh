#!/usr/bin/env bash
# scripts/check_cuda_budget on logs as ptxas writes them: it keeps what it wrote, and refuses growth,
# local memory, kernels without a line, lines without a kernel, and logs that say nothing.
set -euo pipefail
fail() { echo "test_cuda_budget: $*" >&2; exit 1; }

here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
mkdir -p "$here/scripts" "$here/kernels" "$here/build/cuda/kernels"
cp "$LEIT_SOURCE_DIR/scripts/check_cuda_budget" "$here/scripts"
log=$here/build/cuda/kernels/one.cu.o.log
budget=$here/kernels/budget.txt
check() { "$here/scripts/check_cuda_budget" "$@" 2>&1; }

# entry MANGLED TARGET REGISTERS SHARED [SPILLED]
entry() {
    local shared=
    [ "$4" = 0 ] || shared=", $4 bytes smem"
    echo "ptxas info    : Compiling entry function '$1' for '$2'"
    echo "ptxas info    : Function properties for $1"
    echo "    ${5:-0} bytes stack frame, ${5:-0} bytes spill stores, ${5:-0} bytes spill loads"
    echo "ptxas info    : Used $3 registers, used 1 barriers$shared, 520 bytes cmem[0]"
    echo "ptxas info    : Compile time = 19.371 ms"
}
# nvcc VERSION: a compiler of that version.
nvcc() {
    printf '#!/bin/sh\necho "Cuda compilation tools, release %s, V%s"\n' "${1%.*}" "$1" >"$here/nvcc"
    chmod +x "$here/nvcc"
}
# kept WHAT and refused WHAT SENTENCE: what the check makes of the logs that are there.
kept() { check >"$here/said" || fail "$1 is refused: $(cat "$here/said")"; }
refused() {
    check >"$here/said" && fail "$1 is not refused: $(cat "$here/said")"
    grep -qF -- "$2" "$here/said" || fail "$1: no '$2' in: $(cat "$here/said")"
}

grep -q 'skipped' <<<"$(check)" || fail "a build without the plugin is not skipped aloud"
touch "$here/build/libleitmotif_cuda.so"
nvcc 13.0.88
echo "LEITMOTIF_NVCC:FILEPATH=$here/nvcc" >"$here/build/CMakeCache.txt"
echo "sources kernels/one.cu" >"$here/build/cuda/plugin.txt"
refused "a missing log" "one.cu.o.log is missing"
echo "ptxas info    : 0 bytes gmem" >"$log"
refused "a log without kernels" "name no kernel"

usual() { entry _Z3addPfS_ sm_80 120 41984; entry _Z3addPfS_ sm_100 97 0; }
usual >"$log"
refused "no file" "--renew"
check --renew >/dev/null
kept "what was written"
grep -q '^kernels/one.cu  *sm_80  *120  *41984  *1  add(float\*, float\*)$' "$budget" || fail "another line: $(cat "$budget")"
# 120 registers: 16 of 64 warps. 97, rounded to 104: 16. 41984 bytes and 1 KiB: three
# blocks in 164 KiB.
table=$(check --table)
grep -q 'sm_80  *120  *41984  *1  *12  *16  add' <<<"$table" || fail "another occupancy: $table"
grep -q 'sm_100  *97  *0  *1  *16  *16  add' <<<"$table" || fail "another occupancy: $table"

# The file does not depend on the order of the log.
cp "$budget" "$here/before"
{ entry _Z3addPfS_ sm_100 97 0; entry _Z3addPfS_ sm_80 120 41984; } >"$log"
check --renew >/dev/null
cmp "$budget" "$here/before" || fail "another order"

{ entry _Z3addPfS_ sm_80 124 42112; entry _Z3addPfS_ sm_100 97 0; } >"$log"; kept "what is within the slack"
{ entry _Z3addPfS_ sm_80 125 41984; entry _Z3addPfS_ sm_100 97 0; } >"$log"; refused "more registers" "125 registers"
{ entry _Z3addPfS_ sm_80 120 42113; entry _Z3addPfS_ sm_100 97 0; } >"$log"; refused "more shared memory" "42113 bytes"
{ usual | sed '1,5s/used 1 barriers/used 2 barriers/'; } >"$log"; refused "another barrier" "2 barriers"
{ entry _Z3addPfS_ sm_80 112 41984; entry _Z3addPfS_ sm_100 97 0; } >"$log"
kept "fewer registers"
grep -q '112 registers in place of 120' "$here/said" || fail "fewer registers are not reported"
{ usual; entry _Z3subPf sm_80 8 0; } >"$log"; refused "a new kernel" "sub(float*): no line in"
entry _Z3addPfS_ sm_80 120 41984 >"$log"; refused "a kernel that is gone" "no such kernel"
for line in 4 9; do
    usual | sed "${line}d" >"$log"; refused "a kernel without figures" "no registers are given"
done
{ entry _Z3addPfS_ sm_80 120 41984 8; entry _Z3addPfS_ sm_100 97 0; } >"$log"; refused "a spill" "has local memory"

# Another compiler gives other registers; a spill stays a spill.
nvcc 13.1.5
refused "a spill under another compiler" "has local memory"
{ entry _Z3addPfS_ sm_80 255 41984; entry _Z3addPfS_ sm_100 97 0; } >"$log"
kept "another compiler"
grep -q 'of nvcc 13.0.88 and this is 13.1.5' "$here/said" || fail "another compiler is not named"
echo "cuda budget: fine"
