"""The music encoder of src/model/music_encoder.c in PyTorch, written for speed: what conv.py and train_step.py measure.

Activations are changed in place where autograd allows it, images lie in the memory format that is faster on this
machine (two steps of each decide), and freed memory is kept by the process instead of given back after every tensor.
"""
import ctypes
import time

import torch
from torch import nn

# name, input and output channels in units of n (0: one channel), kernel, has a residual, pooling
LAYERS = (("conv1", 0, 1, 3, False, 2, 2), ("res2a", 1, 1, 3, False, 1, 1), ("res2b", 1, 1, 3, True, 2, 2),
          ("conv3", 1, 2, 3, False, 2, 2), ("res4a", 2, 2, 3, False, 1, 1), ("res4b", 2, 2, 3, True, 2, 2),
          ("res5a", 2, 2, 3, False, 1, 1), ("res5b", 2, 2, 3, True, 2, 2), ("res6a", 2, 2, 3, False, 1, 1),
          ("res6b", 2, 2, 3, True, 2, 3), ("conv7", 2, 4, 3, False, 2, 3), ("conv8", 4, 4, 1, False, 1, 1))
ctypes.CDLL(None).mallopt(-4, 0)  # M_MMAP_MAX: a fresh mapping for every large tensor costs a fault per page
ctypes.CDLL(None).mallopt(-1, -1)  # M_TRIM_THRESHOLD: never
FORMATS = (torch.contiguous_format, torch.channels_last)


class Unit(nn.Module):
    """Convolution, batch normalisation, residual, relu, pooling."""

    def __init__(self, C, K, size, pool):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(C, K, size, padding=size // 2), nn.BatchNorm2d(K)
        self.pool = nn.MaxPool2d(pool) if pool != (1, 1) else nn.Identity()

    def forward(self, x, residual=None):
        x = self.norm(self.conv(x))
        return self.pool(torch.relu_(x if residual is None else x.add_(residual)))


class MusicEncoder(nn.Module):
    """Log-mel images (B, 1, H, W) -> (B, 4n, H', W')."""

    def __init__(self, n):
        super().__init__()
        self.format = torch.channels_last
        self.spectrogram = nn.BatchNorm2d(1)
        self.units = nn.ModuleList(Unit(c * n or 1, k * n, size, (ph, pw)) for _, c, k, size, _, ph, pw in LAYERS)

    def forward(self, x):
        x, before = self.spectrogram(x.contiguous(memory_format=self.format)), None
        for unit, layer in zip(self.units, LAYERS):
            before, x = (None, unit(x, before)) if layer[4] else (x, unit(x))
        return x

    def choose_format(self, x):
        """Takes the memory format whose second step on x is faster."""
        seconds = {}
        for self.format in FORMATS:
            self.to(memory_format=self.format)
            for _ in range(2):
                start = time.process_time()
                self(x).sum().backward()
                seconds[self.format] = time.process_time() - start
        self.format = min(seconds, key=seconds.get)
        self.to(memory_format=self.format).zero_grad(set_to_none=True)
        return self.format
