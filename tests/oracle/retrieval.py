"""Retrieval figures by brute force: every text sorted in full, every average written out.

    python tests/oracle/retrieval.py        writes tests/golden/retrieval.txt

The expected figures of a random ranking come from fractions over all positions, and for the small
case also from all permutations of the clips.
"""
import itertools
import os
import sys
from fractions import Fraction
from math import comb

import numpy as np
from scipy.spatial.distance import cdist

import scipy
from numbers_golden import Numbers

DEPTH = 7


def rank(scores):
    """Clip indices, best first; ties by index; -inf is not retrieved."""
    order = sorted(range(len(scores)), key=lambda clip: (-scores[clip], clip))
    return [clip for clip in order if scores[clip] != -np.inf]


def text_figures(scores, clip_mood, right):
    hits = [clip_mood[clip] in right for clip in rank(scores)]
    precision = [sum(hits[:k]) / k for k in range(1, DEPTH + 1)]
    reciprocal = 1.0 / (hits.index(True) + 1) if True in hits else 0.0
    return precision + [reciprocal]


def averages(values, text_mood, K_text):
    """values (texts, DEPTH + 1) -> moods (K_text, DEPTH + 1) with NaN where empty, macro, micro"""
    moods = np.full((K_text, values.shape[1]), np.nan)
    for mood in range(K_text):
        rows = [values[i] for i in range(len(values)) if text_mood[i] == mood]
        if rows:
            moods[mood] = np.mean(rows, axis=0)
    return moods, np.nanmean(moods, axis=0), values.mean(axis=0)


def random_figures(n, R):
    """Exact, by fractions."""
    precision = [Fraction(R * min(k, n), n * k) for k in range(1, DEPTH + 1)]
    reciprocal = sum((Fraction(comb(n - r, R - 1), comb(n, R) * r) for r in range(1, n - R + 2)),
                     Fraction(0)) if R else Fraction(0)
    return [float(v) for v in precision + [reciprocal]]


def permuted_figures(moods, right):
    """The same from all distinct orders of the moods of the clips."""
    rows = []
    for order in itertools.permutations(moods):
        rows.append(text_figures(-np.arange(len(order), dtype=float), order, right))
    return np.mean(rows, axis=0)


def oracle_figures(n, R):
    return [min(R, k) / k for k in range(1, DEPTH + 1)] + [1.0 if R else 0.0]


def confusion(scores, text_mood, clip_mood, K_text, K_music, k):
    table = np.zeros((K_text, K_music))
    for mood in range(K_text):
        rows = [i for i in range(len(text_mood)) if text_mood[i] == mood]
        for i in rows:
            for clip in rank(scores[i])[:k]:
                table[mood, clip_mood[clip]] += 1 / (k * len(rows))
    return table


def case(out, name, generator, n_texts, n_clips, K_text, K_music, levels, empty_mood, drop):
    """levels: scores are drawn from so many values (ties); 0 draws them continuous.
    empty_mood: a text mood without a text. drop: share of clips that are not retrieved."""
    present = [m for m in range(K_text) if m != empty_mood]
    text_mood = generator.choice(present, n_texts)
    clip_mood = generator.integers(0, K_music, n_clips)
    mapping = (generator.random((K_text, K_music)) < 0.35).astype(int)
    mapping[0] = 0  # a text mood for which no clip is right
    if K_text > 1:
        mapping[1, clip_mood[0]] = 1
    scores = generator.standard_normal((n_texts, n_clips)).astype(np.float32)
    if levels:
        scores = generator.integers(0, levels, (n_texts, n_clips)).astype(np.float32)
    scores[generator.random((n_texts, n_clips)) < drop] = -np.inf
    if drop:
        scores[0] = -np.inf
    right = [{m for m in range(K_music) if mapping[t, m]} for t in range(K_text)]
    values = np.array([text_figures(scores[i], clip_mood, right[text_mood[i]])
                       for i in range(n_texts)])
    moods, macro, micro = averages(values, text_mood, K_text)
    n_right = [sum(m in right[t] for m in clip_mood) for t in range(K_text)]
    out.add(name + ".sizes", [n_texts, n_clips, K_text, K_music, DEPTH])
    out.add(name + ".text_mood", text_mood)
    out.add(name + ".clip_mood", clip_mood)
    out.add(name + ".mapping", mapping)
    out.add(name + ".scores", scores.astype(np.float64))
    out.add(name + ".values", values)
    for row, figures in (("random", random_figures), ("oracle", oracle_figures)):
        reference = np.array([figures(n_clips, n_right[t]) for t in text_mood])
        if row == "random" and n_clips <= 7:
            for t in set(text_mood):
                assert np.allclose(permuted_figures(clip_mood, right[t]),
                                   random_figures(n_clips, n_right[t]), rtol=1e-13, atol=0)
        parts = averages(reference, text_mood, K_text)
        for part, figure in zip(("moods", "macro", "micro"), parts):
            out.add(f"{name}.{row}.{part}", np.nan_to_num(figure))
    for part, figure in zip(("moods", "macro", "micro"), (moods, macro, micro)):
        out.add(f"{name}.{part}", np.nan_to_num(figure))
    out.add(name + ".confusion", confusion(scores, text_mood, clip_mood, K_text, K_music, 5))


def ranking(out, generator):
    text = generator.standard_normal((5, 37)).astype(np.float32)
    clip = generator.standard_normal((11, 37)).astype(np.float32)
    clip[3] = 0.0
    out.add("ranking.text", text.astype(np.float64))
    out.add("ranking.clip", clip.astype(np.float64))
    a, b = text.astype(np.float64), clip.astype(np.float64)
    out.add("ranking.squared_euclidean", cdist(a, b, "sqeuclidean"))
    cosine = 1.0 - cdist(a, b, "cosine")
    cosine[:, 3] = 0.0
    out.add("ranking.cosine", cosine)
    logits = generator.standard_normal((11, 7)) * 30
    logits = logits.astype(np.float32).astype(np.float64)
    out.add("ranking.logits", logits)
    out.add("ranking.log_likelihood", scipy.special.log_softmax(logits, axis=1))


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    out = Numbers(os.path.join(root, "golden", "retrieval.txt"), np, scipy)
    generator = np.random.default_rng(20210611)
    out.add("cases", [5])
    case(out, "case0", generator, 23, 41, 5, 7, 0, -1, 0.0)
    case(out, "case1", generator, 31, 59, 5, 7, 3, 2, 0.0)
    case(out, "case2", generator, 29, 37, 7, 7, 4, 6, 0.8)
    case(out, "case3", generator, 9, 6, 3, 2, 2, -1, 0.3)
    case(out, "case4", generator, 1, 1, 2, 1, 0, 0, 0.0)
    ranking(out, generator)
    out.write()


if __name__ == "__main__":
    sys.exit(main())
