"""The training step of bench/train_step.c on a GPU in PyTorch, for scripts/gpu_check: torch alone, nothing to install.

    python bench/peers/cuda_step.py P1|P2 [blocks [steps of a block]]      7 200; P1 only where there is no GPU

P1: bf16 autocast, channels_last, SDPA, fused Adam, texts padded to the longest of the batch, all data in device memory.
P2: the same through torch.compile, the whole step with its draws in one CUDA graph. Every step has a fresh batch.
Between the events of a block lie all of its steps; prints one JSON line.
"""
import json
import math
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

from metric3 import B, CLIP, CROP, LENGTHS, ROUNDS, VOCABULARY, metric3_loss, projection
from music_encoder import MusicEncoder

CONTENDER, BLOCKS, STEPS = sys.argv[1], *(int(a) for a in sys.argv[2:4] + ["7", "200"][len(sys.argv[2:4]):])
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
WARM_UP = 50 if DEVICE == "cuda" else 1
D, HEADS, LAYERS, HIDDEN, DROPOUT = 384, 12, 6, 1536, 0.1
torch.manual_seed(1)
torch.backends.cudnn.benchmark = True


class Mel(nn.Module):
    """Power spectrogram of 512 points every 256 samples, 128 triangles on the HTK scale, in decibel."""

    def __init__(self):
        super().__init__()
        hz = torch.linspace(0, 8000, 257)
        mel = torch.linspace(0, 2595 * math.log10(1 + 8000 / 700), 130)
        edges = 700 * (10 ** (mel / 2595) - 1)
        slopes = edges[None, :] - hz[:, None]
        down, up = -slopes[:, :-2] / edges.diff()[:-1], slopes[:, 2:] / edges.diff()[1:]
        self.register_buffer("filters", torch.minimum(down, up).clamp_min(0))
        self.register_buffer("window", torch.hann_window(512))

    def forward(self, pcm):
        x = torch.stft(pcm.float() * (1 / 32768), 512, 256, window=self.window, return_complex=True)
        power = (torch.view_as_real(x).square().sum(-1).transpose(1, 2) @ self.filters).transpose(1, 2)
        return 10 * power.clamp_min(1e-10).log10()[:, None]


class Layer(nn.Module):
    """One of DistilBERT: attention, then the feed-forward network, each normalised behind its residual."""

    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(D, 3 * D), nn.Linear(D, D)
        self.up, self.down = nn.Linear(D, HIDDEN), nn.Linear(HIDDEN, D)
        self.norm1, self.norm2 = nn.LayerNorm(D, 1e-12), nn.LayerNorm(D, 1e-12)

    def forward(self, x, mask):
        q, k, v = self.qkv(x).unflatten(2, (3, HEADS, D // HEADS)).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=DROPOUT)
        x = self.norm1(x + self.out(y.transpose(1, 2).flatten(2)))
        return self.norm2(x + F.dropout(self.down(F.gelu(self.up(x))), DROPOUT))


class Step(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.positions = nn.Embedding(VOCABULARY, D), nn.Embedding(512, D)
        self.norm, self.layers = nn.LayerNorm(D, 1e-12), nn.ModuleList(Layer() for _ in range(LAYERS))
        self.mel, self.music = Mel(), MusicEncoder(64).to(memory_format=torch.channels_last)
        self.text_head, self.music_head = projection(D, 128, 64), projection(256, 128, 64)
        self.tag_head = projection(300, 128, 64)

    def forward(self, ids, mask, images, tags):
        x = F.dropout(self.norm(self.words(ids) + self.positions.weight[:ids.shape[1]]), DROPOUT)
        for layer in self.layers:
            x = layer(x, mask)
        return self.text_head(x[:, 0]), self.music_head(self.music(images).amax(dim=(2, 3))), self.tag_head(tags)


class Data:
    """All of it in device memory; the number of the step too, so that a graph takes the next batch by itself."""

    def __init__(self):
        T = max(LENGTHS)
        lengths = torch.tensor(LENGTHS, device=DEVICE)
        self.number = torch.zeros((), dtype=torch.int64, device=DEVICE)
        self.mask = (torch.arange(T, device=DEVICE)[None, :] < lengths[:, None])[:, None, None, :]
        self.ids = torch.randint(999, VOCABULARY, (ROUNDS, B, T), device=DEVICE) * self.mask[:, 0, 0]
        self.pcm = torch.randint(-8192, 8192, (B * ROUNDS, CLIP), dtype=torch.int16, device=DEVICE)
        self.text_vectors, self.music_vectors = torch.randn(5, 300, device=DEVICE), torch.randn(7, 300, device=DEVICE)
        self.rows, self.samples = torch.arange(B, device=DEVICE), torch.arange(CROP, device=DEVICE)

    def batch(self):
        self.number += 1
        clips = (self.rows + 5 * self.number) % (B * ROUNDS)
        starts = torch.randint(0, CLIP - CROP + 1, (B,), device=DEVICE)
        pcm = self.pcm[clips[:, None], starts[:, None] + self.samples]
        text_labels, music_labels = self.rows % 5, clips % 7
        tags = torch.cat([self.text_vectors[text_labels[:16]], self.music_vectors[music_labels[:16]]])
        return self.ids.index_select(0, (self.number % ROUNDS)[None])[0], pcm, tags, text_labels, music_labels


class Training:
    def __init__(self):
        self.model, self.data = Step().to(DEVICE).train(), Data()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4, weight_decay=1e-4, fused=True,
                                          capturable=CONTENDER == "P2")
        is_compiled = CONTENDER == "P2"
        self.run = torch.compile(self.model, mode="max-autotune-no-cudagraphs") if is_compiled else self.model
        self.loss = None

    def step(self):
        ids, pcm, tags, text_labels, music_labels = self.data.batch()
        with torch.no_grad():
            images = self.model.mel(pcm)
        with torch.autocast(DEVICE, dtype=torch.bfloat16):
            text, music, tag = self.run(ids, self.data.mask, images, tags)
        self.loss = metric3_loss(text.float(), music.float(), tag.float(), text_labels, music_labels)
        self.optimizer.zero_grad(set_to_none=True)
        self.loss.backward()
        self.optimizer.step()


def captured(training):
    """The step as one graph, after warm-up on a stream of its own."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(5):
            training.step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        training.step()
    return graph.replay


def block(step):
    """Milliseconds of a step, over a block of them."""
    if DEVICE == "cpu":
        start = time.perf_counter()
        for _ in range(STEPS):
            step()
        return 1e3 * (time.perf_counter() - start) / STEPS
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(STEPS):
        step()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / STEPS


def main():
    if CONTENDER not in ("P1", "P2") or (CONTENDER == "P2" and DEVICE == "cpu"):
        sys.exit(f"cuda_step: {CONTENDER} on {DEVICE}: there are P1, and on a GPU P2")
    training = Training()
    step = captured(training) if CONTENDER == "P2" else training.step
    for _ in range(WARM_UP):
        step()
    blocks = [block(step) for _ in range(BLOCKS)]
    print(json.dumps({"bench": "train_step", "peer": f"torch {CONTENDER}", "version": torch.__version__, "device": DEVICE,
                      "median_ms": round(statistics.median(blocks), 4), "fastest_ms": round(min(blocks), 4),
                      "slowest_ms": round(max(blocks), 4), "loss": round(training.loss.item(), 6)}))


main()
