"""FAISS IndexFlatIP on what bench/top_k.c searches: the ten best of a million items of width 64."""
import json
import statistics
import time

import faiss
import numpy as np

M, E, K, RUNS, WARM_UP = 1_000_000, 64, 10, 9, 2

rng = np.random.default_rng(1)
index = faiss.IndexFlatIP(E)
index.add(rng.random((M, E), dtype=np.float32) - 0.5)
for queries in (1, 64):
    x = rng.random((queries, E), dtype=np.float32) - 0.5
    for threads in (1, 2):
        faiss.omp_set_num_threads(threads)
        milliseconds, processor = [], []
        for run in range(-WARM_UP, RUNS):
            start, start_processor = time.perf_counter(), time.process_time()
            index.search(x, K)
            if run >= 0:
                milliseconds.append(1e3 * (time.perf_counter() - start))
                processor.append(1e3 * (time.process_time() - start_processor))
        print(json.dumps({"bench": "top_k", "peer": "faiss IndexFlatIP", "faiss": faiss.__version__, "items": M,
                          "width": E, "k": K, "queries": queries, "threads": threads, "runs": RUNS,
                          "median_ms": round(statistics.median(milliseconds), 3),
                          "best_ms": round(min(milliseconds), 3),
                          "processor_ms": round(statistics.median(processor), 3)}))
