"""torchaudio's MelSpectrogram and AmplitudeToDB in double precision.

    python tests/oracle/mel.py        writes tests/golden/ops/mel_spectrogram.h5

The layout is that of tests/oracle/ops.py; two int16 samples of "pcm" lie in one int32.
"""
import pathlib

import h5py
import numpy as np
import torch

torch.version.cuda = None  # torchaudio refuses a torch built for another CUDA; nothing here uses CUDA
import torchaudio

torch.set_default_dtype(torch.float64)  # the filter bank and the window take it from here
CASES = (("B=3 S=4000", 512, 256, 128, 16000),
         ("B=3 S=4000 power=1", 512, 256, 128, 16000),
         ("B=3 S=4000 n_fft=1024 hop_length=160 n_mels=40 sample_rate_hz=22050", 1024, 160, 40, 22050))

S = 4000
time = np.arange(S) / 16000
generator = np.random.default_rng(20210716)
clips = np.stack([
    8000 * generator.standard_normal(S),
    20000 * np.sin(2 * np.pi * (100 * time + 0.5 * 7800 / 0.25 * time**2)) + 2000 * generator.standard_normal(S),
    generator.integers(-1, 2, S),
])
pcm = np.clip(np.rint(clips), -32768, 32767).astype("<i2")

path = pathlib.Path(__file__).resolve().parent.parent / "golden" / "ops" / "mel_spectrogram.h5"
with h5py.File(path, "w") as golden:
    golden.attrs["written_by"] = (f"tests/oracle/mel.py, torch {torch.__version__}, "
                                  f"torchaudio {torchaudio.__version__}, numpy {np.__version__}")
    for index, (params, n_fft, hop_length, n_mels, rate) in enumerate(CASES):
        mel = torchaudio.transforms.MelSpectrogram(sample_rate=rate, n_fft=n_fft, hop_length=hop_length, f_min=0.0,
                                                   f_max=rate // 2, n_mels=n_mels)
        y = mel(torch.from_numpy(pcm).double() / 32768)
        if "power" not in params:
            y = torchaudio.transforms.AmplitudeToDB()(y)
        group = golden.create_group(f"case{index}")
        group.attrs["params"] = params
        group.create_dataset("pcm", data=pcm.ravel().view("<i4"))
        group.create_dataset("y", data=y.numpy().ravel())
print(f"{path.stat().st_size} bytes")
