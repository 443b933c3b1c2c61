"""torchaudio's MelSpectrogram + AmplitudeToDB on what bench/mel.c computes: 32 clips of five seconds, one thread."""
import json
import statistics
import time

import torch

torch.version.cuda = None  # torchaudio refuses a torch built for another CUDA; nothing here uses CUDA
import torchaudio

B, S, RUNS, WARM_UP = 32, 80000, 15, 3

torch.set_num_threads(1)
mel = torchaudio.transforms.MelSpectrogram(sample_rate=16000, n_fft=512, hop_length=256, f_min=0.0, f_max=8000.0,
                                           n_mels=128)
to_db = torchaudio.transforms.AmplitudeToDB()
x = torch.rand(B, S) * 0.2 - 0.1
milliseconds = []
with torch.no_grad():
    for run in range(-WARM_UP, RUNS):
        start = time.perf_counter()
        y = to_db(mel(x))
        if run >= 0:
            milliseconds.append(1e3 * (time.perf_counter() - start))
print(json.dumps({"bench": "mel", "peer": "torchaudio", "torch": torch.__version__, "torchaudio": torchaudio.__version__,
                  "clips": B, "samples": S, "threads": 1, "runs": RUNS,
                  "median_ms": round(statistics.median(milliseconds), 3)}))
