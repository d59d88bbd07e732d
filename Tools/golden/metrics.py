"""Golden values for Tests/MetricsTests: scikit-learn and scipy on small seeded inputs.

Run from the repository root: python Tools/golden/metrics.py
Writes Fixtures/metrics/metrics.json.
"""

import json
import math
import warnings
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn import metrics as skm

warnings.filterwarnings("ignore")
SEED = 20


def plain(value):
    """JSON numbers, with NaN and infinities as strings."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    value = float(value)
    return repr(value) if not math.isfinite(value) else value


def classification(name, labels, predictions, classes=None):
    """Every score of one labelled set."""
    def averaged(kind):
        precision, recall, f1, _ = skm.precision_recall_fscore_support(
            labels, predictions, labels=classes, average=kind, zero_division=0)
        return [precision, recall, f1]

    precision, recall, f1, support = skm.precision_recall_fscore_support(
        labels, predictions, labels=classes, average=None, zero_division=0)
    count = max(list(labels) + list(predictions) + list(classes or [])) + 1
    return {
        "name": name, "labels": labels, "predictions": predictions, "classes": classes or [],
        "confusion": skm.confusion_matrix(labels, predictions, labels=list(range(count))).ravel(),
        "accuracy": skm.accuracy_score(labels, predictions),
        "balancedAccuracy": skm.balanced_accuracy_score(labels, predictions),
        "matthews": skm.matthews_corrcoef(labels, predictions),
        "precision": precision, "recall": recall, "f1": f1, "support": support,
        "micro": averaged("micro"), "macro": averaged("macro"), "weighted": averaged("weighted"),
    }


def ranking(name, labels, scores):
    """Curves and areas of one yes/no question."""
    curve = skm.roc_curve(labels, scores)
    full = skm.roc_curve(labels, scores, drop_intermediate=False)
    precision, recall, thresholds = skm.precision_recall_curve(labels, scores)
    return {
        "name": name, "labels": [int(label) for label in labels], "scores": scores,
        "fpr": curve[0], "tpr": curve[1], "thresholds": curve[2],
        "fullFPR": full[0], "fullTPR": full[1], "fullThresholds": full[2],
        "auc": skm.roc_auc_score(labels, scores),
        "prPrecision": precision, "prRecall": recall, "prThresholds": thresholds,
        "averagePrecision": skm.average_precision_score(labels, scores),
    }


def bootstrap(name, values, confidence, generator):
    """BCa and percentile intervals of a mean, with the resampled means that gave them."""
    values = np.asarray(values)
    result = {"name": name, "values": values, "confidence": confidence}
    seed = int(generator.integers(1 << 30))
    for method in ("percentile", "BCa"):
        found = stats.bootstrap((values,), np.mean, n_resamples=400, confidence_level=confidence, method=method,
                                rng=np.random.default_rng(seed), vectorized=True)
        result[method] = [found.confidence_interval.low, found.confidence_interval.high]
        result["distribution"] = found.bootstrap_distribution
        result["standardError"] = found.standard_error
    return result


def main():
    rng = np.random.default_rng(SEED)
    noisy = rng.integers(0, 5, 60)
    sets = [
        classification("five classes", noisy, np.where(rng.random(60) < 0.6, noisy, rng.integers(0, 5, 60))),
        classification("perfect", [0, 1, 2, 1], [0, 1, 2, 1]),
        classification("all wrong", [0, 0, 1], [1, 1, 0]),
        classification("one class only", [0, 0, 0], [0, 0, 0]),
        classification("class never predicted", [0, 1, 2, 2], [0, 0, 2, 2]),
        classification("class never true", [0, 0, 2], [0, 1, 2]),
        classification("absent class named", [0, 1, 1], [0, 1, 0], classes=[0, 1, 2, 3]),
        classification("some classes only", list(noisy[:30]), list(rng.integers(0, 5, 30)), classes=[1, 2, 3]),
        classification("constant prediction", [0, 1, 0, 1, 1], [1, 1, 1, 1, 1]),
    ]
    truth = rng.random(50) < 0.4
    curves = [
        ranking("continuous", truth, rng.normal(size=50) + truth),
        ranking("many ties", truth, np.round(rng.normal(size=50) + truth)),
        ranking("perfect", [False, False, True, True], [0.1, 0.2, 0.3, 0.4]),
        ranking("inverted", [True, True, False], [0.1, 0.2, 0.3]),
        ranking("all equal", [True, False, True, False], [0.5] * 4),
        ranking("no positives", [False, False, False], [0.1, 0.5, 0.2]),
        ranking("no negatives", [True, True, True], [0.1, 0.5, 0.2]),
    ]
    labels = rng.integers(0, 3, 40)
    scores = rng.random((40, 3)) + np.eye(3)[labels] * 0.4
    scores /= scores.sum(axis=1, keepdims=True)
    samples = [rng.lognormal(size=31), [1.0], [2.0, 2.0, 2.0], [1e16, 1.0, -1e16], rng.normal(size=8)]
    shares = [1e-300, 1e-12, 0.001, 0.02425, 0.1, 0.4999, 0.5, 0.7, 0.975, 0.999999]
    golden = {
        "made_by": "Tools/golden/metrics.py",
        "versions": {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "numpy": np.__version__},
        "seed": SEED,
        "classification": sets,
        "ranking": curves,
        "oneVersusRest": {
            "labels": labels, "scores": scores.ravel(), "classCount": 3,
            "auc": skm.roc_auc_score(labels, scores, multi_class="ovr", average="macro"),
        },
        "descriptive": [{
            "values": sample, "mean": math.fsum(sample) / len(sample), "median": np.median(sample),
            "populationDeviation": np.std(sample), "sampleDeviation": np.std(sample, ddof=1),
            "quantiles": np.quantile(sample, [0, 0.025, 0.3, 0.75, 1]),
        } for sample in samples],
        "bootstrap": [
            bootstrap("skewed", rng.lognormal(size=40), 0.95, rng),
            bootstrap("right or wrong", (rng.random(60) < 0.8).astype(float), 0.9, rng),
        ],
        "normal": {"shares": shares, "values": stats.norm.ppf(shares)},
    }
    folder = Path("Fixtures/metrics")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(plain(golden), indent=None, separators=(",", ":")) + "\n")


main()
