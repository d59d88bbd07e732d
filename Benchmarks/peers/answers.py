"""The networks of `task: question-answering` in PyTorch, on the same division and the same tokens.

    python3 answers.py split SQUAD.json[.gz] OUT      OUT/train.json and OUT/dev.json, to judge by: every fifth article
    python3 answers.py FAMILY FOLDER TOKENIZER.json [--seed 1] [--epochs 10] [--chinese]

FAMILY is `reader` (Chen et al., 2017) or `encoder` (a Transformer, with a segment of its own for tokens that the
question has), as Sources/Models/Answers has them with the defaults of their recipe: AdamW without decay of vectors, a
linear schedule from 2e-3 or, after a tenth of warm-up, from 5e-4, 16 windows of like length a batch, clipping at 1, 64
tokens of a question, 30 of an answer, windows 128 tokens apart, the best epoch by F1, at most four epochs after it.
Every question must have an answer. Prints the best epoch's exact match and F1 as JSON, by SQuAD's rules or, with
`--chinese`, by those of CMRC 2018.
"""
import argparse
import functools
import gzip
import json
import pathlib
import random
import resource
import sys

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import nn

from classifier_networks import Bidirectional, Block, adamw, head, mask, padded
from classifiers import batches

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "Tools" / "golden"))
from answer_scores import bare, cmrc_f1, normalize, squad_f1  # noqa: E402

LONGEST_TEXT, LONGEST_QUESTION, LONGEST_ANSWER, STRIDE = 512, 64, 30, 128


def scores(answer, right, is_chinese):
    """Exact match and F1."""
    if is_chinese:
        return bare(answer) == bare(right), cmrc_f1(right, answer)
    return normalize(answer) == normalize(right), squad_f1(right, answer, 1)


# Data

class Question:
    def __init__(self, encode, text, question, answers):
        self.text, self.answers = text, [answer["text"] for answer in answers]
        self.ids = encode(question).ids[:LONGEST_QUESTION]
        tokens = encode(text)
        self.context, self.offsets = tokens.ids, tokens.offsets
        self.span = None
        for answer in answers:
            first, last = answer["answer_start"], answer["answer_start"] + len(answer["text"])
            if self.span is None and text[first:last] == answer["text"]:
                inside = [place for place, (start, end) in enumerate(self.offsets) if end > first and start < last]
                self.span = (inside[0], inside[-1]) if inside else None

    def windows(self, room):
        start = 0
        while True:
            end = min(start + room, len(self.context))
            is_inside = self.span and start <= self.span[0] and self.span[1] < end
            yield start, end, (self.span[0] - start + 1, self.span[1] - start + 1) if is_inside else (0, 0)
            if end == len(self.context):
                return
            start += min(STRIDE, room)


def questions(path, tokenizer):
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    encode = functools.cache(lambda text: tokenizer.encode(text, add_special_tokens=False))
    return [Question(encode, paragraph["context"], row["question"], row["answers"])
            for article in articles for paragraph in article["paragraphs"] for row in paragraph["qas"]]


def split(source, out):
    opened = gzip.open(source, "rt", encoding="utf-8") if source.endswith(".gz") else open(source, encoding="utf-8")
    with opened as file:
        whole = json.load(file)
    target = pathlib.Path(out)
    target.mkdir(parents=True, exist_ok=True)
    parts = {"train": [], "dev": []}
    for number, article in enumerate(whole["data"]):
        parts["dev" if number % 5 == 4 else "train"].append(article)
    for name, articles in parts.items():
        text = json.dumps(dict(version="1.1", data=articles), ensure_ascii=False)
        (target / f"{name}.json").write_text(text, encoding="utf-8")
        print(f"{name}: {len(articles)} articles, "
              f"{sum(len(paragraph['qas']) for article in articles for paragraph in article['paragraphs'])} questions")


def batch(rows, frame):
    """What both networks take; a row is a question with a window of its text."""
    contexts = [question.context[window[0]:window[1]] for question, window in rows]
    own = [set(question.ids) for question, _ in rows]
    matches = [[float(token in known) for token in context] for context, known in zip(contexts, own, strict=True)]
    begin, end = frame
    heads = [[begin, *question.ids, end] for question, _ in rows]
    sequences = [first + context + [end] for first, context in zip(heads, contexts, strict=True)]
    segments = [[0] * len(first) + [1 + int(found) for found in match] + [1]
                for first, match in zip(heads, matches, strict=True)]
    places = [[0, *range(len(first), len(first) + len(context))]
              for first, context in zip(heads, contexts, strict=True)]
    return dict(
        questions=padded([question.ids for question, _ in rows]), contexts=padded(contexts), matches=padded(matches),
        question_lengths=torch.tensor([len(question.ids) for question, _ in rows]),
        lengths=torch.tensor(list(map(len, contexts))), sequences=padded(sequences), segments=padded(segments),
        places=padded(places), sequence_lengths=torch.tensor(list(map(len, sequences))),
    )


# Networks

class Layers(nn.Module):
    """Two bidirectional LSTM layers of 96 units; between them whole features of a sequence are dropped."""

    def __init__(self, inputs):
        super().__init__()
        self.layers = nn.ModuleList(Bidirectional(nn.LSTM, width, 96) for width in (inputs, 192))

    def forward(self, x, lengths):
        for number, layer in enumerate(self.layers):
            if number and self.training:
                x = x * F.dropout(torch.ones(x.size(0), 1, x.size(2)), 0.3)
            x = layer(x, lengths)
        return x


class Reader(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.table = nn.Embedding(vocabulary, 128)
        nn.init.uniform_(self.table.weight, -0.25, 0.25)
        self.alignment = head(128, 128)
        self.context_layers, self.question_layers = Layers(257), Layers(128)
        self.pooling = nn.Sequential(head(192, 96), nn.Tanh(), nn.Linear(96, 1, bias=False))
        self.start, self.end, self.absence = head(192, 192), head(192, 192), head(192, 2)
        self.dropout = nn.Dropout(0.3)

    def forward(self, inputs):
        context, question = (self.dropout(self.table(inputs[name])) for name in ("contexts", "questions"))
        hidden = ~mask(inputs["question_lengths"], question.size(1))
        likeness = F.relu(self.alignment(context)) @ F.relu(self.alignment(question)).transpose(1, 2)
        weights = likeness.masked_fill(hidden[:, None, :], float("-inf")).softmax(2)
        features = torch.cat([context, weights @ question, inputs["matches"][:, :, None]], 2)
        states = self.dropout(self.context_layers(features, inputs["lengths"]))
        asked = self.question_layers(question, inputs["question_lengths"])
        weights = self.pooling(asked).masked_fill(hidden[:, :, None], float("-inf")).softmax(1)
        asked = self.dropout((weights * asked).sum(1))
        scores = states @ torch.stack([self.start(asked), self.end(asked)], 2)
        return torch.cat([self.absence(asked)[:, None], scores], 1)


class Encoder(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.tokens, self.positions, self.segments = (nn.Embedding(count, 128) for count in (vocabulary, 512, 3))
        self.blocks = nn.ModuleList(Block(128, 4, 512) for _ in range(2))
        self.norm = nn.LayerNorm(128, eps=1e-12)
        self.spans, self.dropout = nn.Linear(128, 2), nn.Dropout(0.1)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, inputs):
        ids = inputs["sequences"]
        visible = mask(inputs["sequence_lengths"], ids.size(1))[:, None, None, :]
        x = self.tokens(ids) + self.segments(inputs["segments"]) + self.positions(torch.arange(ids.size(1)))
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, visible)
        x = self.norm(x)
        return self.spans(x.gather(1, inputs["places"][:, :, None].expand(-1, -1, x.size(2))))


def logits(model, inputs):
    """Those of beginnings and of ends [B, 1 + C]."""
    real = mask(1 + inputs["lengths"], 1 + inputs["contexts"].size(1))
    return model(inputs).masked_fill(~real[:, :, None], -1e9).unbind(2)


def judge(model, windows, examples, frame, is_chinese):
    model.eval()
    best = [(float("-inf"), None)] * len(examples)
    order = sorted(range(len(windows)), key=lambda row: windows[row][1][1] - windows[row][1][0])
    for first in range(0, len(order), 32):
        members = [windows[row] for row in order[first:first + 32]]
        with torch.no_grad():
            start, end = logits(model, batch([(examples[number], window) for number, window in members], frame))
        sums = start[:, :, None] + end[:, None, :] - (start[:, 0] + end[:, 0])[:, None, None]
        allowed = torch.ones(sums.shape[1:]).triu().tril(LONGEST_ANSWER - 1).bool()
        allowed[0, :] = False
        flat = sums.masked_fill(~allowed, float("-inf")).flatten(1)
        for (number, window), value, place in zip(members, *map(torch.Tensor.tolist, flat.max(1)), strict=True):
            if value > best[number][0]:
                ends = divmod(place, sums.size(2))
                best[number] = (value, [window[0] + end - 1 for end in ends])
    exact = total = 0.0
    for example, (_, span) in zip(examples, best, strict=True):
        answer = example.text[example.offsets[span[0]][0]:example.offsets[span[1]][1]] if span else ""
        pairs = [scores(answer, right, is_chinese) for right in example.answers]
        exact += max(pair[0] for pair in pairs)
        total += max(pair[1] for pair in pairs)
    return exact / len(examples), total / len(examples)


def train(arguments):
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    tokenizer = Tokenizer.from_file(arguments.tokenizer)
    frame = (tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]"))
    learned, judged = (questions(arguments.folder / f"{part}.json", tokenizer) for part in ("train", "dev"))
    is_reader = arguments.family == "reader"

    def windows(examples):
        return [(number, window) for number, example in enumerate(examples)
                for window in example.windows(LONGEST_TEXT if is_reader else LONGEST_TEXT - len(example.ids) - 3)]

    kept = [pair for pair in windows(learned) if learned[pair[0]].span]
    checked = windows(judged)
    lengths = [range(window[1] - window[0]) for _, window in kept]
    model = (Reader if is_reader else Encoder)(tokenizer.get_vocab_size())
    source = random.Random(arguments.seed)
    total = arguments.epochs * len(batches(lengths, 16, random.Random(0)))
    optimizer, schedule = adamw(model, 2e-3, total) if is_reader else adamw(model, 5e-4, total, -(-total // 10))
    best, best_epoch = (0.0, -1.0), 0
    for epoch in range(1, arguments.epochs + 1):
        model.train()
        for members in batches(lengths, 16, source):
            rows = [kept[row] for row in members]
            start, end = logits(model, batch([(learned[number], window) for number, window in rows], frame))
            places = torch.tensor([window[2] for _, window in rows])
            loss = (F.cross_entropy(start, places[:, 0]) + F.cross_entropy(end, places[:, 1])) / 2
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
        reached = judge(model, checked, judged, frame, arguments.chinese)
        print(f"epoch {epoch}: exact match {100 * reached[0]:.2f}, F1 {100 * reached[1]:.2f}", flush=True)
        if reached[1] > best[1]:
            best, best_epoch = reached, epoch
        elif epoch - best_epoch >= 4:
            break
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps(dict(exact_match=best[0], f1=best[1], epoch=best_epoch,
                          seconds=round(used.ru_utime + used.ru_stime, 1))))


def main():
    if sys.argv[1:2] == ["split"]:
        return split(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", choices=["reader", "encoder"])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("tokenizer", help="tokenizer.json of our model's folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--chinese", action="store_true", help="answers are compared as CMRC 2018 does")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
