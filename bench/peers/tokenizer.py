#!/usr/bin/env python3
"""The peer of bench/tokenizer.c: Hugging Face tokenizers (Rust), one thread, the same file.

    tokenizer.py VOCABULARY FILE [ROUNDS] [--one-by-one]

Prints the same JSON line. The default hands all sentences over in one call (encode_batch_fast, no
offsets), which is the fastest the library offers; --one-by-one calls encode for each sentence.
"""
import json
import os
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
import tokenizers  # noqa: E402  (after the thread settings)


def main():
    one_by_one = "--one-by-one" in sys.argv
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    n_rounds = int(arguments[2]) if len(arguments) > 2 else 3
    vocabulary = {line.rstrip("\n"): i for i, line in enumerate(open(arguments[0], encoding="utf-8"))}
    start = time.process_time()
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(t, vocabulary[t]) for t in ("[CLS]", "[SEP]")])
    tokenizer.add_special_tokens([t for t in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]") if t in vocabulary])
    tokenizer.enable_truncation(512)
    create_s = time.process_time() - start

    content = open(arguments[1], "rb").read()
    sentences = content.decode("utf-8", errors="replace").split("\n")
    if sentences[-1] == "":
        sentences.pop()
    seconds, encoded = [], []
    for _ in range(n_rounds):
        start = time.process_time()
        encoded = ([tokenizer.encode(s) for s in sentences] if one_by_one
                   else tokenizer.encode_batch_fast(sentences))
        seconds.append(time.process_time() - start)
    ids = [e.ids for e in encoded]
    median = sorted(seconds)[n_rounds // 2]
    print(json.dumps({
        "program": f"tokenizers {tokenizers.__version__}" + (" one by one" if one_by_one else " batch"),
        "bytes": len(content), "sentences": len(sentences), "ids": sum(map(len, ids)),
        "id_sum": sum(map(sum, ids)), "create_s": round(create_s, 4), "first_s": round(seconds[0], 4),
        "best_s": round(min(seconds), 4), "median_s": round(median, 4),
        "mb_per_s": round(len(content) / 1e6 / median, 2), "sentences_per_s": round(len(sentences) / median)}))


if __name__ == "__main__":
    main()
