"""Taggers of other libraries on the sentences of one of ours; prints their best score as JSON.

    python3 taggers.py crf FOLDER
    python3 taggers.py lstm FOLDER --vocabulary MODEL/vocabulary.json [--seed 1] [--epochs 20]
                                   [--no-characters] [--no-field]

FOLDER has train.conll and dev.conll, or train.jsonl and dev.jsonl with the roles of predicates' arguments, as
tagging_data.py writes them. `lstm` is the network of Sources/Models/Tagging in PyTorch, with our model's words and
characters: 100 wide word vectors with 5 % of the words dropped, beside them (where the tokens are words) the largest
values of 50 filters over the 30 wide vectors of three characters, dropout 0.5 on both and on the states of one
bidirectional layer of 128 units, a conditional random field on top; AdamW without decay of vectors, a linear schedule
from 2e-3, 16 sentences of like length a batch, clipping at 1, the best epoch. `crf` is sklearn-crfsuite (L-BFGS to
convergence, c1 = c2 = 0.1, all transitions, all features with all tags) with the features of `family: crf`. Roles are
those of one predicate at a time, whose word a vector of 16 numbers marks; without a field. The score is seqeval's F1
of entities, of roles the labelled F1 without `V`, of other tags (parts of speech) the accuracy.
"""
import argparse
import json
import pathlib
import random
import resource
import unicodedata
from typing import NamedTuple

from seqeval.metrics import f1_score

from classifiers import batches


class Sentence(NamedTuple):
    words: list
    tags: list
    predicate: int | None = None


def sentences(folder, part):
    path = folder / f"{part}.conll"
    if path.exists():
        blocks = path.read_text(encoding="utf-8").split("\n\n")
        found = ([line.split("\t") for line in block.split("\n") if line] for block in blocks)
        return [Sentence(*map(list, zip(*lines))) for lines in found if lines]
    rows = map(json.loads, (folder / f"{part}.jsonl").read_text(encoding="utf-8").splitlines())
    return [Sentence(row["tokens"], roles, place) for row in rows
            for place, roles in zip((at for at, roleset in enumerate(row["predicates"]) if roleset != "_"),
                                    row["arguments"], strict=True)]


def role_score(gold, predicted):
    def roles(sentences):
        return {(number, place, tag) for number, tags in enumerate(sentences) for place, tag in enumerate(tags)
                if tag not in ("_", "V")}

    right, found = roles(gold), roles(predicted)
    return 2 * len(right & found) / max(1, len(right) + len(found))


def score(judged, predicted):
    gold = [sentence.tags for sentence in judged]
    if judged[0].predicate is not None:
        return role_score(gold, predicted)
    tags = {tag for sentence in gold for tag in sentence}
    if all(tag == "O" or tag[1:2] == "-" for tag in tags):
        return f1_score(gold, predicted)
    pairs = [pair for sentences in zip(gold, predicted, strict=True) for pair in zip(*sentences, strict=True)]
    return sum(right == found for right, found in pairs) / len(pairs)


def shape(word):
    """Capitals as X, other letters as x, digits as d; of a run of the same two at most."""
    kinds = {"Lu": "X", "Lt": "X", "Ll": "x", "Lo": "x", "Lm": "x", "Nd": "d"}
    found = [kinds.get(unicodedata.category(letter), letter) for letter in word]
    return "".join(kind for place, kind in enumerate(found) if found[max(place - 2, 0):place] != [kind, kind])


def features(words, of_characters):
    """For each word those of Sources/Models/Linear/TaggingFeatures.swift."""
    plain = ["<s>", "<s>", *(word.lower() for word in words), "</s>", "</s>"]
    shapes = [None, *map(shape, words), None]
    found = []
    for place, word in enumerate(plain[2:-2]):
        near = {step: plain[place + 2 + step] for step in range(-2, 3) if -1 <= place + step <= len(words)}
        own = ["bias", *(f"w{step}={other}" for step, other in near.items())]
        own += [f"s{step}={shapes[place + 1 + step]}" for step in (-1, 0, 1) if shapes[place + 1 + step] is not None]
        if of_characters:
            own += [f"p{step}={near[step]}|{plain[place + 3 + step]}" for step in range(-2, 2)
                    if step in near and place + step < len(words)]
        else:
            own += [f"b{length}={word[:length]}" for length in (1, 2, 3) if length <= len(word)]
            own += [f"e{length}={word[-length:]}" for length in (1, 2, 3) if length <= len(word)]
        found.append(own)
    return found


def crf(training, validation):
    import sklearn_crfsuite
    of_characters = sum(len(word) == 1 for sentence in training for word in sentence.words) * 10 >= 9 * sum(
        len(sentence.words) for sentence in training)

    def seen(part):
        return [features(sentence.words, of_characters) for sentence in part]

    model = sklearn_crfsuite.CRF(algorithm="lbfgs", c1=0.1, c2=0.1, all_possible_transitions=True,
                                 all_possible_states=True)
    model.fit(seen(training), [sentence.tags for sentence in training])
    predicted = [list(tags) for tags in model.predict(seen(validation))]
    return score(validation, predicted), None


def key(word, lowercases):
    return "".join("0" if "0" <= letter <= "9" else letter for letter in (word.lower() if lowercases else word))


def network(arguments, training, validation):
    import torch

    from classifier_networks import adamw, padded
    from tagger_network import Tagger

    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    known = json.loads(arguments.vocabulary.read_text(encoding="utf-8"))
    words = {word: number for number, word in enumerate(known["words"], 1)}
    letters = {letter: number for number, letter in enumerate(known["characters"], 1)}
    names = sorted({tag for sentence in training for tag in sentence.tags})
    numbers = {name: number for number, name in enumerate(names)}
    looks = not known["of_characters"] and arguments.characters

    def encoded(part):
        ids = [[words.get(key(word, known["lowercase"]), 0) for word in sentence.words] for sentence in part]
        spelled = [[tuple(letters.get(letter, 0) for letter in (word if len(word) <= 32 else word[:16] + word[-16:]))
                    for word in sentence.words] for sentence in part]
        return ids, spelled, [sentence.predicate for sentence in part]

    def batch(part, members):
        ids = [part[0][row] for row in members]
        lengths = torch.tensor(list(map(len, ids)))
        predicates = torch.tensor([part[2][row] for row in members]) if has_predicates else None
        if not looks:
            return padded(ids), lengths, None, None, None, predicates
        different = {}
        places = [[different.setdefault(word, len(different)) for word in part[1][row]] for row in members]
        counts = torch.tensor([len(word) for word in different])
        return padded(ids), lengths, padded(list(different)), counts, padded(places), predicates

    has_predicates = training[0].predicate is not None
    learned, judged = encoded(training), encoded(validation)
    targets = [[numbers[tag] for tag in sentence.tags] for sentence in training]
    model = Tagger(len(words) + 1, len(letters) + 1 if looks else 0, len(names),
                   field=arguments.field and not has_predicates, marks=16 if has_predicates else 0)
    source = random.Random(arguments.seed)
    total = arguments.epochs * len(batches(learned[0], 16, random.Random(0)))
    optimizer, schedule = adamw(model, 2e-3, total)
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
        order = sorted(range(len(validation)), key=lambda row: len(validation[row].words))
        with torch.no_grad():
            for start in range(0, len(order), 64):
                members = order[start:start + 64]
                for row, labels in zip(members, model.decode(*batch(judged, members))):
                    predicted[row] = [names[label] for label in labels]
        reached = score(validation, predicted)
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
    parser.add_argument("--no-characters", dest="characters", action="store_false", help="words are not spelled")
    parser.add_argument("--no-field", dest="field", action="store_false", help="each tag is chosen by itself")
    arguments = parser.parse_args()
    training, validation = (sentences(arguments.folder, part) for part in ("train", "dev"))
    best, epoch = crf(training, validation) if arguments.family == "crf" else network(arguments, training, validation)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps(dict(score=best, epoch=epoch, seconds=round(used.ru_utime + used.ru_stime, 1))))


if __name__ == "__main__":
    main()
