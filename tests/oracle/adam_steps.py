"""Ten steps of torch.optim.Adam with coupled L2 in double, for tests/kernels/test_adam.c.

    python tests/oracle/adam_steps.py        writes tests/golden/adam_steps.txt
"""
import pathlib

import numpy as np
import torch

from numbers_golden import Numbers
from ops import normal

PATH = pathlib.Path(__file__).resolve().parent.parent / "golden" / "adam_steps.txt"
COUNTS, DECAYS, STEPS, RATE = (37, 5, 1), (1e-4, 0.0, 0.1), 10, 1e-2

f32 = lambda x: float(np.float32(x))
generator = torch.Generator().manual_seed(5)
parameters = [torch.nn.Parameter(normal(generator, count)) for count in COUNTS]
numbers = Numbers(str(PATH), np, torch)
numbers.add("counts", COUNTS)
numbers.add("weight_decays", np.float64(DECAYS))
numbers.add("steps", [STEPS])
numbers.add("learning_rate", [RATE])
numbers.add("start", torch.cat([p.data for p in parameters]).numpy())
optimizer = torch.optim.Adam([dict(params=[p], weight_decay=f32(d)) for p, d in zip(parameters, DECAYS)], lr=f32(RATE),
                             betas=(f32(0.9), f32(0.999)), eps=f32(1e-8))
for step in range(STEPS):
    for p in parameters:
        p.grad = normal(generator, p.numel())
    numbers.add(f"gradients{step}", torch.cat([p.grad for p in parameters]).numpy())
    optimizer.step()
    numbers.add(f"parameters{step}", torch.cat([p.data for p in parameters]).numpy())
numbers.write()
print(PATH.stat().st_size, "bytes")
