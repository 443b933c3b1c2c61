"""The music encoder of bench/conv.c in PyTorch (oneDNN, channels_last): the same layers, the same order.

    python bench/peers/conv.py [threads] [B] [n] [runs]       2 32 64 5

One JSON line per layer: the convolution alone and with batch normalisation, residual, relu and pooling, each forward
and forward + backward; one for the whole encoder. Times are the best of the runs.
"""
import json
import sys
import time

import torch
from torch import nn

threads, B, n, RUNS = (int(a) for a in sys.argv[1:] + ["2", "32", "64", "5"][len(sys.argv) - 1:])
torch.set_num_threads(threads)
LAYERS = (("conv1", 0, 1, 3, 0, 2, 2), ("res2a", 1, 1, 3, 0, 1, 1), ("res2b", 1, 1, 3, 1, 2, 2),
          ("conv3", 1, 2, 3, 0, 2, 2), ("res4a", 2, 2, 3, 0, 1, 1), ("res4b", 2, 2, 3, 1, 2, 2),
          ("res5a", 2, 2, 3, 0, 1, 1), ("res5b", 2, 2, 3, 1, 2, 2), ("res6a", 2, 2, 3, 0, 1, 1),
          ("res6b", 2, 2, 3, 1, 2, 3), ("conv7", 2, 4, 3, 0, 2, 3), ("conv8", 4, 4, 1, 0, 1, 1))


class Unit(nn.Module):
    def __init__(self, C, K, size, pool):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(C, K, size, padding=size // 2), nn.BatchNorm2d(K)
        self.pool = nn.MaxPool2d(pool) if pool != (1, 1) else nn.Identity()

    def forward(self, x, residual=None):
        x = self.norm(self.conv(x))
        return self.pool(torch.relu(x if residual is None else x + residual))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.spectrogram = nn.BatchNorm2d(1)
        self.units = nn.ModuleList(Unit(c * n or 1, k * n, size, (ph, pw)) for _, c, k, size, _, ph, pw in LAYERS)

    def forward(self, x):
        x = self.spectrogram(x)
        for unit, layer in zip(self.units, LAYERS):
            before, x = (x, unit(x)) if not layer[4] else (None, unit(x, before))
        return x


def image(C, H, W, grad=True):
    return torch.randn(B, C, H, W).contiguous(memory_format=torch.channels_last).requires_grad_(grad)


def measure(function):
    """Best milliseconds of forward and of forward + backward."""
    forward, both = [], []
    dy = torch.randn_like(function())
    for run in range(-1, RUNS):
        start = time.perf_counter()
        y = function()
        middle = time.perf_counter()
        y.backward(dy)
        end = time.perf_counter()
        if run >= 0:
            forward.append(1e3 * (middle - start))
            both.append(1e3 * (end - start))
    return round(min(forward), 3), round(min(both), 3)


H, W = 128, 313
for name, c, k, size, has_residual, ph, pw in LAYERS:
    unit = Unit(c * n or 1, k * n, size, (ph, pw)).to(memory_format=torch.channels_last)
    x = image(c * n or 1, H, W)
    residual = image(k * n, H, W) if has_residual else None
    conv, block = measure(lambda: unit.conv(x)), measure(lambda: unit(x, residual))
    print(json.dumps({"bench": "conv", "peer": "torch", "torch": torch.__version__, "layer": name, "threads": threads,
                      "B": B, "conv_forward_ms": conv[0], "conv_both_ms": conv[1], "block_forward_ms": block[0],
                      "block_both_ms": block[1]}), flush=True)
    H, W = H // ph, W // pw
del unit, x, residual
encoder, x = Encoder().to(memory_format=torch.channels_last), image(1, 128, 313, grad=False)
forward, both = measure(lambda: encoder(x))
print(json.dumps({"bench": "conv", "peer": "torch", "torch": torch.__version__, "layer": "encoder", "threads": threads,
                  "B": B, "n": n, "runs": RUNS, "forward_ms": forward, "both_ms": both}))
