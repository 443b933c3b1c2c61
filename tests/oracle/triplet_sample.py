"""Embeddings, labels and the probabilities of every negative, for tests/kernels/test_triplet_sample.c.

    python tests/oracle/triplet_sample.py        writes tests/golden/triplet_sample.txt
"""
import pathlib

import numpy as np
import scipy
import scipy.stats
import torch

from numbers_golden import Numbers
from ops import normal, triplet_weights

PATH = pathlib.Path(__file__).resolve().parent.parent / "golden" / "triplet_sample.txt"
# N anchors, width, labels, by distance.
CASES = ((12, 8, 3, True), (12, 8, 3, False), (10, 2, 2, True), (10, 3, 2, True), (14, 64, 4, True), (9, 64, 3, False))

numbers = Numbers(str(PATH), np, scipy, torch)
generator = torch.Generator().manual_seed(20210707)
numbers.add("n_cases", [len(CASES)])
for i, (N, E, n_labels, by_distance) in enumerate(CASES):
    a, p = normal(generator, N, E), normal(generator, N, E)
    p[1::3] = (p[1::3] / 4 + a[0]).float().double()  # some near the first anchor, of all distances
    labels, items = torch.randint(n_labels, (2, N), generator=generator)
    weights = triplet_weights(a, p, labels, items, by_distance)
    expected = weights[weights > 0]
    degrees = int((np.maximum((weights > 0).sum(1) - 1, 0)).sum())
    numbers.add(f"case{i}.sizes", [N, E, int(by_distance)])
    for name, values in (("a", a), ("p", p)):
        numbers.add(f"case{i}.{name}", values.numpy())
    numbers.add(f"case{i}.anchor_labels", labels.numpy())
    numbers.add(f"case{i}.item_labels", items.numpy())
    numbers.add(f"case{i}.probabilities", weights)
    numbers.add(f"case{i}.chi_square_quantile", [scipy.stats.chi2.ppf(0.9999, degrees)])
numbers.write()
print(PATH.stat().st_size, "bytes")
