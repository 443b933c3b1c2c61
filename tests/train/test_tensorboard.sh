#!/usr/bin/env bash
# TensorBoard's own package reads the events of a run that was killed and went on: every scalar of
# metrics.jsonl, each once.
set -euo pipefail
cd "$LEIT_SOURCE_DIR"
. tests/support/oracle.sh
need tensorboard
"$python" tests/oracle/events.py "$(kept test_events)"
