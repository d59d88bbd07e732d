"""Losses of sentence encoders in PyTorch, BM25 by rank_bm25, and averaged word vectors by numpy.

Writes Fixtures/search/similarity.json.
"""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from rank_bm25 import BM25Okapi

SEED = 20261127
FIXTURES = Path(__file__).resolve().parents[2] / "Fixtures"


def losses(rng):
    """Losses on rows that are brought to length 1 first, with gradients for these rows."""
    rows, columns, width, temperature = 5, 9, 6, 0.05
    first = torch.tensor(rng.normal(size=(rows, width)), dtype=torch.float64, requires_grad=True)
    second = torch.tensor(rng.normal(size=(columns, width)), dtype=torch.float64, requires_grad=True)
    targets, excluded = [0, 1, 2, 3, 8], [[4], [], [5, 6], [], [0, 3]]

    def outcome(loss):
        first.grad = second.grad = None
        loss.backward()
        return {"loss": loss.item(), "first": first.grad.numpy().ravel().tolist(),
                "second": second.grad.numpy().ravel().tolist()}

    def units():
        return F.normalize(first), F.normalize(second)

    a, b = units()
    logits = a @ b.T / temperature
    for row, columns_left in enumerate(excluded):
        for column in columns_left:
            logits = logits.index_put((torch.tensor(row), torch.tensor(column)), torch.tensor(-1e9, dtype=torch.float64))
    contrastive = outcome(F.cross_entropy(logits, torch.tensor(targets), reduction="sum"))

    scores = [0.9, 0.1, 0.5, 0.5, 0.0]
    a, b = units()
    cosine = outcome(((a * b[:rows]).sum(1) - torch.tensor(scores)).square().sum())

    a, b = units()
    own = (a * b[:rows]).sum(1) / temperature
    gaps = own[None, :] - own[:, None]
    known = torch.tensor(scores)
    gaps = gaps[known[:, None] > known[None, :]]
    cosent = outcome(torch.logsumexp(torch.cat([torch.zeros(1, dtype=torch.float64), gaps]), 0))
    return {"rows": rows, "columns": columns, "width": width, "temperature": temperature, "targets": targets,
            "excluded": excluded, "scores": scores, "firstRows": first.detach().numpy().ravel().tolist(),
            "secondRows": second.detach().numpy().ravel().tolist(), "contrastive": contrastive, "cosine": cosine,
            "cosent": cosent}


def bm25(rng):
    """Scores of texts whose terms are drawn by Zipf's law, so that some stand in most of them."""
    words = [f"w{number}" for number in range(40)]
    shares = 1 / np.arange(1, len(words) + 1)
    texts = [list(rng.choice(words, size=int(rng.integers(0, 15)), p=shares / shares.sum())) for _ in range(30)]
    queries = [["w3"], ["w0", "w7", "w7"], ["w1", "nowhere"], ["nowhere"], ["w20", "w39", "w2", "w11"]]
    index = BM25Okapi(texts)
    scores = [index.get_scores(query).tolist() for query in queries]

    # Lucene's weights of terms by the formula.
    k1, b = 1.2, 0.75
    lengths = np.array([len(text) for text in texts], dtype=np.float64)
    lucene = []
    for query in queries:
        total = np.zeros(len(texts))
        for word in query:
            often = np.array([text.count(word) for text in texts], dtype=np.float64)
            holding = (often > 0).sum()
            if holding == 0:
                continue
            weight = np.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
            total += weight * often * (k1 + 1) / (often + k1 * (1 - b + b * lengths / lengths.mean()))
        lucene.append(total.tolist())
    return {"texts": texts, "queries": queries, "okapi": scores, "lucene": lucene}


def averages(rng):
    """Weighted means of word vectors, the first right singular vectors taken out."""
    words, width = [f"v{number}" for number in range(25)], 7
    vectors = rng.normal(size=(len(words), width)).astype(np.float32)
    counts = rng.integers(1, 500, size=len(words))
    texts = [list(rng.choice(words + ["unknown"], size=int(rng.integers(1, 9)))) for _ in range(20)]
    texts.append(["unknown"])
    places = {word: place for place, word in enumerate(words)}
    shares = counts / counts.sum()
    holding = np.array([sum(word in text for text in texts) for word in words])
    weights = {"uniform": np.ones(len(words)), "sif": 1e-3 / (1e-3 + shares),
               "idf": np.log((1 + len(texts)) / (1 + holding)) + 1}
    found = {}
    for name, weight in weights.items():
        for removed in (0, 2):
            rows = np.zeros((len(texts), width))
            for row, text in enumerate(texts):
                known = [places[word] for word in text if word in places]
                if known:
                    rows[row] = (weight[known, None] * vectors[known]).sum(0) / len(known)
            if removed:
                directions = np.linalg.svd(rows, full_matrices=False)[2][:removed]
                rows = rows - rows @ directions.T @ directions
            found[f"{name}-{removed}"] = rows.ravel().tolist()
    return {"words": words, "dimension": width, "vectors": vectors.ravel().tolist(), "counts": counts.tolist(),
            "texts": texts, "smoothing": 1e-3, "averages": found}


def main():
    rng = np.random.default_rng(SEED)
    value = {"losses": losses(rng), "bm25": bm25(rng), "averages": averages(rng)}
    path = FIXTURES / "search" / "similarity.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n")
    manifest = FIXTURES / "MANIFEST.json"
    entries = json.loads(manifest.read_text())
    entries["search/similarity.json"] = {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "script": "Tools/golden/similarity.py",
        "torch": torch.__version__, "rank_bm25": version("rank_bm25"), "numpy": np.__version__, "seed": SEED,
    }
    manifest.write_text(json.dumps(dict(sorted(entries.items())), indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
