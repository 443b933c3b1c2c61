"""A whole comparison, from the values of each text to the table: means over seeds and moods, bootstrap
intervals, paired permutation tests over all pairs, Holm's correction written out from its definition.

    python tests/oracle/comparison.py      writes tests/golden/comparison.txt
"""
import itertools
import os

import numpy as np

from numbers_golden import Numbers
from retrieval_statistics import bootstrap, random_permutation

SEED = 1                                     # of every interval and test in a table
BOOTSTRAP_SAMPLES, PERMUTATION_SAMPLES = 200, 300
N_SEEDS = [3, 1, 2]                          # runs of each strategy
N_MAPPINGS, N_TEXTS = 2, 41


def holm(p_values):
    """The k-th smallest of n is multiplied by n - k + 1; none is smaller than one before it."""
    n = len(p_values)
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(n)
    for k in range(n):
        adjusted[order[k]] = max(min(1.0, (n - j) * p_values[order[j]]) for j in range(k + 1))
    return adjusted


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    out = Numbers(os.path.join(root, "golden", "comparison.txt"), np)
    generator = np.random.default_rng(20211107)
    mood = generator.choice([0, 1, 3], N_TEXTS, p=[0.5, 0.3, 0.2])  # mood 2 has no text
    out.add("sizes", [N_TEXTS, 4, N_MAPPINGS, BOOTSTRAP_SAMPLES, PERMUTATION_SAMPLES, *N_SEEDS])
    out.add("mood", mood)
    for mapping in range(N_MAPPINGS):
        precision, rank = [], []
        for strategy, n_seeds in enumerate(N_SEEDS):
            # better from strategy to strategy, so that some pairs differ and some do not
            chance = [0.25, 0.3, 0.6][strategy] + 0.2 * (mood == 0)
            precision.append(generator.binomial(5, chance, (n_seeds, N_TEXTS)) / 5)
            rank.append(1 / generator.geometric(chance, (n_seeds, N_TEXTS)))
            out.add(f"mapping{mapping}.strategy{strategy}.precision", precision[-1])
            out.add(f"mapping{mapping}.strategy{strategy}.rank", rank[-1])
            # mean, low, high of each figure
            out.add(f"mapping{mapping}.strategy{strategy}.cells",
                    [bootstrap(values, mood, BOOTSTRAP_SAMPLES, SEED)[:3] for values in (precision[-1], rank[-1])])
        pairs = list(itertools.combinations(range(len(N_SEEDS)), 2))
        differences = [precision[a].mean(0) - precision[b].mean(0) for a, b in pairs]
        p_values = [random_permutation(d, mood, PERMUTATION_SAMPLES, SEED) for d in differences]
        rows = [[*bootstrap(d[None], mood, BOOTSTRAP_SAMPLES, SEED)[:3], p, corrected]
                for d, p, corrected in zip(differences, p_values, holm(p_values))]
        out.add(f"mapping{mapping}.tests", rows)  # difference, low, high, p, Holm
    out.write()


if __name__ == "__main__":
    main()
