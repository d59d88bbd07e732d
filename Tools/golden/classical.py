"""Classical models: losses of GloVe in plain numpy, and scikit-learn's logistic regression on TF-IDF.

Writes Fixtures/classical/classical.json.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import Normalizer

SEED = 20261126
FIXTURES = Path(__file__).resolve().parents[2] / "Fixtures"


def glove(rng):
    """GloVe by AdaGrad, one pair after the other, in double precision."""
    words, width, epochs, rate, most, power = 12, 5, 4, 0.05, 10.0, 0.75
    pairs = [(r, c, float(np.float32(0.25 + rng.gamma(0.7, 8.0)))) for r in range(words) for c in range(words)
             if rng.random() < 0.6]
    tables = [(rng.random((words, width + 1)) - 0.5).astype(np.float32).astype(np.float64) / 4 for _ in range(2)]
    first = [table.copy() for table in tables]
    squares = [np.ones((words, width + 1)) for _ in range(2)]
    losses = []
    for _ in range(epochs):
        total = 0.0
        for row, column, count in pairs:
            w, c = tables[0][row], tables[1][column]
            error = w[:width] @ c[:width] + w[width] + c[width] - np.log(count)
            weighted = min(1.0, (count / most) ** power) * error
            total += 0.5 * weighted * error
            to_w = weighted * np.append(c[:width], 1.0)
            to_c = weighted * np.append(w[:width], 1.0)
            w -= rate * to_w / np.sqrt(squares[0][row])
            c -= rate * to_c / np.sqrt(squares[1][column])
            squares[0][row] += to_w ** 2
            squares[1][column] += to_c ** 2
        losses.append(total / len(pairs))
    return {
        "words": words, "dimension": width, "epochs": epochs, "learningRate": rate, "maximumCount": most,
        "exponent": power, "rows": [p[0] for p in pairs], "columns": [p[1] for p in pairs],
        "counts": [p[2] for p in pairs], "firstWords": first[0].ravel(), "firstContexts": first[1].ravel(),
        "losses": losses, "lastWords": tables[0].ravel(), "lastContexts": tables[1].ravel(),
    }


def texts(rng, count, classes):
    """Texts whose words lean to one of the classes, with capitals, marks, accents and Chinese."""
    words = ["Sun", "rain", "Wind", "über", "naïve", "x", "re-do", "don't", "2024", "a_b", "雨燕", "语言", "cloud", "sea",
             "ice", "fire", "Stone", "tree", "leaf", "root"]
    made, labels = [], []
    for _ in range(count):
        label = int(rng.integers(classes))
        weights = 1.0 + 4.0 * ((np.arange(len(words)) % classes) == label)
        chosen = rng.choice(words, size=int(rng.integers(3, 12)), p=weights / weights.sum())
        marks = rng.choice([" ", "  ", ", ", ". ", "\t", "! "], size=len(chosen))
        made.append("".join(w + m for w, m in zip(chosen, marks)))
        labels.append(label)
    return made, labels


def linear(name, rng, classes, c, scheme="multinomial", words=None, characters=None, within=False, **options):
    """A classifier at its optimum, and what it says of other texts; n-grams of characters have U+0001 before them."""
    train, labels = texts(rng, 60, classes)
    other, _ = texts(rng, 15, classes)
    kinds = []
    if words:
        kinds.append(("", TfidfVectorizer(ngram_range=words, **options)))
    if characters:
        analyzer = "char_wb" if within else "char"
        kinds.append(("\1", TfidfVectorizer(analyzer=analyzer, ngram_range=characters, **options)))
    # Each kind has length 1, and then all of them together.
    vectorizer = make_pipeline(FeatureUnion(kinds), Normalizer())
    rows = vectorizer.fit_transform(train)
    model = LogisticRegression(C=c, tol=1e-12, max_iter=100000)
    if scheme == "one-vs-rest":
        model = OneVsRestClassifier(model)
    model.fit(rows, labels)
    estimators = model.estimators_ if scheme == "one-vs-rest" else [model]
    return {
        "name": name, "texts": train, "labels": labels, "classes": classes, "c": c, "scheme": scheme,
        "words": words, "characters": characters, "charactersStayInWords": within,
        "minimumTexts": options.get("min_df", 1), "sublinear": options.get("sublinear_tf", False),
        "features": [mark + feature for mark, kind in kinds for feature in kind.get_feature_names_out()],
        "coefficients": np.concatenate([e.coef_ for e in estimators]),
        "intercepts": np.concatenate([e.intercept_ for e in estimators]),
        "others": other, "probabilities": model.predict_proba(vectorizer.transform(other)),
    }


def plain(value):
    """Values that JSON knows."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value


def main():
    """Makes the file and its entry in the manifest."""
    rng = np.random.default_rng(SEED)
    golden = {
        "glove": glove(rng),
        "linear": [
            linear("two classes, words", rng, 2, 1.0, words=(1, 1)),
            linear("three classes, pairs of words", rng, 3, 10.0, words=(1, 2), min_df=2, sublinear_tf=True),
            linear("four classes, characters", rng, 4, 10.0, characters=(1, 3)),
            linear("three classes, each against the rest", rng, 3, 2.0, scheme="one-vs-rest", words=(1, 1)),
            linear("two classes, characters within words", rng, 2, 5.0, characters=(2, 5), within=True, min_df=2),
            linear("three classes, words and characters", rng, 3, 10.0, words=(1, 2), characters=(4, 5), within=True,
                   min_df=3),
        ],
    }
    path = FIXTURES / "classical" / "classical.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(plain(golden), ensure_ascii=False, separators=(",", ":")) + "\n")
    manifest = json.loads((FIXTURES / "MANIFEST.json").read_text())
    manifest["classical/classical.json"] = {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "script": "Tools/golden/classical.py",
        "scikit-learn": sklearn.__version__, "numpy": np.__version__, "seed": SEED,
    }
    (FIXTURES / "MANIFEST.json").write_text(json.dumps(dict(sorted(manifest.items())), indent=2) + "\n")


main()
