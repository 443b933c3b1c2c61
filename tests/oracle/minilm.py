"""What transformers makes of eight sentences with MiniLM: the hidden state of [CLS], in double.

    python tests/oracle/minilm.py MODEL_FOLDER OUTPUT.h5

MODEL_FOLDER holds config.json, model.safetensors and tokenizer.json of all-MiniLM-L6-v2. The test
tests/model/test_minilm_data.c reads the result; neither the weights nor the result are kept here.
"""

import sys

import h5py
import numpy as np
import torch

torch.version.cuda = None  # torchaudio refuses a torch built for another CUDA; nothing here uses CUDA
import transformers

SENTENCES = [
    "The lamp went out, and nobody in the cellar dared to breathe.",
    "She laughed so loudly that the ducks left the pond.",
    "Grandfather's chair stood empty by the window all winter.",
    "Who moved my bicycle?",
    "They had been promised a harbour; what they found was a wall of fog, a silent bell, and a boat that "
    "drifted in without a crew, its sails mended with somebody's wedding dress.",
    "No!",
    "A warm hand closed around hers, and the long day was over.",
    "In 1871 the mill burnt down, 14 families lost everything, and the owner counted his money twice.",
]


def main():
    folder, output = sys.argv[1:]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.BertModel.from_pretrained(folder).double().eval()
    texts = [tokenizer(sentence)["input_ids"] for sentence in SENTENCES]
    with torch.no_grad():
        hidden = [model(torch.tensor([ids])).last_hidden_state[0, 0].numpy() for ids in texts]
    with h5py.File(output, "w") as file:
        file.attrs["versions"] = f"torch {torch.__version__}, transformers {transformers.__version__}"
        file["ids"] = np.array(sum(texts, []), dtype=np.int32)
        file["lengths"] = np.array([len(ids) for ids in texts], dtype=np.int32)
        file["cls"] = np.stack(hidden)


if __name__ == "__main__":
    main()
