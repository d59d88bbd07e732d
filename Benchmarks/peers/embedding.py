"""A sentence encoder in PyTorch on labelled pairs: embedding.py TOKENIZER.json TRAIN.csv DEV.csv SEED [EPOCHS].

The network, loss, batches' size, optimizer and schedule are those of `task: text-embedding` with `family: encoder`: two
blocks with norms before the branches, the mean over the text, cross-entropy over the cosines of a question with the
right texts and one wrong text of every question of the batch, divided by 0.05. Prints MAP and MRR on DEV after every epoch.
"""
import collections
import csv
import sys

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import nn

from classifier_networks import falling_line

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

    def forward(self, rows):
        ids = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        padding = torch.arange(ids.shape[1])[None] >= torch.tensor([len(row) for row in rows])[:, None]
        x = self.dropout(self.tokens(ids) + self.positions.weight[:ids.shape[1]])
        x = self.blocks(x, src_key_padding_mask=padding)
        x = x.masked_fill(padding[..., None], 0).sum(1) / (~padding).sum(1, keepdim=True)
        return F.normalize(x)


def read(path):
    with open(path, encoding="utf-8", newline="") as lines:
        return [(row["qtext"], row["atext"], int(row["label"])) for row in csv.DictReader(lines)]


def main(tokenizer, training, development, seed, epochs=10):
    torch.manual_seed(int(seed))
    torch.set_num_threads(1)
    rng = np.random.default_rng(int(seed))
    tokenizer = Tokenizer.from_file(tokenizer)

    def encode(text):
        return torch.tensor(tokenizer.encode(text).ids[:512])

    rows = read(training)
    right, wrong = collections.defaultdict(list), collections.defaultdict(list)
    for question, text, label in rows:
        (right if label else wrong)[question].append(text)
    pairs = [(question, text) for question, text, label in rows if label]
    known = {text: encode(text) for row in rows for text in row[:2]}
    model = Encoder(tokenizer.get_vocab_size())
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0}],
                                  lr=RATE, betas=(0.9, 0.999))
    steps = int(epochs) * ((len(pairs) + BATCH - 1) // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, falling_line(steps, max(1, round(0.1 * steps)), first=1))
    judged = collections.defaultdict(list)
    for question, text, label in read(development):
        if text not in [other for other, _ in judged[question]]:
            judged[question].append((text, label))
    judged = {q: list_ for q, list_ in judged.items() if 0 < sum(label for _, label in list_) < len(list_)}
    for epoch in range(int(epochs)):
        model.train()
        order = rng.permutation(len(pairs))
        for start in range(0, len(order), BATCH):
            batch = [pairs[i] for i in order[start:start + BATCH]]
            candidates = list(dict.fromkeys([text for _, text in batch] + [
                str(rng.choice(wrong[question])) for question, _ in batch if wrong[question]]))
            places = {text: place for place, text in enumerate(candidates)}
            logits = model([known[q] for q, _ in batch]) @ model([known[t] for t in candidates]).T / TEMPERATURE
            mask = torch.zeros_like(logits)
            for row, (question, target) in enumerate(batch):
                for text in right[question] + [question]:
                    if text != target and text in places:
                        mask[row, places[text]] = -1e9
            F.cross_entropy(logits + mask, torch.tensor([places[text] for _, text in batch])).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
        model.eval()
        precisions, ranks = [], []
        with torch.no_grad():
            for question, texts in judged.items():
                scores = model([encode(question)]) @ model([encode(text) for text, _ in texts]).T
                labels = [texts[i][1] for i in torch.argsort(-scores[0], stable=True)]
                hits = [place + 1 for place, label in enumerate(labels) if label]
                precisions.append(np.mean([(i + 1) / place for i, place in enumerate(hits)]))
                ranks.append(1 / hits[0])
        print(f"epoch {epoch + 1}: MAP {np.mean(precisions):.4f}, MRR {np.mean(ranks):.4f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
