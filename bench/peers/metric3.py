"""What the steps of train_step.py (CPU) and cuda_step.py have in common: sizes, heads and losses of metric3."""
import torch
from torch import nn
from torch.nn import functional as F

B, ROUNDS, CROP, CLIP, VOCABULARY = 32, 4, 80000, 96000, 30522
LENGTHS = [21, 9, 34, 15, 60, 11, 25, 17, 13, 46, 7, 29, 19, 23, 12, 37,
           16, 26, 8, 41, 20, 14, 31, 10, 53, 18, 27, 6, 22, 17, 24, 13]


def projection(D, hidden, E):
    return nn.Sequential(nn.Linear(D, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(0.5), nn.Linear(hidden, E))


def triplet_loss(anchor, positive, anchor_labels, item_labels, margin=0.2, cutoff=0.5, beyond=1.4):
    """Cosine triplets; the negative of an anchor is drawn with distance weights (Wu et al. 2017)."""
    a, p = F.normalize(anchor), F.normalize(positive)
    s = a @ p.T
    with torch.no_grad():
        E = a.shape[1]
        d = (2 - 2 * s).clamp_min(0).sqrt().clamp_min(cutoff)
        log_w = (2 - E) * d.log() - (E - 3) / 2 * (1 - d * d / 4).clamp_min(1e-8).log()
        allowed = anchor_labels[:, None] != item_labels[None, :]
        log_w = log_w.masked_fill(~allowed | (d >= beyond), -torch.inf)
        top = log_w.amax(1, keepdim=True)
        w = torch.where(top.isfinite(), (log_w - top).exp(), allowed.float())
        negative = torch.multinomial(w + 1e-30, 1)
    return (margin - s.diagonal() + s.gather(1, negative)[:, 0]).clamp_min(0).mean()


def metric3_loss(text, music, tag, text_labels, music_labels):
    return (0.3 * triplet_loss(tag[:16], text[:16], text_labels[:16], text_labels[:16])
            + 0.3 * triplet_loss(tag[16:], music[:16], music_labels[:16], music_labels[:16])
            + 0.4 * triplet_loss(text[16:], music[16:], text_labels[16:], text_labels[16:]))
