#!/usr/bin/env bash
# h5py reads what this program writes: a container with one array of each kind, and a checkpoint.
set -euo pipefail
cd "$LEIT_SOURCE_DIR"
. tests/support/oracle.sh
need h5py
"$python" tests/oracle/container_h5py.py "$(kept test_container)"
"$python" tests/oracle/checkpoint_h5py.py "$(kept test_checkpoint)/step-1"
