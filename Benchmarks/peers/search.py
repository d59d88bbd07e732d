"""Search beside peers: figures of other programs on the same texts, questions and vectors.

    search.py paragraphs SQUAD.json FOLDER        texts.jsonl, asked.jsonl and lines of questions for `yuyan search`
    search.py bm25 FOLDER                         rank_bm25's BM25Okapi on such a folder
    search.py hnsw ROWS.f32 QUERIES.f32 WIDTH     hnswlib, one thread: time of building, recall@10, queries per second
    search.py averages WORDS.vec COUNTS TRAIN.tsv PAIRS.tsv…   numpy's averages of word vectors, Spearman's rho
"""
import collections
import gzip
import json
import re
import resource
import sys
from pathlib import Path

import numpy as np


def paragraphs(source, folder):
    opened = gzip.open(source, "rt") if source.endswith(".gz") else open(source, encoding="utf-8")
    articles = json.load(opened)["data"]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    texts, asked = {}, []
    for article in articles:
        for paragraph in article["paragraphs"]:
            name = texts.setdefault(paragraph["context"], f"p{len(texts)}")
            asked += [(question["question"], name) for question in paragraph["qas"]]
    with open(folder / "texts.jsonl", "w", encoding="utf-8") as out:
        for text, name in texts.items():
            out.write(json.dumps({"id": name, "text": text}, ensure_ascii=False) + "\n")
    with open(folder / "asked.jsonl", "w", encoding="utf-8") as out:
        for question, name in asked:
            out.write(json.dumps({"query": question, "relevant": [name]}, ensure_ascii=False) + "\n")
    print(len(texts), "texts,", len(asked), "questions")


def terms(text):
    """Words of letters and digits, and pairs of neighbouring Chinese characters."""
    found = []
    for run in re.findall(r"[\u3400-\u9fff]+|[^\W_\u3400-\u9fff]+", text.lower()):
        if "\u3400" <= run[0] <= "\u9fff":
            found += [run[i:i + 2] for i in range(len(run) - 1)] or [run]
        else:
            found.append(run)
    return found


def bm25(folder):
    from rank_bm25 import BM25Okapi
    folder = Path(folder)
    rows = [json.loads(line) for line in open(folder / "texts.jsonl", encoding="utf-8")]
    index = BM25Okapi([terms(row["text"]) for row in rows])
    relevant = collections.defaultdict(set)
    for line in open(folder / "asked.jsonl", encoding="utf-8"):
        row = json.loads(line)
        relevant[row["query"]].update(row["relevant"])
    names = np.array([row["id"] for row in rows])
    ranks, began = [], resource.getrusage(resource.RUSAGE_SELF).ru_utime
    for question, wanted in relevant.items():
        order = names[np.argsort(-index.get_scores(terms(question)), kind="stable")]
        ranks.append(1 + next(place for place, name in enumerate(order) if name in wanted))
    spent = resource.getrusage(resource.RUSAGE_SELF).ru_utime - began
    ranks = np.array(ranks)
    print(f"MRR {np.mean(1 / ranks):.4f}  recall@1 {np.mean(ranks <= 1):.4f}  recall@10 {np.mean(ranks <= 10):.4f}  "
          f"{len(ranks) / spent:.0f} questions/s")


def hnsw(rows, queries, width):
    import hnswlib
    base = np.fromfile(rows, dtype=np.float32).reshape(-1, int(width))
    asked = np.fromfile(queries, dtype=np.float32).reshape(-1, int(width))
    units = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (base, asked)]
    exact = np.argpartition(-(units[1] @ units[0].T), 10, axis=1)[:, :10]
    index = hnswlib.Index(space="cosine", dim=int(width))
    index.init_index(max_elements=len(base), ef_construction=200, M=16, random_seed=1)
    index.set_num_threads(1)

    def seconds(body):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        result = body()
        return result, resource.getrusage(resource.RUSAGE_SELF).ru_utime - before

    _, spent = seconds(lambda: index.add_items(base))
    print(f"building {spent:.1f} s")
    for width in (16, 32, 64, 128, 256):
        index.set_ef(width)
        (found, _), spent = seconds(lambda: index.knn_query(asked, k=10, num_threads=1))
        recall = np.mean([len(set(a) & set(b)) for a, b in zip(found, exact)]) / 10
        print(f"efSearch {width}: recall@10 {recall:.4f}, {len(asked) / spent:.0f} queries/s")


def averages(words, counts, training, *files):
    from scipy.stats import spearmanr
    with open(words, encoding="utf-8") as lines:
        next(lines)
        rows = [line.rstrip("\n").split(" ") for line in lines]
    places = {row[0]: place for place, row in enumerate(rows)}
    vectors = np.array([row[1:] for row in rows], dtype=np.float32).astype(np.float64)
    often = np.array(json.load(open(counts)), dtype=np.float64)

    def read(path):
        found = [line.rstrip("\n").split("\t") for line in open(path, encoding="utf-8")]
        return [float(row[0]) for row in found], [[t.lower().split() for t in row[1:3]] for row in found]

    learned = [text for pair in read(training)[1] for text in pair]
    unique = list(dict.fromkeys(" ".join(text) for text in learned))
    holding = collections.Counter(word for text in unique for word in set(text.split()))
    shares = often / often.sum()
    idf = np.array([np.log((1 + len(unique)) / (1 + holding[row[0]])) + 1 for row in rows])
    for name, weights, removed in [("uniform", np.ones(len(rows)), 0), ("idf", idf, 0),
                                   ("sif", 1e-3 / (1e-3 + shares), 0), ("sif", 1e-3 / (1e-3 + shares), 1)]:
        def vector(text):
            known = [places[word] for word in text if word in places]
            if not known:
                return np.zeros(vectors.shape[1])
            return (weights[known, None] * vectors[known]).sum(0) / len(known)

        directions = np.zeros((0, vectors.shape[1]))
        if removed:
            directions = np.linalg.svd(np.array([vector(text.split()) for text in unique]), full_matrices=False)[2][:removed]
        rhos, all_scores, all_cosines = [], [], []
        for path in files:
            scores, pairs = read(path)
            cosines = []
            for pair in pairs:
                a, b = [v - v @ directions.T @ directions for v in map(vector, pair)]
                lengths = np.linalg.norm(a) * np.linalg.norm(b)
                cosines.append(a @ b / lengths if lengths > 0 else 0.0)
            rhos.append(spearmanr(scores, cosines).statistic)
            all_scores += scores
            all_cosines += cosines
        print(f"{name}, {removed} directions: mean {np.mean(rhos):.4f}, all {spearmanr(all_scores, all_cosines).statistic:.4f}  "
              + " ".join(f"{rho:.4f}" for rho in rhos))


if __name__ == "__main__":
    {"paragraphs": paragraphs, "bm25": bm25, "hnsw": hnsw, "averages": averages}[sys.argv[1]](*sys.argv[2:])
