"""A sentence encoder in PyTorch on labelled or scored pairs; prints the best epoch's figures as JSON.

    embedding.py TOKENIZER.json TRAIN.csv DEV.csv [--seed 1] [--epochs 10]                   questions, texts, labels
    embedding.py TOKENIZER.json TRAIN.tsv DEV.tsv [--seed 1] [--epochs 10] [--test TEST.tsv] scores, texts, texts

The network, losses, batches, optimizer and schedule are those of `task: text-embedding` with `family: encoder`: two
blocks with norms before the branches, the mean over the text, and positions that begin at zero. Labels: cross-entropy
over the cosines of a question with the right texts and one wrong text of every question of the batch, divided by 0.05;
MAP and MRR. Scores: the order of cosines against that of scores, divided by 0.05 (CoSENT); Spearman's rho on DEV,
which chooses the epoch, and on TEST.
"""
import argparse
import collections
import csv
import json
import pathlib
import random
import resource

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import spearmanr
from tokenizers import Tokenizer
from torch import nn

from classifier_networks import adamw
from classifiers import batches

WIDTH, LAYERS, HEADS, INNER, TEMPERATURE, BATCH, RATE = 128, 2, 4, 512, 0.05, 64, 5e-4


class Encoder(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, WIDTH), nn.Embedding(512, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, INNER, 0.1, "gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, LAYERS, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.dropout = nn.Dropout(0.1)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)
        nn.init.zeros_(self.positions.weight)

    def forward(self, rows):
        ids = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        padding = torch.arange(ids.shape[1])[None] >= torch.tensor([len(row) for row in rows])[:, None]
        x = self.dropout(self.tokens(ids) + self.positions.weight[:ids.shape[1]])
        x = self.blocks(x, src_key_padding_mask=padding)
        x = x.masked_fill(padding[..., None], 0).sum(1) / (~padding).sum(1, keepdim=True)
        return F.normalize(x)


class Labels:
    """Questions with right and wrong texts."""

    def __init__(self, training, development, encode):
        rows = self.read(training)
        self.right, self.wrong = collections.defaultdict(list), collections.defaultdict(list)
        for question, text, label in rows:
            (self.right if label else self.wrong)[question].append(text)
        self.pairs = [(question, text) for question, text, label in rows if label]
        self.known = {text: encode(text) for row in rows for text in row[:2]}
        judged = collections.defaultdict(list)
        for question, text, label in self.read(development):
            if text not in [other for other, _ in judged[question]]:
                judged[question].append((text, label))
        self.judged = {question: found for question, found in judged.items()
                       if 0 < sum(label for _, label in found) < len(found)}
        self.encode = encode

    @staticmethod
    def read(path):
        with open(path, encoding="utf-8", newline="") as lines:
            return [(row["qtext"], row["atext"], int(row["label"])) for row in csv.DictReader(lines)]

    def loss(self, model, members, source):
        batch = [self.pairs[member] for member in members]
        candidates = list(dict.fromkeys([text for _, text in batch] + [
            source.choice(self.wrong[question]) for question, _ in batch if self.wrong[question]]))
        places = {text: place for place, text in enumerate(candidates)}
        questions = model([self.known[question] for question, _ in batch])
        logits = questions @ model([self.known[text] for text in candidates]).T / TEMPERATURE
        mask = torch.zeros_like(logits)
        for row, (question, target) in enumerate(batch):
            for text in self.right[question] + [question]:
                if text != target and text in places:
                    mask[row, places[text]] = -1e9
        return F.cross_entropy(logits + mask, torch.tensor([places[text] for _, text in batch]))

    def figures(self, model):
        precisions, ranks = [], []
        for question, texts in self.judged.items():
            scores = model([self.encode(question)]) @ model([self.encode(text) for text, _ in texts]).T
            labels = [texts[place][1] for place in torch.argsort(-scores[0], stable=True)]
            hits = [place + 1 for place, label in enumerate(labels) if label]
            precisions.append(np.mean([(count + 1) / place for count, place in enumerate(hits)]))
            ranks.append(1 / hits[0])
        return dict(map=float(np.mean(precisions)), mrr=float(np.mean(ranks)))


class Scores:
    """Pairs of sentences with a number that says how like they are."""

    def __init__(self, training, development, test, encode):
        self.encode = encode
        self.rows = self.read(training)
        self.pairs = [row[1:] for row in self.rows]
        self.known = {text: encode(text) for row in self.rows for text in row[1:]}
        self.judged = dict(spearman=self.read(development)) | (dict(test=self.read(test)) if test else {})

    @staticmethod
    def read(path):
        cells = (line.split("\t") for line in path.read_text(encoding="utf-8").split("\n") if line)
        return [(float(score), first, second) for score, first, second, *_ in cells]

    def loss(self, model, members, source):
        batch = [self.rows[member] for member in members]
        scores = torch.tensor([row[0] for row in batch])
        first, second = (model([self.known[row[side]] for row in batch]) for side in (1, 2))
        cosines = (first * second).sum(1) / TEMPERATURE
        steps = (cosines[None] - cosines[:, None])[scores[:, None] > scores[None]]
        return torch.logsumexp(torch.cat([torch.zeros(1), steps]), 0)

    def figures(self, model):
        found = {}
        for name, rows in self.judged.items():
            cosines = []
            for start in range(0, len(rows), BATCH):
                first, second = (model([self.encode(row[side]) for row in rows[start:start + BATCH]]) for side in (1, 2))
                cosines += (first * second).sum(1).tolist()
            found[name] = float(spearmanr(cosines, [row[0] for row in rows]).statistic)
        return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tokenizer", help="tokenizer.json of our model's folder")
    parser.add_argument("training", type=pathlib.Path)
    parser.add_argument("development", type=pathlib.Path)
    parser.add_argument("--test", type=pathlib.Path, help="pairs with scores to judge by, which choose nothing")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    source = random.Random(arguments.seed)
    tokenizer = Tokenizer.from_file(arguments.tokenizer)

    def encode(text):
        return torch.tensor(tokenizer.encode(text).ids[:512])

    task = (Labels(arguments.training, arguments.development, encode) if arguments.training.suffix == ".csv" else
            Scores(arguments.training, arguments.development, arguments.test, encode))
    lengths = [range(sum(len(task.known[text]) for text in pair)) for pair in task.pairs]
    model = Encoder(tokenizer.get_vocab_size())
    steps = arguments.epochs * ((len(task.pairs) + BATCH - 1) // BATCH)
    optimizer, schedule = adamw(model, RATE, steps, max(1, round(0.1 * steps)), first=1)
    best = None
    for epoch in range(1, arguments.epochs + 1):
        model.train()
        for members in batches(lengths, BATCH, source):
            task.loss(model, members, source).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
        model.eval()
        with torch.no_grad():
            found = task.figures(model)
        print(f"epoch {epoch}: {found}", flush=True)
        if best is None or list(found.values())[0] > list(best.values())[0]:
            best = dict(found, epoch=epoch)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps(dict(best, seconds=round(used.ru_utime + used.ru_stime, 1))))


if __name__ == "__main__":
    main()
