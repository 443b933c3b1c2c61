#!/usr/bin/env bash
# NCCL's id reaches every rank: over MPI from mpirun, over the store from torchrun's variables. A stand-in
# for NCCL refuses any other id. Skipped without the CUDA plugin or NCCL's header.
set -euo pipefail
fail() { echo "test_nccl_launched: $*" >&2; exit 1; }
. "$LEIT_SOURCE_DIR/tests/support/mpirun.sh"
plugin=$LEIT_BINARY_DIR/libleitmotif_cuda.so
launched=$LEIT_BINARY_DIR/tests/cuda/nccl_launched
export LEITMOTIF_NCCL=$LEIT_BINARY_DIR/tests/cuda/fake_nccl.so
[ -f "$plugin" ] && [ -f "$LEITMOTIF_NCCL" ] || { echo "there is no CUDA plugin, or no nccl.h"; exit 77; }

first=0 second=0
export WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=$((20000 + $$ % 10000))
RANK=1 "$launched" "$plugin" >/dev/null &
RANK=0 "$launched" "$plugin" >/dev/null || first=$?
wait $! || second=$?
[ $first -eq 0 ] && [ $second -eq 0 ] || fail "over the store the ranks end with $first and $second"
unset WORLD_SIZE MASTER_ADDR MASTER_PORT

if has_mpirun; then
    said=$(timeout 120 mpirun --oversubscribe -n 2 "$launched" "$plugin" 2>&1) || fail "over MPI: $said"
    [ "$(grep -c 'of 2 has opened NCCL' <<<"$said")" -eq 2 ] || fail "over MPI: $said"
fi
echo "NCCL's id travels: fine"
