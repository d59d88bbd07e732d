"""Taggers of other libraries on the sentences of one of ours; prints the best entity F1 (seqeval) as JSON.

    python3 taggers.py crf FOLDER
    python3 taggers.py lstm FOLDER --vocabulary MODEL/vocabulary.json [--seed 1] [--epochs 20]

FOLDER has train.conll and dev.conll, as tagging_data.py writes them. `lstm` is the network of Sources/Models/Tagging in
PyTorch, with our model's words and characters: 100 wide word vectors with 5 % of the words dropped, beside them (where the
tokens are words) the largest values of 50 filters over the 30 wide vectors of three characters, dropout 0.5 on both and on
the states of one bidirectional layer of 128 units, a conditional random field on top; AdamW without decay of vectors, a
linear schedule from 2e-3, 16 sentences of like length a batch, clipping at 1, the best epoch by F1. `crf` is
sklearn-crfsuite (L-BFGS, c1 = c2 = 0.1, all transitions) with the usual features of a word and its neighbours.
"""
import argparse
import json
import pathlib
import random
import resource

from seqeval.metrics import f1_score

from classifiers import batches


def sentences(path):
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    found = [[line.split("\t") for line in block.split("\n") if line] for block in blocks]
    return [sentence for sentence in found if sentence]


def features(words, place, of_characters):
    """Those of sklearn-crfsuite's tutorial; of Chinese characters a window of two to each side and its pairs."""
    if of_characters:
        window = {step: words[place + step] if 0 <= place + step < len(words) else "_" for step in range(-2, 3)}
        own = {f"c{step}": character for step, character in window.items()}
        own |= {f"p{step}": window[step] + window[step + 1] for step in range(-2, 2)}
        return own

    def shape(word, name):
        return {f"{name}lower": word.lower(), f"{name}title": word.istitle(), f"{name}upper": word.isupper()}

    word = words[place]
    own = shape(word, "") | {"bias": 1.0, "end3": word[-3:], "end2": word[-2:], "digit": word.isdigit()}
    own |= shape(words[place - 1], "before ") if place else {"first": True}
    own |= shape(words[place + 1], "after ") if place + 1 < len(words) else {"last": True}
    return own


def crf(training, validation):
    import sklearn_crfsuite
    of_characters = sum(len(word) == 1 for sentence in training for word, _ in sentence) * 10 >= 9 * sum(
        map(len, training))

    def seen(part):
        texts = [[word for word, _ in sentence] for sentence in part]
        return [[features(words, place, of_characters) for place in range(len(words))] for words in texts]

    model = sklearn_crfsuite.CRF(algorithm="lbfgs", c1=0.1, c2=0.1, max_iterations=100, all_possible_transitions=True)
    model.fit(seen(training), [[tag for _, tag in sentence] for sentence in training])
    predicted = [list(tags) for tags in model.predict(seen(validation))]
    return f1_score([[tag for _, tag in sentence] for sentence in validation], predicted), None


def key(word, lowercases):
    return "".join("0" if "0" <= letter <= "9" else letter for letter in (word.lower() if lowercases else word))


def network(arguments, training, validation):
    import torch

    from tagger_network import Tagger

    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    known = json.loads(arguments.vocabulary.read_text(encoding="utf-8"))
    words = {word: number for number, word in enumerate(known["words"], 1)}
    letters = {letter: number for number, letter in enumerate(known["characters"], 1)}
    names = sorted({tag for sentence in training for _, tag in sentence})
    numbers = {name: number for number, name in enumerate(names)}
    looks = not known["of_characters"]

    def encoded(part):
        ids = [[words.get(key(word, known["lowercase"]), 0) for word, _ in sentence] for sentence in part]
        spelled = [[tuple(letters.get(letter, 0) for letter in (word if len(word) <= 32 else word[:16] + word[-16:]))
                    for word, _ in sentence] for sentence in part]
        return ids, spelled

    def padded(lists):
        width = max(1, *map(len, lists))
        return torch.tensor([list(row) + [0] * (width - len(row)) for row in lists])

    def batch(part, members):
        ids = [part[0][row] for row in members]
        lengths = torch.tensor(list(map(len, ids)))
        if not looks:
            return padded(ids), lengths, None, None, None
        different = {}
        places = [[different.setdefault(word, len(different)) for word in part[1][row]] for row in members]
        counts = torch.tensor([len(word) for word in different])
        return padded(ids), lengths, padded(list(different)), counts, padded(places)

    learned, judged = encoded(training), encoded(validation)
    targets = [[numbers[tag] for _, tag in sentence] for sentence in training]
    gold = [[tag for _, tag in sentence] for sentence in validation]
    model = Tagger(len(words) + 1, len(letters) + 1 if looks else 0, len(names))
    groups = [dict(params=[parameter for parameter in model.parameters() if parameter.dim() > 1], weight_decay=0.01),
              dict(params=[parameter for parameter in model.parameters() if parameter.dim() < 2], weight_decay=0)]
    optimizer = torch.optim.AdamW(groups, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, fused=True)
    source = random.Random(arguments.seed)
    total = arguments.epochs * len(batches(learned[0], 16, random.Random(0)))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (total - step) / total)
    best, best_epoch = -1, 0
    for epoch in range(1, arguments.epochs + 1):
        model.train()
        for members in batches(learned[0], 16, source):
            inputs = batch(learned, members)
            loss = model.loss(*inputs, padded([targets[row] for row in members]))
            (loss / inputs[1].sum()).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
        model.eval()
        predicted = [None] * len(validation)
        order = sorted(range(len(validation)), key=lambda row: len(validation[row]))
        with torch.no_grad():
            for start in range(0, len(order), 64):
                members = order[start:start + 64]
                for row, labels in zip(members, model.decode(*batch(judged, members))):
                    predicted[row] = [names[label] for label in labels]
        reached = f1_score(gold, predicted)
        print(f"epoch {epoch}: {100 * reached:.2f}", flush=True)
        if reached > best:
            best, best_epoch = reached, epoch
    return best, best_epoch


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", choices=["crf", "lstm"])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--vocabulary", type=pathlib.Path, help="vocabulary.json of our model's folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=20)
    arguments = parser.parse_args()
    training, validation = (sentences(arguments.folder / f"{part}.conll") for part in ("train", "dev"))
    best, epoch = crf(training, validation) if arguments.family == "crf" else network(arguments, training, validation)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps(dict(f1=best, epoch=epoch, seconds=round(used.ru_utime + used.ru_stime, 1))))


if __name__ == "__main__":
    main()
