"""Reads a run's event files with TensorBoard's own package and compares them with metrics.jsonl.

    python tests/oracle/events.py runs/etude_metric3_alm

Every scalar stands there once, also in a run that was killed and went on; tests/train/test_tensorboard.sh
looks at such a one.
"""
import json
import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = pathlib.Path(sys.argv[1])
events = EventAccumulator(str(run / "events"), size_guidance={"scalars": 0})
events.Reload()
expected = {}
for line in (run / "metrics.jsonl").read_text().splitlines():
    row = json.loads(line)
    if "loss" in row:
        expected[f"{row['phase']}/loss", row["step"]] = row["loss"]
        expected[f"{row['phase']}/gradient_norm", row["step"]] = row["gradient_norm"]
    else:
        expected[f"{row['phase']}/{row['monitor']}", row["step"]] = row["value"]
points = [((tag, e.step), e.value) for tag in events.Tags()["scalars"] for e in events.Scalars(tag)]
found = dict(points)
wrong = [key for key in expected if not abs(found.get(key, float("nan")) - expected[key]) <= 1e-6 * max(1, abs(expected[key]))]
print(f"{len(expected)} scalars in metrics.jsonl, {len(points)} in the events, {len(wrong)} differ: {wrong[:3]}")
sys.exit(bool(wrong) or len(points) != len(found) or set(found) != set(expected))
