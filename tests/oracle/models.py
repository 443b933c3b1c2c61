"""Golden values of the models: small encoders and heads in PyTorch, outputs and every gradient.

    python tests/oracle/models.py          writes tests/golden/models/{text,music,head}.h5

Parameters and inputs are exact in float32; everything is computed in double. A dataset of
outputs, statistics or gradients has the attribute `error`: the largest error that float32 makes there over
one run of PyTorch in float32 and four in double whose parameters were moved by up to half a unit in the last
place, and whose mel by a unit of its frame (a single run can be lucky). Of gradients, which jump where a run
crosses a kink of a ReLU or a pool, it is the second largest. Convolution weights are written (out, height,
width, in). The loss is mean((output - target)^2).
"""

import pathlib
import sys

import h5py
import numpy as np
import torch
import transformers
from torch import nn

torch.version.cuda = None  # torchaudio refuses a torch built for another CUDA; nothing here uses CUDA
import torchaudio

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "golden" / "models"
ROUNDING = 2.0**-24


# ---- the models -------------------------------------------------------------------------------

class TextEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.text = transformers.DistilBertModel(transformers.DistilBertConfig(
            vocab_size=50, max_position_embeddings=12, n_layers=2, dim=24, n_heads=3, hidden_dim=40,
            dropout=0.0, attention_dropout=0.0, attn_implementation="eager"))

    def forward(self, texts):
        longest = max(len(text) for text in texts)
        ids = torch.zeros(len(texts), longest, dtype=torch.long)
        mask = torch.zeros(len(texts), longest, dtype=torch.long)
        for row, text in enumerate(texts):
            ids[row, :len(text)] = torch.tensor(text)
            mask[row, :len(text)] = 1
        return self.text(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]


class Block(nn.Module):
    """3x3 or 1x1 convolution, normalisation, ReLU, pooling."""

    def __init__(self, C, K, size, pool):
        super().__init__()
        self.conv = nn.Conv2d(C, K, size, padding=size // 2)
        self.bn = nn.BatchNorm2d(K)
        self.pool = pool

    def forward(self, x):
        return nn.functional.max_pool2d(torch.relu(self.bn(self.conv(x))), self.pool)


class Residual(nn.Module):
    def __init__(self, C, pool):
        super().__init__()
        self.conv_1, self.bn_1 = nn.Conv2d(C, C, 3, padding=1), nn.BatchNorm2d(C)
        self.conv_2, self.bn_2 = nn.Conv2d(C, C, 3, padding=1), nn.BatchNorm2d(C)
        self.pool = pool

    def forward(self, x):
        inner = torch.relu(self.bn_1(self.conv_1(x)))
        return nn.functional.max_pool2d(torch.relu(x + self.bn_2(self.conv_2(inner))), self.pool)


class MusicTower(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.spec_bn = nn.BatchNorm2d(1)
        self.layer1 = Block(1, n, 3, (2, 2))
        self.layer2 = Residual(n, (2, 2))
        self.layer3 = Block(n, 2 * n, 3, (2, 2))
        self.layer4 = Residual(2 * n, (2, 2))
        self.layer5 = Residual(2 * n, (2, 2))
        self.layer6 = Residual(2 * n, (2, 3))
        self.layer7 = Block(2 * n, 4 * n, 3, (2, 3))
        self.layer8 = Block(4 * n, 4 * n, 1, (1, 1))

    def forward(self, mel):
        x = self.spec_bn(mel.unsqueeze(1))
        for layer in range(1, 9):
            x = getattr(self, f"layer{layer}")(x)
        return x.amax(dim=(2, 3))


class MusicEncoder(nn.Module):
    HOP_LENGTH = 16

    def __init__(self):
        super().__init__()
        self.music = MusicTower(4)
        self.front = torchaudio.transforms.MelSpectrogram(sample_rate=16000, n_fft=512,
                                                          hop_length=self.HOP_LENGTH, n_mels=128)
        self.decibel = torchaudio.transforms.AmplitudeToDB()
        self.moved = None

    def forward(self, pcm):
        power = self.front(pcm.to(next(self.parameters()).dtype) / 32768)
        if self.moved is not None:  # as an FFT in float32 does, by a unit of the largest
            amplitude = power.sqrt()
            shift = 2 * torch.rand(power.shape, generator=self.moved, dtype=power.dtype) - 1
            moved = (amplitude + 2**-23 * amplitude.amax(dim=1, keepdim=True) * shift) ** 2
            power = torch.where(power > 0, moved, power)  # a filter between two bins stays empty
        return self.music(self.decibel(power))


class Head(nn.Module):
    """linear - BatchNorm - ReLU - linear, of a tower and of the tag encoder."""

    def __init__(self, name, D, hidden, K):
        super().__init__()
        self.add_module(name, nn.ModuleDict(dict(fc1=nn.Linear(D, hidden),
                                                 bn=nn.BatchNorm1d(hidden),
                                                 fc2=nn.Linear(hidden, K))))
        self.name = name

    def forward(self, x):
        part = getattr(self, self.name)
        x = x.to(part["fc1"].weight.dtype)
        return part["fc2"](torch.relu(part["bn"](part["fc1"](x))))


# ---- running and writing ------------------------------------------------------------------------

def is_front(name):
    return name.startswith("front.")


def states(model):
    return {name: value.detach().clone() for name, value in model.state_dict().items()
            if not name.endswith("num_batches_tracked") and not is_front(name)}


def scatter(model, generator):
    """Starts every parameter and statistic at a value that says something, exact in float32."""
    for name, value in model.state_dict().items():
        if is_front(name) or not value.is_floating_point():
            continue
        noise = torch.randn(value.shape, generator=generator)
        if name.endswith("running_var"):
            fresh = 1 + 0.2 * noise.abs()
        elif value.dim() == 1 and name.endswith("weight"):
            fresh = 1 + 0.2 * noise
        elif value.dim() == 1:
            fresh = 0.2 * noise
        else:
            fresh = value.float() + 0.05 * noise
        value.copy_(fresh)


def run(model, start, dtype, x, target, moved=None):
    """Output in training, output in evaluation from the same start, gradients, statistics after."""
    model.to(dtype)
    state = {name: value.to(dtype) for name, value in start.items()}
    if moved is not None:
        for name, value in state.items():
            shift = (2 * torch.rand(value.shape, generator=moved, dtype=torch.float64) - 1) * ROUNDING
            state[name] = value * (1 + shift)
    model.load_state_dict(state, strict=False)
    model.moved = moved
    model.eval()
    with torch.no_grad():
        result = {"outputs/evaluation": model(x)}
    model.train()
    model.zero_grad(set_to_none=True)
    y = model(x)
    loss = ((y - target.to(dtype)) ** 2).mean()
    loss.backward()
    result["outputs/training"] = y
    result["outputs/loss"] = loss
    for name, value in model.named_parameters():
        if value.grad is not None and not is_front(name):
            result[f"gradients/{name}"] = value.grad
    for name, value in states(model).items():
        if "running_" in name:
            result[f"statistics/{name}"] = value
    return {name: value.detach().double().clone() for name, value in result.items()}


def as_stored(name, value):
    array = value.detach().numpy()
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1)) if array.ndim == 4 else array


def write(group, model, inputs, x, K, generator):
    scatter(model, generator)
    start = states(model)
    rows = len(x)
    target = torch.randn(rows, K, generator=generator)
    truth = run(model, start, torch.float64, x, target)
    others = [run(model, start, torch.float32, x, target)]
    others += [run(model, start, torch.float64, x, target, moved=generator) for _ in range(4)]
    for name, value in start.items():
        group[f"parameters/{name}"] = as_stored(name, value.float())
    for name, value in inputs.items():
        group[f"inputs/{name}"] = value
    group["inputs/target"] = target.numpy()
    for name, value in truth.items():
        group[name] = as_stored(name, value)
        errors = sorted(float((other[name] - value).abs().max()) for other in others)
        error = errors[-2] if name.startswith("gradients/") else errors[-1]
        group[name].attrs["error"] = error
        scale = float(value.abs().max())
        print(f"{group.name}/{name:60s} largest {scale:.3g} error {error:.2g}")


def text(file, g):
    lengths = [5, 12, 1]  # id 0 is [PAD], which gets no gradient there and never occurs here
    texts = [torch.randint(1, 50, (n,), generator=g).tolist() for n in lengths]
    inputs = dict(ids=np.array(sum(texts, []), dtype=np.int32), lengths=np.array(lengths, np.int32))
    write(file.create_group("text"), TextEncoder(), inputs, texts, 24, g)


def music(file, g):
    B, S = 4, 287 * MusicEncoder.HOP_LENGTH + 200
    time = torch.arange(S) / 16000
    rows = []
    for row in range(B):  # tones over noise, so that every mel bin is far from silence
        tones = sum(torch.sin(2 * torch.pi * f * time) for f in (200 + 150 * row, 900 * (row + 1)))
        rows.append(6000 * tones + 3000 * torch.randn(S, generator=g))
    pcm = torch.stack(rows).clamp(-32768, 32767).to(torch.int16)
    write(file.create_group("music"), MusicEncoder(), dict(pcm=pcm.numpy()), pcm, 16, g)


def head(file, g):
    for name, N, D, hidden, K in (("music", 6, 20, 12, 7), ("tag", 9, 30, 8, 5)):
        x = torch.randn(N, D, generator=g)
        write(file.create_group(name), Head(name, D, hidden, K), dict(x=x.numpy()), x, K, g)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for function in (text, music, head):
        g = torch.Generator().manual_seed(2021)
        torch.manual_seed(2021)
        with h5py.File(FOLDER / f"{function.__name__}.h5", "w") as file:
            file.attrs["versions"] = (f"python {sys.version.split()[0]}, torch {torch.__version__}, torchaudio "
                                      f"{torchaudio.__version__}, transformers {transformers.__version__}")
            function(file, g)


if __name__ == "__main__":
    main()
