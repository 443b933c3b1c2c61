"""The music encoder of bench/conv.c in PyTorch (oneDNN): the same layers, the same order.

    python bench/peers/conv.py [threads] [B] [n] [runs] [layers]       2 32 64 5

One JSON line for the whole encoder, forward and forward + backward, in the memory format that is faster for it. With the
word `layers` also one per layer in that format: the convolution alone, and with batch normalisation, residual, relu and
pooling. Times are the best of the runs.
"""
import json
import sys
import time

import torch

from music_encoder import LAYERS, MusicEncoder

numbers = [a for a in sys.argv[1:] if a != "layers"]
threads, B, n, RUNS = (int(a) for a in numbers + ["2", "32", "64", "5"][len(numbers):])
H, W = 128, 313


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


def say(layer, **figures):
    print(json.dumps({"bench": "conv", "peer": "torch", "torch": torch.__version__, "layer": layer, "threads": threads,
                      "B": B, "n": n, "runs": RUNS, **figures}), flush=True)


def measure_layers(encoder):
    h, w = H, W
    for (name, c, k, _, has_residual, ph, pw), unit in zip(LAYERS, encoder.units):
        def image(C):
            return torch.randn(B, C, h, w).contiguous(memory_format=encoder.format).requires_grad_()
        x, residual = image(c * n or 1), image(k * n) if has_residual else None
        conv, block = measure(lambda: unit.conv(x)), measure(lambda: unit(x, residual))
        say(name, conv_forward_ms=conv[0], conv_both_ms=conv[1], block_forward_ms=block[0], block_both_ms=block[1])
        h, w = h // ph, w // pw


torch.set_num_threads(threads)
encoder, images = MusicEncoder(n), torch.randn(B, 1, H, W)
chosen = encoder.choose_format(images)
forward, both = measure(lambda: encoder(images))
say("encoder", format=str(chosen).removeprefix("torch."), forward_ms=forward, both_ms=both)
if "layers" in sys.argv:
    measure_layers(encoder)
