#!/usr/bin/env bash
# scripts/check_tensor_cores on PTX that a stand-in for nvcc writes: it keeps what it wrote, and refuses a kernel that uses fewer
# instructions, one without a line and a line without a kernel.
set -euo pipefail
fail() { echo "test_tensor_core_check: $*" >&2; exit 1; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
mkdir -p "$here/scripts" "$here/kernels" "$here/build/cuda/kernels"
cp "$LEIT_SOURCE_DIR/scripts/check_tensor_cores" "$here/scripts"
check() { "$here/scripts/check_tensor_cores" "$@" 2>&1; }
grep -q skipped <<<"$(check)" || fail "a build without the plugin is not skipped aloud"

touch "$here/build/libleitmotif_cuda.so"
echo "LEITMOTIF_NVCC:FILEPATH=$here/nvcc" >"$here/build/CMakeCache.txt"
echo "sources kernels/one.cu kernels/plain.cu" >"$here/build/cuda/plugin.txt"
echo '#include "kernels/leit_mma.cuh"' >"$here/kernels/one.cu"
echo '#include "kernels/leit_cuda.h"' >"$here/kernels/plain.cu"
cat >"$here/nvcc" <<END
#!/bin/bash
[ "\$1" = --version ] && { echo "release, V\$(cat "$here/version")"; exit; }
while [ "\$1" != -o ]; do shift; done
cp "$here/given" "\$2"
END
chmod +x "$here/nvcc"
echo 13.0.88 >"$here/version"

# ptx PRODUCTS [NAME]: a kernel of so many.
ptx() {
    echo ".visible .entry ${2:-_Z4tilev}(" >"$here/given"
    for ((i = 0; i < $1; i++)); do echo "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {};" >>"$here/given"; done
    echo "cp.async.cg.shared.global [a], [b], 16, 16;" >>"$here/given"
    rm -f "$here/build/cuda/kernels/one.cu.ptx"
}
kept() { check >"$here/said" || fail "$1 is refused: $(cat "$here/said")"; }
refused() {
    check >"$here/said" && fail "$1 is not refused"
    grep -qF -- "$2" "$here/said" || fail "$1: no '$2' in: $(cat "$here/said")"
}
ptx 4
check --renew >/dev/null
grep -q '^kernels/one.cu  *4  *0  *0  *1  tile()$' "$here/kernels/tensor_cores.txt" || fail "another line: $(cat "$here/kernels/tensor_cores.txt")"
kept "what was written"
ptx 5
kept "more"
ptx 3
refused "fewer" "tile(): 3 bf16, kernels/tensor_cores.txt has 4"
echo 14.1.2 >"$here/version"
kept "fewer from another nvcc"
ptx 0
refused "none from another nvcc" "tile(): 0 bf16, kernels/tensor_cores.txt has 1"
echo 13.0.88 >"$here/version"
ptx 4 _Z5othervv
refused "another kernel" "and no such kernel"
echo "1 passed, 0 failed"
