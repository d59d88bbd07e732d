"""Modified interpolated Kneser-Ney smoothing by brute force, in exact fractions.

Written from the equations of Chen and Goodman (1998) and Heafield et al. (2013): every count is taken by going through all
n-grams of all documents. Writes Fixtures/ngram/kneser_ney.json.
"""

import hashlib
import json
import random
from collections import Counter
from fractions import Fraction
from pathlib import Path

SEED = 20261128
FIXTURES = Path(__file__).resolve().parents[2] / "Fixtures"
BEGIN = -1


class Model:
    """P(w | h) for every w and h, by recursion."""

    def __init__(self, documents, vocabulary, order, min_counts):
        self.vocabulary, self.order = vocabulary, order
        self.raw = {n: Counter() for n in range(1, order + 1)}
        for document in documents:
            line = [BEGIN] + document
            for end in range(1, len(line)):
                for n in range(1, order + 1):
                    if end - n + 1 >= 0:
                        self.raw[n][tuple(line[end - n + 1:end + 1])] += 1
        self.adjusted = {order: dict(self.raw[order])}
        for n in range(1, order):
            # How many different symbols stand before an n-gram; what begins a document has nothing before it.
            before = {}
            for gram in self.raw[n + 1]:
                before.setdefault(gram[1:], set()).add(gram[0])
            self.adjusted[n] = {gram: count if gram[0] == BEGIN else len(before[gram])
                                for gram, count in self.raw[n].items()}
        self.discounts = {n: self.discount(self.adjusted[n]) for n in self.adjusted}
        least = {n: min_counts[min(n, len(min_counts)) - 1] for n in self.raw}
        self.kept = {n: {gram: count for gram, count in self.adjusted[n].items() if self.raw[n][gram] >= least[n]}
                     for n in self.adjusted}
        self.totals = {n: Counter() for n in self.adjusted}
        for n, grams in self.adjusted.items():
            for gram, count in grams.items():
                self.totals[n][gram[:-1]] += count
        self.followers = {n: {} for n in self.kept}
        for n, grams in self.kept.items():
            for gram, count in grams.items():
                self.followers[n].setdefault(gram[:-1], {})[gram[-1]] = count

    @staticmethod
    def discount(grams):
        tally = Counter(grams.values())
        n1, n2, n3, n4 = (tally[k] for k in range(1, 5))
        usual = [Fraction(1, 2), Fraction(1), Fraction(3, 2)]
        if not (n1 and n2 and n3):
            return usual
        y = Fraction(n1, n1 + 2 * n2)
        found = [1 - 2 * y * Fraction(n2, n1), 2 - 3 * y * Fraction(n3, n2), 3 - 4 * y * Fraction(n4, n3)]
        return found if all(0 <= d <= k for k, d in enumerate(found, 1)) else usual

    def probability(self, word, context):
        context = tuple(context[max(len(context) - self.order + 1, 0):])
        if BEGIN in context:
            context = context[context.index(BEGIN):]
        return self.recursive(word, context)

    def recursive(self, word, context):
        n = len(context) + 1
        lower = Fraction(1, self.vocabulary) if n == 1 else self.recursive(word, context[1:])
        followers = self.followers[n].get(context)
        if not followers:
            return lower
        total = self.totals[n][context]
        amounts = self.discounts[n]
        taken = sum(amounts[min(count, 3) - 1] for count in followers.values())
        lost = total - sum(followers.values())
        own = Fraction(0)
        if word in followers:
            own = Fraction(followers[word] - amounts[min(followers[word], 3) - 1], total)
        return own + Fraction(taken + lost, total) * lower


def documents(rng, vocabulary, count, longest):
    """Documents in which some words lead to others, so that all orders have something to say."""
    made = []
    for _ in range(count):
        words = [rng.randrange(vocabulary - 2)]
        while len(words) < longest and rng.random() < 0.9:
            words.append((words[-1] * 3 + rng.choice([0, 0, 0, 1, 1, 2, rng.randrange(vocabulary)])) % (vocabulary - 2))
        made.append(words)
    return made


def case(rng, name, vocabulary, count, longest, order, min_counts, end_of_text):
    text = documents(rng, vocabulary, count, longest)
    if end_of_text is not None:
        text = [words + [end_of_text] for words in text]
    model = Model(text, vocabulary, order, min_counts)
    queries = []
    for _ in range(24):
        words = [BEGIN] + rng.choice(text)
        if rng.random() < 0.3:
            words = [BEGIN] + [rng.randrange(vocabulary - 2) for _ in range(rng.randrange(6))]
        elif words[-1] == end_of_text:
            words = words[:-1]
        context = words[:rng.randrange(1, len(words) + 1)]
        chances = [model.probability(word, context) for word in range(vocabulary)]
        assert sum(chances) == 1, name
        queries.append({"context": context[1:], "probabilities": [float(p) for p in chances]})
    return {"name": name, "vocabulary": vocabulary, "order": order, "minCounts": min_counts, "endOfText": end_of_text,
            "documents": text, "queries": queries,
            "discounts": [[float(d) for d in model.discounts[n]] for n in range(1, order + 1)],
            "ngrams": [len(model.kept[n]) for n in range(2, order + 1)]}


def main():
    rng = random.Random(SEED)
    cases = [
        case(rng, "five", 24, 120, 14, 5, [1], 23),
        case(rng, "pruned", 24, 150, 14, 4, [1, 1, 2], 23),
        case(rng, "pruned throughout", 16, 150, 10, 3, [1, 2, 3], None),
        case(rng, "few data", 8, 3, 6, 3, [1], 7),
        case(rng, "single tokens", 12, 20, 8, 1, [1], 11),
        case(rng, "pairs", 40, 60, 9, 2, [1], None),
        case(rng, "eight", 10, 60, 30, 8, [1, 1, 1, 2], None),
    ]
    path = FIXTURES / "ngram" / "kneser_ney.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
    manifest = FIXTURES / "MANIFEST.json"
    entries = json.loads(manifest.read_text())
    entries["ngram/kneser_ney.json"] = {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "script": "Tools/golden/ngram.py", "seed": SEED,
    }
    manifest.write_text(json.dumps(dict(sorted(entries.items())), indent=2, ensure_ascii=False) + "\n")


main()
