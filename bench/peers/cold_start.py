"""The peer of bench/cold_start.c: a Python program that does the same with torch and transformers.

    cold_start.py FOLDER [RUNS=5]

FOLDER is what bench_cold_start has left. Every run is a process of its own: it imports, loads the weights from
safetensors, the tokenizer, and the rows of the 100,000 tracks, encodes the text and finds the ten best. Prints the same
JSON line; equal rows mean equal work.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time


def match(folder):
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    import numpy as np
    import torch
    torch.version.cuda = None  # torchaudio, which transformers imports, refuses a torch built for another CUDA
    from safetensors.torch import load_file
    from tokenizers import BertWordPieceTokenizer
    from transformers import DistilBertModel

    with torch.inference_mode():
        encoder = DistilBertModel.from_pretrained(folder).eval()
        weights = load_file(folder / "model.safetensors")
        tokenizer = BertWordPieceTokenizer(str(folder / "vocabulary.txt"), lowercase=True)
        text = (folder / "story.txt").read_text(encoding="utf-8")
        ids = torch.tensor([tokenizer.encode(text).ids])
        x = encoder(input_ids=ids).last_hidden_state[:, 0]
        x = torch.nn.functional.linear(x, weights["fc1.weight"], weights["fc1.bias"])
        x = torch.nn.functional.batch_norm(x, weights["bn.running_mean"], weights["bn.running_var"],
                                           weights["bn.weight"], weights["bn.bias"]).relu()
        x = torch.nn.functional.linear(x, weights["fc2.weight"], weights["fc2.bias"])[0]
        x = (x / x.norm()).numpy()
    rows = np.load(folder / "answers.npy", mmap_mode="r")
    scores = rows @ x
    best = np.argpartition(-scores, 10)[:10]
    best = best[np.argsort(-scores[best])]
    print(json.dumps({"rows": best.tolist(), "torch": torch.__version__}))


def write_config(folder):
    config = {"model_type": "distilbert", "n_layers": 6, "dim": 384, "hidden_dim": 1536, "n_heads": 12}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def run_once(folder):
    """Wall and processor milliseconds of a whole process, and the line it prints."""
    before, start = os.times(), time.perf_counter()
    line = subprocess.run([sys.executable, __file__, str(folder), "match"], capture_output=True, text=True, check=True).stdout
    wall, after = time.perf_counter() - start, os.times()
    processor = after.children_user - before.children_user + after.children_system - before.children_system
    return 1e3 * wall, 1e3 * processor, json.loads(line)


def main():
    folder = pathlib.Path(sys.argv[1])
    if sys.argv[2:] == ["match"]:
        match(folder)
        return
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    write_config(folder)
    run_once(folder)
    done = [run_once(folder) for _ in range(runs)]
    wall = [row[0] for row in done]
    print(json.dumps({"bench": "cold_start", "peer": "torch and transformers", "torch": done[0][2]["torch"], "runs": runs,
                      "median_ms": round(statistics.median(wall), 1), "fastest_ms": round(min(wall), 1),
                      "slowest_ms": round(max(wall), 1),
                      "processor_ms": round(statistics.median(row[1] for row in done), 1),
                      "rows": done[0][2]["rows"]}))


if __name__ == "__main__":
    main()
