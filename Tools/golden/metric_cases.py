"""Cases for Tests/MetricsTests/ReferenceCases.swift: what the reference implementations give for random input.

Run from the repository root: python Tools/golden/metric_cases.py
Writes Fixtures/metrics/cases.jsonl. With --cases N --seed S --output FILE it writes a larger set, which the tests read
when the environment variable YUYAN_METRIC_CASES names it (an absolute path).
"""

import argparse
import collections
import json
import math
import random
import string
import warnings
from pathlib import Path

import numpy as np
import pytrec_eval
import sacrebleu
import scipy
import sklearn
from rouge_score import rouge_scorer, tokenizers
from nltk.stem.porter import PorterStemmer
from scipy import stats
from seqeval import scheme as schemes
from seqeval.metrics import sequence_labeling as sl
from seqeval.metrics import v1
from sklearn import calibration
from sklearn import metrics as skm

from answer_scores import bare, cmrc_f1, normalize, squad_f1

warnings.filterwarnings("ignore")
NAN = float("nan")


def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    value = float(value)
    return repr(value) if not math.isfinite(value) else value


# Words and marks of several scripts, with what tokenizers find hard.
WORDS = ("the a an cat sat on mat The Cat 1,000 3.5 don't it's U.S. e-mail $5.00 &amp; &lt;b&gt; &quot;hi&quot; (yes) "
         "no! what? 50% 2-3 4-5 a.b. -- ... '' `` <skipped> straße ÉTÉ Σίσυφος ΣΑΣ naïve «mot» 中文 我们 在北京 你好， 世界。 "
         "３５ ＡＢＣ 한국 ひら がな \u2019s x² ½ €5 # @user a_b 10:30 x=y relational conditional happiness running flies "
         "studies played generalization hopeful national\u3000 \u00a0z A.I. end. foo-\n bar\n [x] {y} 1.2.3 5, 6. 7- -8").split(" ")


def text(rng, low=0, high=12, words=WORDS):
    return " ".join(rng.choice(words) for _ in range(rng.randint(low, high)))


def noisy(rng, source, words=WORDS):
    result = []
    for word in source.split(" "):
        roll = rng.random()
        if roll < 0.15:
            continue
        result.append(rng.choice(words) if roll < 0.3 else word)
        if roll > 0.93:
            result.append(word)
    return " ".join(result)


def classification(rng):
    classes = rng.choice([1, 2, 3, 5])
    count = rng.choice([1, 2, 5, 30])
    labels = [rng.randrange(classes) for _ in range(count)]
    predictions = [label if rng.random() < 0.5 else rng.randrange(classes) for label in labels]
    weights = None if rng.random() < 0.5 else [round(rng.random() * 3, 2) + 0.01 for _ in labels]
    zero = rng.choice(["zero", "one", "undefined"])
    beta = rng.choice([0.5, 1, 2])
    named = list(range(classes))
    expected = []
    for average in ("micro", "macro", "weighted"):
        expected += skm.precision_recall_fscore_support(
            labels, predictions, labels=named, average=average, sample_weight=weights, beta=beta,
            zero_division={"zero": 0, "one": 1, "undefined": np.nan}[zero])[:3]
    expected += [skm.accuracy_score(labels, predictions, sample_weight=weights),
                 skm.matthews_corrcoef(labels, predictions, sample_weight=weights)]
    expected += [skm.cohen_kappa_score(labels, predictions, weights=kind, sample_weight=weights)
                 for kind in (None, "linear", "quadratic")]
    return {"labels": labels, "predictions": predictions, "weights": weights, "classCount": classes, "zero": zero,
            "beta": beta}, expected


def multi_label(rng):
    classes, count = rng.choice([1, 2, 4, 6]), rng.choice([1, 2, 10, 30])
    truth = np.array([[rng.random() < 0.3 for _ in range(classes)] for _ in range(count)]).astype(int)
    guess = np.array([[rng.random() < 0.3 or (rng.random() < 0.4 and t) for t in row] for row in truth]).astype(int)
    if classes == 1:
        truth, guess = np.hstack([truth, truth]), np.hstack([guess, guess])
        classes = 2
    zero = rng.choice(["zero", "one", "undefined"])
    value = {"zero": 0, "one": 1, "undefined": np.nan}[zero]
    weights = None if rng.random() < 0.5 else [round(rng.random() * 3, 2) + 0.01 for _ in truth]
    expected = []
    for average in ("micro", "macro", "weighted", "samples"):
        expected += skm.precision_recall_fscore_support(
            truth, guess, average=average, sample_weight=weights, zero_division=value)[:3]
    expected += [skm.accuracy_score(truth, guess, sample_weight=weights),
                 skm.hamming_loss(truth, guess, sample_weight=weights)]
    jaccard = None if zero == "undefined" else skm.jaccard_score(
        truth, guess, average="samples", sample_weight=weights, zero_division=value)
    expected += [] if jaccard is None else [jaccard]
    return {"labels": [list(np.flatnonzero(row)) for row in truth],
            "predictions": [list(np.flatnonzero(row)) for row in guess],
            "weights": weights, "classCount": classes, "zero": zero}, expected


def ranking(rng):
    count = rng.choice([1, 2, 3, 8, 40, 3000 if rng.random() < 0.03 else 20])
    labels = [int(rng.random() < rng.choice([0.0, 0.3, 0.5, 1.0])) for _ in range(count)]
    digits = rng.choice([0, 1, 6])
    scores = [round(rng.gauss(label, 1), digits) for label in labels]
    weights = None if rng.random() < 0.5 else [rng.choice([0, 0.5, 1, 2.25]) for _ in labels]
    if weights is not None and sum(weights) == 0:
        weights = None
    kept = labels if weights is None else [label for label, weight in zip(labels, weights) if weight]
    area = NAN if len(set(kept)) < 2 else skm.roc_auc_score(labels, scores, sample_weight=weights)
    curve = skm.roc_curve(labels, scores, sample_weight=weights, pos_label=1)
    precision, recall, thresholds = skm.precision_recall_curve(labels, scores, sample_weight=weights, pos_label=1)
    average = skm.average_precision_score(labels, scores, sample_weight=weights) if sum(kept) else 0
    return {"labels": labels, "scores": scores, "weights": weights}, \
        [area, average, *curve[0], *curve[1], *precision, *recall, *thresholds]


def one_versus_rest(rng):
    classes, count = rng.choice([3, 4]), 30
    labels = list(range(classes)) + [rng.randrange(classes) for _ in range(count)]
    scores = np.array([[rng.random() + (label == c) * 0.3 for c in range(classes)] for label in labels])
    scores = scores / scores.sum(axis=1, keepdims=True)
    weights = None if rng.random() < 0.5 else [round(rng.random(), 2) + 0.1 for _ in labels]
    expected = [skm.roc_auc_score(labels, scores, multi_class="ovr", average=average, sample_weight=weights)
                for average in ("macro", "weighted", "micro")]
    return several(labels, scores, classes, weights), expected


def several(labels, scores, classes, weights):
    return {"labels": labels, "scores": scores.ravel(), "classCount": classes, "weights": weights}


def one_versus_rest_unseen(rng):
    """A class that no example has: its own area and the plain mean have no value, the other means have one."""
    classes, count = rng.choice([2, 3, 4]), rng.choice([1, 4, 8])
    unseen = rng.randrange(classes)
    labels = [rng.choice([c for c in range(classes) if c != unseen]) for _ in range(count)]
    scores = np.array([[rng.random() + (label == c) * 0.3 for c in range(classes)] for label in labels])
    scores = scores / scores.sum(axis=1, keepdims=True)
    weights = None if rng.random() < 0.5 else [round(rng.random(), 2) + 0.1 for _ in labels]
    # One column for each class, as scikit-learn makes them itself for three classes or more.
    table = np.array([[int(label == c) for c in range(classes)] for label in labels])
    expected = []
    for average in (None, "macro", "weighted", "micro"):
        found = skm.roc_auc_score(table, scores, average=average, sample_weight=weights)
        expected += list(np.atleast_1d(found))
    return several(labels, scores, classes, weights), expected


def probabilities(rng):
    classes, count = rng.choice([2, 3, 5]), rng.choice([1, 3, 30])
    labels = [rng.randrange(classes) for _ in range(count)]
    # Multiples of 1/1024, so that 1 - p is exact and reading the file back cannot change it.
    cuts = [sorted(rng.choice([0, 1024, rng.randint(0, 1024)]) for _ in range(classes - 1)) for _ in labels]
    table = np.array([np.diff([0, *row, 1024]) / 1024 for row in cuts])
    if rng.random() < 0.3:
        table = np.eye(classes)[[rng.randrange(classes) for _ in labels]]
    weights = None if rng.random() < 0.5 else [round(rng.random(), 2) + 0.1 for _ in labels]
    named = list(range(classes))
    positive = [int(label == 0) for label in labels]
    expected = [
        skm.log_loss(labels, table, labels=named, sample_weight=weights),
        skm.brier_score_loss(labels, table, labels=named, sample_weight=weights, scale_by_half=False),
        skm.log_loss(positive, table[:, 0], labels=[0, 1], sample_weight=weights),
        skm.brier_score_loss(positive, table[:, 0], labels=[0, 1], sample_weight=weights, pos_label=1),
    ]
    return {"labels": labels, "probabilities": table.ravel(), "classCount": classes, "weights": weights}, expected


def calibrated(rng):
    count, bins = rng.choice([2, 5, 50]), rng.choice([1, 2, 5, 10])
    values = [round(rng.random(), rng.choice([1, 2, 8])) for _ in range(count)]
    labels = [int(rng.random() < value) for value in values]
    strategy = rng.choice(["uniform", "quantile"])
    edges = np.linspace(0, 1, bins + 1)
    if strategy == "quantile":
        edges = np.percentile(values, edges * 100)
    counts = np.bincount(np.searchsorted(edges[1:-1], values), minlength=bins)
    if len(set(labels)) < 2:
        labels[0], labels[1] = 0, 1
    shares, means = calibration.calibration_curve(labels, values, n_bins=bins, strategy=strategy)
    error = np.abs(shares - means)
    return {"labels": labels, "probabilities": values, "bins": bins, "strategy": strategy}, \
        [float(np.sum(error * counts[counts > 0]) / count), error.max(), *shares, *means, *counts]


def tags(rng, letters, count):
    types = ["PER", "LOC", "ORG-X", ""]
    result = []
    while len(result) < count:
        if result and rng.random() < 0.5 and result[-1] != "O":
            result.append(rng.choice(letters.replace("O", "")) + result[-1][1:])
        else:
            kind = rng.choice(types)
            letter = rng.choice(letters)
            result.append("O" if letter == "O" else letter + ("-" + kind if kind else ""))
    return result


LETTERS = {"IOB1": "BIO", "IOB2": "BIO", "IOE1": "IOE", "IOE2": "IOE", "IOBES": "BIOES", "BILOU": "BILOU"}


def entities(rng):
    kind = rng.choice(["lenient", *LETTERS])
    letters = LETTERS.get(kind, "BIOES")
    truth = [tags(rng, letters, rng.randint(1, 12)) for _ in range(rng.choice([1, 2, 5]))]
    guess = [[tag if rng.random() < 0.7 else tags(rng, letters, 1)[0] for tag in row] for row in truth]
    expected = [sl.accuracy_score(truth, guess)]
    for average in ("micro", "macro", "weighted"):
        if kind == "lenient":
            found = sl.precision_recall_fscore_support(truth, guess, average=average)
        else:
            found = v1.precision_recall_fscore_support(truth, guess, average=average,
                                                       scheme=getattr(schemes, kind))
        expected += found[:3]
    return {"reading": kind.lower(), "labels": truth, "predictions": guess}, expected


SMOOTHING = {"none": None, "floor": 0.1, "add-k": 1, "exp": None}


def bleu(rng):
    tokenize = rng.choice(["none", "13a", "zh", "char", "intl"])
    smooth, lowercase, effective = rng.choice(list(SMOOTHING)), rng.random() < 0.3, rng.random() < 0.5
    order = rng.choice([4, 4, 2, 6])
    metric = sacrebleu.BLEU(tokenize=tokenize, smooth_method=smooth, lowercase=lowercase, effective_order=effective,
                            max_ngram_order=order, force=True)
    references = [[text(rng) for _ in range(rng.choice([1, 1, 3]))] for _ in range(rng.choice([1, 3]))]
    hypotheses = [noisy(rng, rng.choice(options)) for options in references]
    width = max(map(len, references))
    columns = [[row[i] if i < len(row) else None for row in references] for i in range(width)]
    score = metric.corpus_score(hypotheses, columns)
    return {"tokenize": tokenize, "smooth": smooth, "lowercase": lowercase, "effective": effective, "order": order,
            "hypotheses": hypotheses, "references": references}, \
        [score.score, score.bp, score.sys_len, score.ref_len, *score.precisions]


def bleu_tokens(rng):
    tokenize = rng.choice(["13a", "zh", "char", "intl"])
    line = "".join(rng.choice(string.printable + "，。中文é½€«»٣\u2019\u2028ǅ\u00ad") for _ in range(rng.randint(0, 40)))
    if rng.random() < 0.3:
        line = text(rng)
    metric = sacrebleu.BLEU(tokenize=tokenize)
    return {"tokenize": tokenize, "text": line}, metric._preprocess_segment(line).split()


def chrf(rng):
    options = {"char_order": rng.choice([6, 6, 3]), "word_order": rng.choice([0, 2, 2, 1]), "beta": rng.choice([2, 1]),
               "lowercase": rng.random() < 0.3, "whitespace": rng.random() < 0.3}
    metric = sacrebleu.CHRF(**options)
    references = [[text(rng) for _ in range(rng.choice([1, 1, 3]))] for _ in range(rng.choice([1, 3]))]
    hypotheses = [noisy(rng, rng.choice(row)) for row in references]
    width = max(map(len, references))
    columns = [[row[i] if i < len(row) else None for row in references] for i in range(width)]
    return {**options, "hypotheses": hypotheses, "references": references}, \
        [metric.corpus_score(hypotheses, columns).score]


def self_bleu(rng):
    texts = [text(rng, 0, 8) for _ in range(rng.choice([2, 3, 6]))]
    metric = sacrebleu.BLEU(effective_order=True, force=True)
    scores = [metric.sentence_score(one, texts[:i] + texts[i + 1:]).score for i, one in enumerate(texts)]
    return {"texts": texts}, [sum(scores) / len(scores)]


def diversity(rng):
    texts = [text(rng, 0, 20, words=["a", "b", "c", "dd"]) for _ in range(rng.choice([1, 3]))]
    cut = [one.split() for one in texts]
    expected = []
    for n in (1, 2, 3):
        grams = [[tuple(one[i:i + n]) for i in range(len(one) - n + 1)] for one in cut]
        every = [gram for row in grams for gram in row]
        expected.append(len(set(every)) / len(every) if every else NAN)
        rates = [1 - len(set(row)) / len(row) for row in grams if row]
        expected.append(sum(rates) / len(rates) if rates else NAN)
    product = 1.0
    for n in (1, 2, 3):
        types = repeated = 0
        for one in cut:
            for start in range(0, len(one), 7):
                part = one[start:start + 7]
                counts = collections.Counter(tuple(part[i:i + n]) for i in range(len(part) - n + 1))
                types += len(counts)
                repeated += sum(count > 1 for count in counts.values())
        product = product * (repeated / types) if types else NAN
    return {"texts": texts}, expected + [product ** (1 / 3)]


ROUGE = ["rouge1", "rouge2", "rougeL", "rougeLsum"]


def rouge(rng):
    stems = rng.random() < 0.5
    scorer = rouge_scorer.RougeScorer(ROUGE, use_stemmer=stems)
    words = [word for word in WORDS if word.isascii()] + ["flying", "agreed", "hopping", "national", "Σ", "\n", "\n"]
    references = [text(rng, 0, 25, words) for _ in range(rng.choice([1, 1, 3]))]
    prediction = noisy(rng, rng.choice(references), words)
    scores = scorer.score_multi(references, prediction)
    return {"stems": stems, "prediction": prediction, "references": references}, \
        [value for kind in ROUGE for value in scores[kind]]


def stem(rng):
    endings = ("ational tional enci anci izer bli alli entli eli ousli ization ation ator alism iveness fulness ousness "
               "aliti iviti biliti fulli logi icate ative alize iciti ical ful ness al ance ence er ic able ible ant "
               "ement ment ent ion sion tion ou ism ate iti ous ive ize s es ies ied eed ed ing e y ll ss").split()
    word = "".join(rng.choice("abcdeilmnorstuyxwz") for _ in range(rng.randint(1, 6)))
    word += "".join(rng.choice(endings) for _ in range(rng.choice([0, 1, 1, 2])))
    token = tokenizers.tokenize.tokenize(word, PorterStemmer())
    return {"word": word}, token


def squad(rng):
    version = rng.choice([1, 2])
    words = WORDS + ["the", "a", "an", "The", "the\u2019s", "a–b"]
    answers = [text(rng, 0, 4, words) for _ in range(rng.choice([1, 2, 3] + ([0] if version == 2 else [])))]
    prediction = rng.choice(["", text(rng, 0, 4, words)] + answers + [noisy(rng, answer, words) for answer in answers])
    gold = answers
    if version == 2:
        gold = [answer for answer in answers if normalize(answer)] or [""]
    exact = max(float(normalize(answer) == normalize(prediction)) for answer in gold)
    return {"standard": f"squad-{version}", "prediction": prediction, "answers": answers}, \
        [exact, max(squad_f1(answer, prediction, version) for answer in gold)]


def cmrc(rng):
    pieces = list("我们在北京大学，。：《》「」") + ["2010年", "iPhone 5s", "3.5%", "(a,b)", "don't", "New York", "$5", "10,000", "A&B",
                                          "x; y", "U.S.", "it's", "what?", "wow!", "-", " ", "…"]
    answers = ["".join(rng.choice(pieces) for _ in range(rng.randint(0, 8))) for _ in range(rng.choice([1, 3]))]
    prediction = "".join(rng.choice(pieces) for _ in range(rng.randint(0, 8)))
    if rng.random() < 0.6:
        prediction = rng.choice(answers)[rng.randint(0, 2):] + rng.choice(["", "。", "北", "x", "……"])
    return {"standard": "cmrc-2018", "prediction": prediction, "answers": answers}, \
        [float(any(bare(answer) == bare(prediction) for answer in answers)),
         max(cmrc_f1(answer, prediction) for answer in answers)]


def correlation(rng):
    count, digits = rng.choice([2, 3, 5, 60, 2000 if rng.random() < 0.02 else 10]), rng.choice([0, 1, 6])
    first = [round(rng.gauss(0, 2), digits) for _ in range(count)]
    second = [round(0.5 * value + rng.gauss(0, 1), digits) for value in first]
    return {"first": first, "second": second}, [
        stats.pearsonr(first, second).statistic, stats.spearmanr(first, second).statistic,
        stats.kendalltau(first, second).statistic, skm.mean_squared_error(first, second),
        skm.mean_absolute_error(first, second), skm.r2_score(first, second)]


def retrieval(rng):
    names = [f"d{i}" for i in range(rng.choice([1, 5, 30]))]
    grades = {name: rng.choice([0, 0, 1, 2, 3]) for name in names if rng.random() < 0.6} or {names[0]: 1}
    scores = {name: round(rng.random(), rng.choice([1, 6])) for name in names if rng.random() < 0.8} or {"x": 1.0}
    measures = {"map", "recip_rank", "P.1,5,10", "recall.1,5,10", "success.1,5,10", "ndcg_cut.1,5,10"}
    found = pytrec_eval.RelevanceEvaluator({"q": grades}, measures).evaluate({"q": scores})["q"]
    expected = [found["recip_rank"], found["map"]]
    for k in (1, 5, 10):
        expected += [found[f"P_{k}"], found[f"recall_{k}"], found[f"success_{k}"], found[f"ndcg_cut_{k}"]]
    order = [name for name in names]
    table = ([[grades.get(name, 0) for name in order]], [[scores.get(name, 0) for name in order]])
    if len(order) > 1:
        expected += [skm.ndcg_score(*table), skm.ndcg_score(*table, k=5)]
        expected.append(skm.ndcg_score([[2 ** grade - 1 for grade in table[0][0]]], table[1]))
    return {"grades": grades, "scores": scores, "tableGrades": table[0][0], "tableScores": table[1][0]}, expected


def newcombe(a, b, c, d):
    """The hybrid score interval of a difference of paired shares."""
    n = a + b + c + d
    z = stats.norm.ppf(0.975)
    def wilson(k):
        p, s = k / n, z * math.sqrt(z * z + 4 * k * (1 - k / n))
        return (2 * k + z * z - s) / (2 * (n + z * z)), (2 * k + z * z + s) / (2 * (n + z * z))
    (l1, u1), (l2, u2) = wilson(a + b), wilson(a + c)
    p1, p2 = (a + b) / n, (a + c) / n
    product = (a + b) * (c + d) * (a + c) * (b + d)
    cross = a * d - b * c
    cross = cross - n / 2 if cross > n / 2 else min(cross, 0)
    phi = cross / math.sqrt(product) if product else 0
    def width(x, y):
        return math.sqrt(max(0, x * x - 2 * phi * x * y + y * y))
    return p1 - p2 - width(p1 - l1, u2 - p2), p1 - p2 + width(u1 - p1, p2 - l2)


def mcnemar(rng):
    count = rng.choice([1, 5, 40, 300])
    first = [rng.random() < 0.7 for _ in range(count)]
    second = [value if rng.random() < rng.choice([0.5, 0.9]) else not value for value in first]
    table = [sum(map(lambda p: p == pair, zip(first, second)))
             for pair in ((True, True), (True, False), (False, True), (False, False))]
    b, c = table[1], table[2]
    exact = stats.binomtest(min(b, c), b + c, 0.5).pvalue if b + c else 1.0
    square = (abs(b - c) - 1) ** 2 / (b + c) if b + c else 0.0
    return {"first": first, "second": second}, \
        [exact, square, stats.chi2.sf(square, 1), (b - c) / count, *newcombe(*table)]


KINDS = [classification, multi_label, ranking, one_versus_rest, one_versus_rest_unseen, probabilities, calibrated,
         entities, bleu, bleu_tokens, chrf, self_bleu, diversity, rouge, stem, squad, cmrc, correlation, retrieval,
         mcnemar]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=25)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--output", default="Fixtures/metrics/cases.jsonl")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    Path(options.output).parent.mkdir(parents=True, exist_ok=True)
    with open(options.output, "w") as file:
        versions = {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "sacrebleu": sacrebleu.__version__,
                    "seqeval": "1.2.2", "rouge-score": "0.1.2"}
        file.write(json.dumps({"versions": versions, "seed": options.seed}) + "\n")
        for kind in KINDS:
            if options.only and kind.__name__ not in options.only.split(","):
                continue
            rng = random.Random(f"{kind.__name__} {options.seed}")
            for _ in range(options.cases):
                given, expected = kind(rng)
                line = {"metric": kind.__name__, "input": plain(given), "expected": plain(expected)}
                file.write(json.dumps(line, separators=(",", ":")) + "\n")


main()
