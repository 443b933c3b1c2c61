"""How hard the built-in corpus is for simple models: bag of words on the stories, and means and
deviations of a log-mel spectrogram on the clips, each with logistic regression.

    python tests/oracle/etude_difficulty.py FOLDER

FOLDER is what leit_etude_generate wrote with the default options. Prints one line per task: chance,
accuracy on train, valid and test, and the confusion matrix on test.
"""
import collections
import csv
import pathlib
import sys

import numpy as np
import scipy.signal
import sklearn
import soundfile
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SPLITS = ("train", "valid", "test")


def report(name, model, features, labels, splits):
    rows = {split: [i for i, s in enumerate(splits) if s == split] for split in SPLITS}

    def take(values, split):
        return [values[i] for i in rows[split]]

    model.fit(take(features, "train"), take(labels, "train"))
    scores = [model.score(take(features, s), take(labels, s)) for s in SPLITS]
    names = sorted(set(labels))
    print(f"{name:16s} chance {1 / len(names):.3f}  "
          + "  ".join(f"{s} {v:.3f}" for s, v in zip(SPLITS, scores)))
    table = confusion_matrix(take(labels, "test"), model.predict(take(features, "test")), labels=names)
    for label, row in zip(names, table):
        print(f"    {label:10s} " + " ".join(f"{n:3d}" for n in row))


def texts(folder, name):
    rows = [line.rstrip("\n").split("\t") for line in open(folder / name, encoding="utf-8")]
    model = make_pipeline(CountVectorizer(lowercase=True), LogisticRegression(max_iter=2000))
    report(name, model, [r[3] for r in rows], [r[1] for r in rows], [r[2] for r in rows])


def mel_filters(rate, n_fft, n_mels=40):
    def mel(hz):
        return 2595 * np.log10(1 + hz / 700)

    edges = 700 * (10 ** (np.linspace(0, mel(rate / 2), n_mels + 2) / 2595) - 1)
    bins = np.arange(n_fft // 2 + 1) * rate / n_fft
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(rise, fall))


def log_mel_statistics(path):
    samples, rate = soundfile.read(path)
    _, _, spectrum = scipy.signal.stft(samples, rate, nperseg=512, noverlap=256, boundary=None)
    mel = 10 * np.log10(mel_filters(rate, 512) @ np.abs(spectrum) ** 2 + 1e-10)
    return np.concatenate([mel.mean(1), mel.std(1), np.abs(np.diff(mel, axis=1)).mean(1)])


def clips(folder):
    rows = list(csv.DictReader(open(folder / "clips.csv", encoding="utf-8")))
    groups = collections.defaultdict(set)
    for r in rows:
        groups[r["group"]].add(r["split"])
    assert all(len(s) == 1 for s in groups.values()), "a group stands in two splits"
    features = [log_mel_statistics(folder / r["path"]) for r in rows]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000, C=0.1))
    report("clips.csv", model, features, [r["label"] for r in rows], [r["split"] for r in rows])


def main():
    folder = pathlib.Path(sys.argv[1])
    print(f"numpy {np.__version__}, scipy {scipy.__version__}, scikit-learn {sklearn.__version__}")
    texts(folder, "texts_alm.tsv")
    texts(folder, "texts_isear.tsv")
    clips(folder)


main()
