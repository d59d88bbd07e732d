"""Text classifiers of other libraries on the rows, and the tokens, of one of ours; prints the best accuracy as JSON.

    python3 classifiers.py FAMILY FOLDER [--tokens NAME] [--seed 1] [--epochs N] [--learning-rate X] [--max-length N]

FOLDER has train.tsv and dev.tsv (text TAB label), as classification_data.py writes them, and for all families but
`linear` their tokens, an array of ids a line, from the tokenizer of our model's folder:

    yuyan tokenizer encode --tokenizer MODEL --input train.txt --output FOLDER/train.NAME.jsonl [--no-special-tokens]

where train.txt has the texts alone; the encoder keeps the special tokens around a text, the others go without.

`text-cnn`, `lstm`, `gru`, `lstm-attention` and `encoder` are the networks of Sources/Models/Text in PyTorch: the same
sizes, initial distributions, dropout, batches of like length in a new order every epoch, AdamW without decay of vectors,
linear schedule, clipping at 1, and the best epoch by accuracy on the development part. `bag-of-embeddings` is fastText
with bigrams at its learning rate 0.5 and the best of 5, 15 and 25 epochs; `linear` is scikit-learn's TF-IDF and logistic
regression with C = 10 on words, pairs of words and 3 to 5 characters of words, or on 1 to 3 characters with
`--characters`; with 5,000 rows or more, on those that occur in two.
"""
import argparse
import json
import pathlib
import random
import resource


class Rows:
    """The labels of a part as numbers, with its texts or its tokens."""

    def __init__(self, folder, part, tokens, names=None):
        rows = [line.rstrip("\n").split("\t") for line in open(folder / f"{part}.tsv", encoding="utf-8", newline="\n")]
        self.texts = [row[0] for row in rows]
        self.names = names or sorted({row[1] for row in rows})
        self.labels = [self.names.index(row[1]) for row in rows]
        self.ids = None
        if tokens:
            self.ids = [json.loads(line) for line in open(folder / f"{part}.{tokens}.jsonl")]
            if len(self.ids) != len(rows):
                raise ValueError(f"{folder}: {len(self.ids)} rows of tokens for {len(rows)} rows of {part}.tsv")

    def cut(self, most, framed):
        """Tokens beyond the length are left out; a frame's last token stays."""
        for row, ids in enumerate(self.ids):
            if len(ids) > most:
                self.ids[row] = ids[:most - 1] + ids[-1:] if framed else ids[:most]


def scikit(training, validation, characters):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import FeatureUnion, make_pipeline
    from sklearn.preprocessing import Normalizer
    least = 1 if len(training.texts) < 5000 else 2
    if characters:
        vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=least)
    else:
        kinds = [("words", TfidfVectorizer(ngram_range=(1, 2), min_df=least)),
                 ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=least))]
        vectors = make_pipeline(FeatureUnion(kinds), Normalizer())
    model = LogisticRegression(C=10, max_iter=1000, tol=1e-5)
    model.fit(vectors.fit_transform(training.texts), training.labels)
    return model.score(vectors.transform(validation.texts), validation.labels), None


def fasttext(training, validation, seed):
    import os
    import tempfile

    import fasttext as library

    def line(ids):
        return " ".join(f"t{number}" for number in ids)

    best = (0, None)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "train.txt")
        with open(path, "w") as file:
            # The library reads rows in the order of the file, and some data are sorted by their labels.
            rows = [f"__label__{label} {line(ids)}\n" for label, ids in zip(training.labels, training.ids)]
            random.Random(seed).shuffle(rows)
            file.writelines(rows)
        for epochs in (5, 15, 25):
            model = library.train_supervised(path, lr=0.5, epoch=epochs, wordNgrams=2, minCount=1, thread=1, seed=seed,
                                             verbose=0)
            # The library's own `predict` does not run with NumPy 2.
            answers = model.f.multilinePredict([line(ids) + "\n" for ids in validation.ids], 1, 0.0, "strict")[0]
            right = sum(answer[0] == f"__label__{label}" for answer, label in zip(answers, validation.labels))
            best = max(best, (right / len(validation.labels), epochs), key=lambda pair: pair[0])
    return best


def batches(ids, rows, source):
    """Examples shuffled, sorted by length within windows of 50 batches, cut into batches, and those shuffled."""
    order = list(range(len(ids)))
    source.shuffle(order)
    window = 50 * rows
    plan = []
    for start in range(0, len(order), window):
        members = sorted(order[start:start + window], key=lambda row: len(ids[row]))
        plan += [members[first:first + rows] for first in range(0, len(members), rows)]
    source.shuffle(plan)
    return plan


def network(arguments, training, validation):
    import torch
    import torch.nn.functional as F

    import classifier_networks as networks

    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    settings = networks.SETTINGS[arguments.family]
    epochs, rows = arguments.epochs or settings.epochs, settings.rows
    rate = arguments.learning_rate or settings.rate
    vocabulary = 1 + max(max(ids, default=0) for part in (training, validation) for ids in part.ids)
    model = settings.make(vocabulary, len(training.names))
    source = random.Random(arguments.seed)
    total = epochs * len(batches(training.ids, rows, random.Random(0)))
    optimizer, schedule = networks.adamw(model, rate, total, warmup=-(-total * settings.warmup // 100))

    def padded(part, members):
        lengths = [max(len(part.ids[row]), 1) for row in members]
        ids = torch.zeros(len(members), max(lengths), dtype=torch.long)
        for place, row in enumerate(members):
            ids[place, :len(part.ids[row])] = torch.tensor(part.ids[row], dtype=torch.long)
        return ids, torch.tensor(lengths)

    def accuracy():
        model.eval()
        order = sorted(range(len(validation.ids)), key=lambda row: len(validation.ids[row]))
        right = 0
        with torch.no_grad():
            for start in range(0, len(order), 64):
                members = order[start:start + 64]
                answers = model(*padded(validation, members)).argmax(1).tolist()
                right += sum(answer == validation.labels[row] for answer, row in zip(answers, members))
        return right / len(order)

    best, best_epoch = -1, 0
    for epoch in range(1, epochs + 1):
        model.train()
        for members in batches(training.ids, rows, source):
            logits = model(*padded(training, members))
            F.cross_entropy(logits, torch.tensor([training.labels[row] for row in members])).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
        reached = accuracy()
        print(f"epoch {epoch}: {100 * reached:.2f}", flush=True)
        if reached > best:
            best, best_epoch = reached, epoch
        elif epoch - best_epoch >= 3:
            break
    return best, best_epoch


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", choices=["linear", "bag-of-embeddings", "text-cnn", "lstm", "gru", "lstm-attention",
                                           "encoder"])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--tokens", default="word", help="the name of the tokens' files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--characters", action="store_true", help="linear: sequences of 1 to 3 characters")
    arguments = parser.parse_args()
    tokens = None if arguments.family == "linear" else arguments.tokens
    training = Rows(arguments.folder, "train", tokens)
    validation = Rows(arguments.folder, "dev", tokens, training.names)
    for part in (training, validation):
        if tokens:
            part.cut(arguments.max_length, arguments.family == "encoder")
    if arguments.family == "linear":
        best, epoch = scikit(training, validation, arguments.characters)
    elif arguments.family == "bag-of-embeddings":
        best, epoch = fasttext(training, validation, arguments.seed)
    else:
        best, epoch = network(arguments, training, validation)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps(dict(accuracy=best, epoch=epoch, seconds=round(used.ru_utime + used.ru_stime, 1))))


if __name__ == "__main__":
    main()
