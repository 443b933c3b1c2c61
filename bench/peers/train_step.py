"""The training step of bench/train_step.c in PyTorch: metric3 at MiniLM size, 32 texts, 32 clips, Adam on everything.

    python bench/peers/train_step.py [threads] [runs]       2 7

Written for speed: Hugging Face's DistilBertModel with SDPA, texts padded to the longest of the batch, the music encoder
of music_encoder.py, torchaudio's mel, negatives drawn for all anchors at once, fused Adam. The lengths of the texts are
those of bench/train_step.c. Prints one JSON line.
"""
import json
import resource
import statistics
import sys
import time

import torch
from torch import nn

torch.version.cuda = None  # torchaudio refuses a torch built for another CUDA; nothing here uses CUDA
import torchaudio  # noqa: E402
import transformers  # noqa: E402

from metric3 import B, CLIP, CROP, LENGTHS, ROUNDS, VOCABULARY, metric3_loss, projection  # noqa: E402
from music_encoder import MusicEncoder  # noqa: E402

THREADS, RUNS = (int(a) for a in sys.argv[1:3] + ["2", "7"][len(sys.argv[1:3]):])
WARM_UP = 2
torch.set_num_threads(THREADS)
torch.manual_seed(1)


class Music(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.mel = torchaudio.transforms.MelSpectrogram(sample_rate=16000, n_fft=512, hop_length=256, n_mels=128)
        self.to_db = torchaudio.transforms.AmplitudeToDB()
        self.encoder = MusicEncoder(n)

    def images(self, pcm):
        with torch.no_grad():
            return self.to_db(self.mel(pcm.float().mul_(1 / 32768)))[:, None]

    def forward(self, pcm):
        return self.encoder(self.images(pcm)).amax(dim=(2, 3))


class Step(nn.Module):
    def __init__(self):
        super().__init__()
        config = transformers.DistilBertConfig(vocab_size=VOCABULARY, max_position_embeddings=512, n_layers=6, n_heads=12,
                                               dim=384, hidden_dim=1536, dropout=0.1, attention_dropout=0.1)
        self.text = transformers.DistilBertModel._from_config(config, attn_implementation="sdpa")
        self.music = Music(64)
        self.text_head, self.music_head = projection(384, 128, 64), projection(256, 128, 64)
        self.tag_head = projection(300, 128, 64)

    def forward(self, ids, mask, pcm, tags):
        text = self.text_head(self.text(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0])
        return text, self.music_head(self.music(pcm)), self.tag_head(tags)


class Data:
    """All of it in memory, as the program's own corpora are."""

    def __init__(self):
        self.ids = [[torch.randint(999, VOCABULARY, (n,)) for n in LENGTHS] for _ in range(ROUNDS)]
        self.pcm = torch.randint(-8192, 8192, (B * ROUNDS, CLIP), dtype=torch.int16)
        self.text_vectors, self.music_vectors = torch.randn(5, 300), torch.randn(7, 300)

    def batch(self, number):
        ids = torch.nn.utils.rnn.pad_sequence(self.ids[number % ROUNDS], batch_first=True)
        mask = torch.arange(ids.shape[1])[None, :] < torch.tensor(LENGTHS)[:, None]
        clips = (torch.arange(B) + 5 * number) % (B * ROUNDS)
        starts = torch.randint(0, CLIP - CROP + 1, (B,)).tolist()
        pcm = torch.stack([self.pcm[c, s:s + CROP] for c, s in zip(clips.tolist(), starts)])
        text_labels, music_labels = torch.arange(B) % 5, clips % 7
        tags = torch.cat([self.text_vectors[text_labels[:16]], self.music_vectors[music_labels[:16]]])
        return ids, mask, pcm, tags, text_labels, music_labels


def main():
    model, data = Step().train(), Data()
    model.music.encoder.choose_format(model.music.images(data.batch(0)[2]))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, weight_decay=1e-4, fused=True)
    rows = {"fill": [], "forward": [], "backward": [], "optimizer": [], "whole": [], "processor": []}
    for run in range(-WARM_UP, RUNS):
        processor, marks = time.process_time(), [time.perf_counter()]
        ids, mask, pcm, tags, text_labels, music_labels = data.batch(run + WARM_UP + 1)
        marks.append(time.perf_counter())
        text, music, tag = model(ids, mask, pcm, tags)
        loss = metric3_loss(text, music, tag, text_labels, music_labels)
        marks.append(time.perf_counter())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        marks.append(time.perf_counter())
        optimizer.step()
        marks.append(time.perf_counter())
        if run >= 0:
            for name, begin, end in zip(rows, marks, marks[1:]):
                rows[name].append(1e3 * (end - begin))
            rows["whole"].append(1e3 * (marks[-1] - marks[0]))
            rows["processor"].append(1e3 * (time.process_time() - processor))
    middle = {name: round(statistics.median(values), 2) for name, values in rows.items()}
    print(json.dumps({
        "bench": "train_step", "peer": "torch", "version": torch.__version__, "transformers": transformers.__version__,
        "format": str(model.music.encoder.format).removeprefix("torch."), "threads": THREADS, "runs": RUNS, "median_ms": middle["whole"], "fastest_ms": round(min(rows["whole"]), 1),
        "slowest_ms": round(max(rows["whole"]), 1), "processor_ms": middle["processor"], "fill_ms": middle["fill"],
        "forward_ms": middle["forward"], "backward_ms": middle["backward"], "optimizer_ms": middle["optimizer"],
        "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "loss": round(loss.item(), 6)}))


if __name__ == "__main__":
    main()
