"""Statistics and agreement with labels: SciPy, scikit-learn, and for the random draws a Philox
written here from its paper, so that the resampled texts are the same.

    python tests/oracle/retrieval_statistics.py      writes tests/golden/retrieval_statistics.txt
"""
import os
import warnings

import numpy as np
import scipy
import scipy.stats
import sklearn
import sklearn.metrics as metrics

from numbers_golden import Numbers

STREAM_BOOTSTRAP = 7
TEXTS, SEEDS, SIGNS = 0, 1, 2
M32 = 0xFFFFFFFF


class Philox:
    """Philox 4x32-10; counter (block, sample, step, stream), key the seed."""

    def __init__(self, seed, stream, step, sample):
        self.key = (seed & M32, seed >> 32)
        self.rest = (sample, step, stream)
        self.index = 0

    def block(self, number):
        c, (k0, k1) = [number, *self.rest], self.key
        for _ in range(10):
            p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
            c = [(q >> 32) ^ c[1] ^ k0, q & M32, (p >> 32) ^ c[3] ^ k1, p & M32]
            k0, k1 = (k0 + 0x9E3779B9) & M32, (k1 + 0xBB67AE85) & M32
        return c

    def next(self):
        word = self.block(self.index // 4)[self.index % 4]
        self.index += 1
        return word

    def below(self, n):
        while True:
            product = self.next() * n
            if product & M32 >= 2 ** 32 % n:
                return product >> 32


def macro(values, mood):
    return np.mean([values[mood == m].mean() for m in np.unique(mood)])


def bootstrap(values, mood, n_replicates, seed):
    """values (seeds, texts)"""
    n_seeds = len(values)
    replicates = []
    for replicate in range(n_replicates):
        draw = Philox(seed, STREAM_BOOTSTRAP, replicate, SEEDS)
        seeds = [draw.below(n_seeds) for _ in range(n_seeds)]
        draw = Philox(seed, STREAM_BOOTSTRAP, replicate, TEXTS)
        means = []
        for m in np.unique(mood):
            texts = np.flatnonzero(mood == m)
            texts = texts[[draw.below(len(texts)) for _ in texts]]
            means.append(values[np.ix_(seeds, texts)].mean())
        replicates.append(np.mean(means))
    return [macro(values.mean(0), mood), np.quantile(replicates, 0.025),
            np.quantile(replicates, 0.975), np.std(replicates, ddof=1)]


def random_permutation(difference, mood, n_permutations, seed):
    observed, hits = abs(macro(difference, mood)), 0
    for permutation in range(n_permutations):
        draw = Philox(seed, STREAM_BOOTSTRAP, permutation, SIGNS)
        words = [draw.next() for _ in range((len(mood) + 31) // 32)]
        signs = np.array([-1 if words[i // 32] >> i % 32 & 1 else 1 for i in range(len(mood))])
        hits += abs(macro(signs * difference, mood)) >= observed - 1e-12
    return (hits + 1) / (n_permutations + 1)


def exact_permutation(difference, mood):
    """SciPy's own enumeration of all sign flips."""
    def statistic(x):
        return macro(x, mood)
    result = scipy.stats.permutation_test((difference,), statistic, permutation_type="samples",
                                          n_resamples=np.inf, vectorized=False)
    return result.pvalue


def samples(out, generator):
    texts, seeds = 43, 3
    mood = generator.choice([0, 1, 3, 4], texts, p=[0.5, 0.3, 0.1, 0.1])  # mood 2 has no text
    values = generator.integers(0, 6, (seeds, texts)) / 5
    out.add("sample.sizes", [texts, seeds, 5])
    out.add("sample.mood", mood)
    out.add("sample.values", values)
    out.add("sample.bootstrap", bootstrap(values, mood, 200, 2021))
    out.add("sample.bootstrap_one_seed", bootstrap(values[:1], mood, 200, 2 ** 40 + 3))
    out.add("sample.bootstrap_micro", bootstrap(values, np.zeros(texts, int), 200, 5))
    difference = values[0] - values[1] + 0.05
    out.add("sample.difference", difference)
    out.add("sample.permutation", [random_permutation(difference, mood, 500, 11)])
    small = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 2])
    for i in range(4):
        difference = generator.integers(-2, 5, len(small)) / 5  # ties and zeros
        if i == 3:
            difference = np.zeros(len(small))
        out.add(f"small{i}.difference", difference)
        out.add(f"small{i}.p", [exact_permutation(difference, small)])
    out.add("small.mood", small)


def equivalence(out, generator):
    points = [(t, df) for df in (1, 2, 5, 30, 400.5, 1e5) for t in (-40, -3.2, -1, -1e-4, 0, 0.3, 7)]
    out.add("student.points", np.array(points, float))
    out.add("student.values", [scipy.stats.t.cdf(t, df) for t, df in points])
    difference = generator.normal(0.004, 0.01, 12)
    above = scipy.stats.ttest_1samp(difference, -0.01, alternative="greater").pvalue
    below = scipy.stats.ttest_1samp(difference, 0.01, alternative="less").pvalue
    out.add("tost.difference", difference)
    out.add("tost.result", [difference.mean(), scipy.stats.sem(difference), above, below,
                            max(above, below)])


def agreement(out, generator):
    label = generator.choice([0, 1, 2, 4], 60)
    predicted = np.where(generator.random(60) < 0.5, label, generator.integers(0, 5, 60))
    predicted[predicted == 1] = 5  # class 1 is never predicted, class 3 and 5 never a label
    out.add("classes.label", label)
    out.add("classes.predicted", predicted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out.add("classes.result", [metrics.accuracy_score(label, predicted),
                                   metrics.balanced_accuracy_score(label, predicted),
                                   metrics.f1_score(label, predicted, average="macro")])
    out.add("classes.confusion", metrics.confusion_matrix(label, predicted, labels=range(7)))

    target = generator.random((40, 4)).astype(np.float32)
    target[:, 2], target[:, 3] = 0.25, 0.1
    predicted = (target + 0.2 * generator.standard_normal(target.shape)).astype(np.float32)
    predicted[:, 3] = target[:, 3]
    out.add("r2.target", target.astype(float))
    out.add("r2.predicted", predicted.astype(float))
    out.add("r2.result", [metrics.r2_score(target.astype(float), predicted.astype(float))])

    label = (generator.random((70, 6)) < [0.5, 0.1, 0.02, 0.9, 0, 1]).astype(int)
    label[0, 2] = 1
    score = generator.integers(0, 12, label.shape) / 8 + 0.4 * label  # ties
    score = score.astype(np.float32).astype(float)
    score[:, 3] = 0.5  # no information: 0.5 and the share of positives
    out.add("tags.label", label)
    out.add("tags.score", score)
    roc = [metrics.roc_auc_score(label[:, k], score[:, k]) for k in range(4)]
    pr = [metrics.average_precision_score(label[:, k], score[:, k]) for k in range(4)]
    out.add("tags.roc_auc", roc)
    out.add("tags.pr_auc", pr)
    out.add("tags.macro", [metrics.roc_auc_score(label[:, :4], score[:, :4], average="macro"),
                           metrics.average_precision_score(label[:, :4], score[:, :4])])


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    out = Numbers(os.path.join(root, "golden", "retrieval_statistics.txt"), np, scipy, sklearn)
    generator = np.random.default_rng(300)
    samples(out, generator)
    equivalence(out, generator)
    agreement(out, generator)
    out.write()


if __name__ == "__main__":
    main()
