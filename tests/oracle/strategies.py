"""The training step of every strategy in PyTorch, for tests/strategy/test_twins.c.

    LEIT_DUMP_STEPS=/tmp/steps build/tests/test_twins
    python tests/oracle/strategies.py /tmp/steps     writes tests/golden/strategies/twins.txt

A dump holds our initial parameters and, for 20 steps, token ids, mel images, targets and the
negatives that were drawn; that each is one the recipe allows is checked here, how likely each is
in triplet_sample.py. Written from the paper's section 3 and its public code's layers, with
torch.nn.functional and torch.optim.Adam; run in float64 and in float32.
"""
import pathlib
import re
import sys

import h5py
import numpy as np
import torch
import torch.nn.functional as F

from numbers_golden import Numbers

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden" / "strategies" / "twins.txt"
STEPS, HEADS, EPSILON, GAMMA, MARGIN = 20, 2, 1e-12, 2.0, 0.2
# enum leit_target
(TEXT_LABEL, MUSIC_LABEL, TEXT_VA, MUSIC_VA, TEXT_VECTOR, MUSIC_VECTOR, MUSIC_TAGS, TAG_VECTOR,
 TEXT_ROWS, MUSIC_ROWS, SECOND_HALF, TEXT_LABEL_1, MUSIC_LABEL_1, TEXT_LABEL_2,
 MUSIC_LABEL_2, MAPPED_LABEL_2) = range(16)


class Twin:
    def __init__(self, start, dtype):
        self.p = {}
        self.statistics = {}
        for name, value in start.items():
            tensor = torch.tensor(value, dtype=dtype)
            if name.endswith(("running_mean", "running_var")):
                self.statistics[name] = tensor
            else:
                self.p[name] = tensor.requires_grad_(True)
        decays = [t for n, t in self.p.items() if "word_embeddings" not in n]
        words = [t for n, t in self.p.items() if "word_embeddings" in n]
        groups = [{"params": decays, "weight_decay": 1e-4}]
        if words:
            groups.append({"params": words, "weight_decay": 0.0})
        self.adam = torch.optim.Adam(groups, lr=1e-4, betas=(0.9, 0.999), eps=1e-3)

    # ---- layers ----

    def linear(self, x, name):
        return F.linear(x, self.p[name + ".weight"], self.p[name + ".bias"])

    def norm(self, x, name):
        return F.batch_norm(x, self.statistics[name + ".running_mean"], self.statistics[name + ".running_var"],
                            self.p[name + ".weight"], self.p[name + ".bias"], training=True)

    def layernorm(self, x, name):
        w, b = self.p[name + ".weight"], self.p[name + ".bias"]
        return F.layer_norm(x, w.shape, w, b, EPSILON)

    def head(self, x, tower):
        return self.linear(F.relu(self.norm(self.linear(x, tower + ".fc1"), tower + ".bn")), tower + ".fc2")

    # ---- encoders ----

    def text(self, step):
        """[CLS] of a DistilBERT, one text after the other: no padding, no mask."""
        ids, offsets = torch.tensor(step["ids"][:], dtype=torch.long), step["offsets"][:]
        result = []
        for begin, end in zip(offsets[:-1], offsets[1:]):
            x = (self.p["text.embeddings.word_embeddings.weight"][ids[begin:end]]
                 + self.p["text.embeddings.position_embeddings.weight"][:end - begin])
            x = self.layernorm(x, "text.embeddings.LayerNorm")
            layer = 0
            while f"text.transformer.layer.{layer}.ffn.lin1.weight" in self.p:
                x = self.layer(x, f"text.transformer.layer.{layer}.")
                layer += 1
            result.append(x[0])
        return torch.stack(result)

    def layer(self, x, name):
        T, D = x.shape
        q, k, v = (self.linear(x, f"{name}attention.{w}_lin").view(T, HEADS, D // HEADS).transpose(0, 1) for w in "qkv")
        weights = torch.softmax(q @ k.transpose(1, 2) / (D // HEADS) ** 0.5, dim=-1)
        y = (weights @ v).transpose(0, 1).reshape(T, D)
        x = self.layernorm(self.linear(y, name + "attention.out_lin") + x, name + "sa_layer_norm")
        y = self.linear(F.gelu(self.linear(x, name + "ffn.lin1")), name + "ffn.lin2")
        return self.layernorm(y + x, name + "output_layer_norm")

    def conv(self, x, name):
        w = self.p[name + ".weight"].permute(0, 3, 1, 2)  # ours is (K, H, W, C)
        return F.conv2d(x, w, self.p[name + ".bias"], padding=w.shape[-1] // 2)

    def conv_block(self, x, name, pool):
        return F.max_pool2d(F.relu(self.norm(self.conv(x, name + ".conv"), name + ".bn")), pool)

    def res_block(self, x, name, pool):
        y = F.relu(self.norm(self.conv(x, name + ".conv_1"), name + ".bn_1"))
        y = self.norm(self.conv(y, name + ".conv_2"), name + ".bn_2")
        return F.max_pool2d(F.relu(y + x), pool)

    def music(self, step, dtype):
        x = torch.tensor(step["mel"][:], dtype=dtype).permute(0, 3, 1, 2)
        x = self.norm(x, "music.spec_bn")
        x = self.conv_block(x, "music.layer1", (2, 2))
        x = self.res_block(x, "music.layer2", (2, 2))
        x = self.conv_block(x, "music.layer3", (2, 2))
        for layer in (4, 5):
            x = self.res_block(x, f"music.layer{layer}", (2, 2))
        x = self.res_block(x, "music.layer6", (2, 3))
        x = self.conv_block(x, "music.layer7", (2, 3))
        x = self.conv_block(x, "music.layer8", 1)
        return x.amax(dim=(2, 3))


def triplet(anchor, positive, negatives):
    index = torch.tensor(negatives, dtype=torch.long)
    near = F.cosine_similarity(anchor, positive)
    far = F.cosine_similarity(anchor, positive[index.clamp(min=0)])
    return torch.where(index < 0, torch.zeros_like(near), F.relu(MARGIN - near + far)).mean()


def focal(logits, labels):
    ce = F.cross_entropy(logits, labels, reduction="none")
    return ((1 - torch.exp(-ce)).detach() ** GAMMA * ce).mean()


def check_negatives(step, choice):
    """A text's negatives are clips drawn for texts of another tag (text_tag) or of another mood than the one its
    own tag maps to (music_tag); -1 where the batch has none."""
    by_music = choice == "music_tag"
    anchors = step[f"target{MAPPED_LABEL_2 if by_music else TEXT_LABEL_2:02d}"][:]
    items = step[f"target{MUSIC_LABEL_2:02d}"][:] if by_music else anchors
    for anchor, drawn in zip(anchors, step["negative0"][:]):
        allowed = np.flatnonzero(items != anchor)
        assert drawn in allowed if len(allowed) else drawn == -1, (anchor, drawn, items)


def loss_of(twin, kind, step, dtype):
    name, phase = kind.split(".")
    strategy, _, choice = name.partition("+")

    def target(number):
        values = step[f"target{number:02d}"][:]
        return torch.tensor(values, dtype=dtype if values.dtype.kind == "f" else torch.long)

    def negatives(number):
        return step[f"negative{number}"][:]

    text = twin.text(step) if phase != "music" else None
    music = twin.music(step, dtype) if phase != "text" else None
    if strategy == "classification":
        if phase == "text":
            return F.cross_entropy(twin.head(text, "text"), target(TEXT_LABEL))
        return focal(twin.head(music, "music"), target(MUSIC_LABEL))
    if strategy == "tagging":
        return F.binary_cross_entropy_with_logits(twin.head(music, "music"), target(MUSIC_TAGS))
    if strategy == "va_regression":
        x, number = (twin.head(text, "text"), TEXT_VA) if phase == "text" else (twin.head(music, "music"), MUSIC_VA)
        return F.mse_loss(torch.sigmoid(x), target(number))
    if strategy == "w2v_regression":
        x, number = (twin.head(text, "text"), TEXT_VECTOR) if phase == "text" else (twin.head(music, "music"), MUSIC_VECTOR)
        return F.mse_loss(torch.sigmoid(x) if choice == "sigmoid" else x, target(number))
    if strategy == "multihead":
        x = torch.cat([twin.linear(text, "text.fc"), twin.linear(music, "music.fc")])
        layer = 1
        while f"shared.fc{layer}.weight" in twin.p:
            x = F.relu(twin.norm(twin.linear(x, f"shared.fc{layer}"), f"shared.bn{layer}"))
            layer += 1
        B = len(text)
        return (F.cross_entropy(twin.linear(x[:B], "shared.text_head"), target(TEXT_LABEL))
                + F.cross_entropy(twin.linear(x[B:], "shared.music_head"), target(MUSIC_LABEL)))
    half = len(text) // 2
    text, music = twin.head(text, "text"), twin.head(music, "music")
    if strategy == "metric2":
        check_negatives(step, choice)
        return triplet(text[half:], music[half:], negatives(0))
    tag = twin.head(target(TAG_VECTOR), "tag")
    return (0.3 * triplet(tag[:half], text[:half], negatives(0))
            + 0.3 * triplet(tag[half:], music[:half], negatives(1))
            + 0.4 * triplet(text[half:], music[half:], negatives(2)))


def train(file, kind, names, dtype):
    twin = Twin({name: file["start"][name][:] for name in names}, dtype)
    losses = []
    for number in range(STEPS):
        loss = loss_of(twin, kind, file[f"step{number:02d}"], dtype)
        twin.adam.zero_grad()
        loss.backward()
        twin.adam.step()
        losses.append(loss.item())
    state = twin.p | twin.statistics
    return np.array(losses), np.array([state[name].detach().double().norm().item() for name in names])


# Their true gradient is zero, what moves them is rounding: a bias before a normalisation, and the
# bias of the keys, which a softmax does not see.
BLIND = re.compile(r"\.conv(_\d)?\.bias$|\.fc1\.bias$|shared\.fc\d\.bias$|k_lin\.bias$")


def strings(group):
    data, offsets = bytes(group["bytes"][:]), group["offsets"][:]
    return [data[a:b].decode() for a, b in zip(offsets[:-1], offsets[1:])]


def main(folder):
    numbers = Numbers(str(GOLDEN), np, torch)
    numbers.lines[0] = "# written by tests/oracle/strategies.py"
    for path in sorted(pathlib.Path(folder).glob("*.h5")):
        kind = path.stem
        with h5py.File(path) as file:
            names = strings(file["names"])
            f64, norms = train(file, kind, names, torch.float64)
            f32, norms32 = train(file, kind, names, torch.float32)
            drawn = [file[f"step{s:02d}"][n][:] for s in range(STEPS)
                     for n in sorted(file["step00"]) if n.startswith("negative")]
            seeing = [i for i, name in enumerate(names) if not BLIND.search(name)]
            # norms of fp32 runs are off by about as much relative to their size
            off = max(abs(norms32[i] - norms[i]) / max(norms[i], 1e-2) for i in seeing)
            bands = [1e30 if BLIND.search(n) else max(v, 1e-2) * (4 * off + 1e-6) for n, v in zip(names, norms)]
            ours = file["losses"][:]
            print(f"{kind:24} f32 off {abs(f32 - f64).max():.2e}, ours off {abs(ours - f64).max():.2e}, norms {off:.1e},"
                  f" first {f64[0]:.5f}, last {f64[-1]:.5f}")
            numbers.add(f"{kind}.digest", file["digest"][:])
            numbers.add(f"{kind}.losses", f64)
            numbers.add(f"{kind}.f32_off", f32 - f64)
            numbers.add(f"{kind}.negatives", np.concatenate(drawn) if drawn else np.zeros(0, np.int32))
            numbers.add(f"{kind}.norms", norms)
            numbers.add(f"{kind}.norm_bands", np.array(bands))
    GOLDEN.parent.mkdir(exist_ok=True)
    numbers.write()
    print(GOLDEN.stat().st_size, "bytes")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1])
