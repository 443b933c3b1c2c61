"""Reads a checkpoint as a stranger would, with h5py alone.

    LEIT_KEEP=1 build/tests/test_checkpoint        prints the folder it kept
    python tests/oracle/checkpoint_h5py.py FOLDER/step-1

tests/container/test_h5py.sh does both.
"""

import json
import pathlib
import sys

import h5py
import numpy as np


def texts(group):
    data, offsets = bytes(group["bytes"][()]), group["offsets"][()]
    return [data[a:b].decode() for a, b in zip(offsets[:-1], offsets[1:])]


def main():
    folder = pathlib.Path(sys.argv[1])
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["format"] == "leitmotif-checkpoint" and manifest["version"] == 1
    assert manifest["files"]["tensors.h5"]["bytes"] == (folder / "tensors.h5").stat().st_size
    with h5py.File(folder / "tensors.h5") as file:
        expected = np.array([[1, -2, 3], [0.5, 1e-30, 6]], np.float32)
        assert np.array_equal(file["text.layer.0.weight"][()], expected)
        assert np.array_equal(file["moment1/text.layer.0.weight"][()], expected)
        assert file["steps"][()].tolist() == [1, -5, 2**63 - 1]
        assert file["half"].attrs["dtype"] == b"bf16" and file["half"].dtype == np.uint16
        assert file["scalar"][()] == 2.5 and file["empty"].shape == (0, 4)
        assert texts(file["about/labels"]) == ["angry", "", "süß"]
        assert len(texts(file["about/vocabulary"])[0]) == 230 << 10
        assert file["about"].attrs["state/step"] == -(2**63)
        assert file["about"].attrs["state/best"] == -1 / 3
    print(f"{folder.name}: every value as written (h5py {h5py.__version__})")


if __name__ == "__main__":
    main()
