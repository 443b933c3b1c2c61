"""Writes tests/golden/container_h5py.h5: a file as h5py makes it, for the reader of src/container.

    python tests/oracle/container_h5py.py

With a file that test_container left behind it reads ours with h5py and compares instead, as
tests/container/test_h5py.sh does.

    python tests/oracle/container_h5py.py OUR_FILE
"""
import pathlib
import sys

import h5py
import numpy as np


def write_theirs():
    here = pathlib.Path(__file__).resolve().parent
    with h5py.File(here.parent / "golden" / "container_h5py.h5", "w") as file:
        file.attrs["writer"] = f"h5py {h5py.__version__}, HDF5 {h5py.version.hdf5_version}"
        file.attrs["n"] = 7
        file.attrs["half"] = 0.5
        file["plain"] = np.arange(12, dtype=np.float32).reshape(3, 4)
        file["big_endian"] = np.arange(5, dtype=">i4")
        file["a/b/scalar"] = np.float64(2.5)
        file.create_dataset("packed", data=np.arange(1000, dtype=np.int64), compression="gzip")
        file["empty"] = np.zeros((0, 3), dtype=np.int16)
        file["words"] = ["variable", "length"]
        file["soft"] = h5py.SoftLink("/plain")
        file["outside"] = h5py.ExternalLink("/etc/passwd", "/x")


def read_ours(path):
    with h5py.File(path, "r") as file:
        assert file.attrs["format"] == b"leitmotif test", file.attrs["format"]
        assert file.attrs["format_version"] == 3
        assert file["group/matrix"][:].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
        assert file["half"].attrs["dtype"] == b"bf16" and file["half"].dtype == np.uint16
        raw, offsets = file["names/bytes"][:].tobytes(), file["names/offsets"][:]
        names = [raw[a:b].decode() for a, b in zip(offsets[:-1], offsets[1:])]
        assert names == ["anger", "", "süß"], names
        print("h5py reads", path)


if len(sys.argv) > 1:
    read_ours(sys.argv[1])
else:
    write_theirs()
