"""BS.1770-4 loudness with SciPy's filters, and the K-weighting at other rates by scipy.signal.bilinear.

    python tests/oracle/loudness.py        writes tests/golden/loudness.txt

The test signal is made again by tests/audio/test_loudness.c: 24-bit steps of a linear congruential
generator, quiet, loud and almost silent in turn, at 48 kHz and, by the same samples, at 16 kHz.
"""
import os

import numpy as np
import scipy
import scipy.signal

from numbers_golden import Numbers

# ITU-R BS.1770-4, tables 1 and 2: coefficients at 48 kHz.
SHELF = ([1.53512485958697, -2.69169618940638, 1.19839281085285], [1.0, -1.69065929318241, 0.73248077421585])
PASS = ([1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621])


def analogue(b, a, rate):
    """The filter whose bilinear transform at `rate` is b / a: z = (2 rate + s) / (2 rate - s)."""
    up, down = np.poly1d([1, 2 * rate]), np.poly1d([-1, 2 * rate])
    through = lambda c: np.polyadd(np.polyadd(c[0] * up * up, c[1] * up * down), c[2] * down * down)
    return np.asarray(through(b)), np.asarray(through(a))


def at_rate(b, a, rate, corner_hz):
    """The same analogue filter, warped so that its corner frequency stays in place, at another rate."""
    b, a = analogue(b, a, 48000)
    stretch = (rate * np.tan(np.pi * corner_hz / rate)) / (48000 * np.tan(np.pi * corner_hz / 48000))
    powers = stretch ** np.arange(2, -1, -1)
    return scipy.signal.bilinear(b / powers, a / powers, rate)


def loudness(x, rate, filters):
    for b, a in filters:
        x = scipy.signal.lfilter(b, a, x)
    block, hop = int(0.4 * rate), int(0.1 * rate)
    power = np.array([np.mean(x[i:i + block] ** 2) for i in range(0, len(x) - block + 1, hop)])
    level = -0.691 + 10 * np.log10(power)
    gate = -0.691 + 10 * np.log10(power[level > -70].mean()) - 10
    return -0.691 + 10 * np.log10(power[(level > -70) & (level > gate)].mean())


def signal(n):
    state, x = 1, np.empty(n)
    for i in range(n):
        state = (state * 1664525 + 1013904223) % 2**32
        x[i] = np.float32((state >> 8) / 2**23 - 1) * np.float32((0.05, 0.5, 0.0001)[i // 40000 % 3])
    return x


numbers = Numbers(os.path.join(os.path.dirname(__file__), "..", "golden", "loudness.txt"), np, scipy)
numbers.add("standard", [*SHELF[0], *SHELF[1], *PASS[0], *PASS[1]])
x = signal(240000)
numbers.add("lkfs48000", [loudness(x, 48000, (SHELF, PASS))])
for rate in (16000, 44100):
    shelf = at_rate(*SHELF, rate, 1681.974450955533)
    high_pass = at_rate(*PASS, rate, 38.13547087602444)
    gain = high_pass[0][0]
    high_pass = (high_pass[0] / gain, high_pass[1])  # the standard's numerator is 1, -2, 1 at every rate
    numbers.add(f"stages{rate}", [*shelf[0], *shelf[1], *high_pass[0], *high_pass[1]])
    numbers.add(f"lkfs{rate}", [loudness(x, rate, (shelf, high_pass))])
numbers.write()
