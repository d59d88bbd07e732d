"""The models of `task: sequence-to-sequence` in PyTorch, on the same tokens and the same division.

  sequence.py split PAIRS.txt[.gz] OUT ROWS     train.tsv and dev.tsv (about ROWS pairs); no first or second text of one
                                                stands in the other
  sequence.py train FAMILY DATA TOKENIZER.json SOURCE TARGET EPOCHS [name=value ...]
                                                trains (FAMILY: encoder-decoder or recurrent) on the columns SOURCE and
                                                TARGET of DATA/train.tsv and judges by DATA/dev.tsv
  sequence.py                                   answers the lines of worker.py: «sequence DTYPE B T V D F LAYERS HEADS» are
                                                whole training steps of nn.Transformer

Sizes and settings are those of the recipes in Examples; DATA's texts are cut by TOKENIZER.json, which Yuyan learned.
"""
import gzip
import hashlib
import math
import pathlib
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

from classifier_networks import falling_line

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "Tools" / "golden"))


class Transformer(nn.Module):
    """nn.Transformer with norms before the branches, sinusoids and one table for both sides and the projection."""

    def __init__(self, vocabulary, width, heads, layers, inner, dropout, longest=512):
        super().__init__()
        self.table = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.table.weight, std=width ** -0.5)
        self.body = nn.Transformer(
            width, heads, layers, layers, inner, dropout, batch_first=True, norm_first=True, activation="relu",
        )
        rates = 10_000 ** (-2 * torch.arange(width // 2) / width)
        angles = torch.arange(longest)[:, None] * rates
        self.register_buffer("places", torch.cat([angles.sin(), angles.cos()], 1))
        self.dropout, self.scale = nn.Dropout(dropout), math.sqrt(width)

    def vectors(self, ids):
        return self.dropout(self.table(ids) * self.scale + self.places[:ids.shape[1]])

    def encode(self, source, mask):
        return self.body.encoder(self.vectors(source), src_key_padding_mask=mask)

    def decode(self, inputs, memory, mask):
        causal = nn.Transformer.generate_square_subsequent_mask(inputs.shape[1])
        x = self.body.decoder(
            self.vectors(inputs), memory, tgt_mask=causal, tgt_is_causal=True, memory_key_padding_mask=mask,
        )
        return x @ self.table.weight.T

    def forward(self, source, lengths, inputs):
        mask = torch.arange(source.shape[1])[None] >= lengths[:, None]
        return self.decode(inputs, self.encode(source, mask), mask)


def make_model(family, vocabulary, options):
    if family == "encoder-decoder":
        return Transformer(
            vocabulary, int(options.get("hidden_size", 128)), int(options.get("heads", 4)),
            int(options.get("layers", 2)), int(options.get("intermediate_size", 512)),
            float(options.get("dropout", 0.1)),
        )
    from sequence_models import RecurrentSequenceModel
    model = RecurrentSequenceModel(dict(
        cell=options.get("cell", "lstm"), attention=options.get("attention", "multiplicative"), num_layers=1,
        hidden_size=int(options.get("hidden_size", 128)), embedding_dim=int(options.get("embedding_dim", 128)),
        attention_dim=int(options.get("hidden_size", 128)), vocab_size=vocabulary, tie_word_embeddings=True,
        dropout=float(options.get("dropout", 0.3)),
    ))
    nn.init.normal_(model.tokenEmbedding.weight, std=model.tokenEmbedding.weight.shape[1] ** -0.5)
    return model


def split(path, out, count):
    opened = gzip.open(path, "rt", encoding="utf-8") if path.endswith(".gz") else open(path, encoding="utf-8")
    with opened as file:
        pairs = [line.rstrip("\n").split("\t")[:2] for line in file]
    parent = {}

    def root(text):
        while parent.setdefault(text, text) != text:
            text = parent[text]
        return text

    for one, two in pairs:
        parent[root("1" + one)] = root("2" + two)
    share = count / len(pairs)
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    parts = {True: [], False: []}
    for one, two in pairs:
        digest = hashlib.sha256(root("1" + one).encode()).digest()
        parts[int.from_bytes(digest[:6], "big") / 2 ** 48 < share].append(f"{one}\t{two}\n")
    (out / "dev.tsv").write_text("".join(parts[True]), encoding="utf-8")
    (out / "train.tsv").write_text("".join(parts[False]), encoding="utf-8")
    print(len(parts[False]), "to learn from,", len(parts[True]), "to judge by")


def padded(rows, filling=0):
    width = max(map(len, rows))
    return torch.tensor([row + [filling] * (width - len(row)) for row in rows])


def batches(pairs, budget, generator):
    """Pairs of like length under a budget of places, as Yuyan cuts them."""
    order = torch.randperm(len(pairs), generator=generator).tolist()
    order.sort(key=lambda place: len(pairs[place][0]) + len(pairs[place][1]))
    cut, current = [], []
    for place in order:
        width = len(pairs[place][0]) + len(pairs[place][1])
        if current and (len(current) + 1) * width > budget:
            cut.append(current)
            current = []
        current.append(place)
    cut.append(current)
    return [cut[place] for place in torch.randperm(len(cut), generator=generator).tolist()]


@torch.no_grad()
def write(model, family, sources, end, longest):
    """The likeliest token at each step, for sources of one length at a time; the whole target anew for each step."""
    found = [None] * len(sources)
    by_length = {}
    for place, source in enumerate(sources):
        by_length.setdefault(len(source), []).append(place)
    for length, places in by_length.items():
        for start in range(0, len(places), 64):
            members = places[start:start + 64]
            source = torch.tensor([sources[place] for place in members])
            lengths = torch.full((len(members),), length)
            inputs = torch.full((len(members), 1), end)
            done = torch.zeros(len(members), dtype=torch.bool)
            mask = torch.zeros_like(source, dtype=torch.bool)
            memory = model.encode(source, mask) if family == "encoder-decoder" else None
            for _ in range(longest):
                logits = model.decode(inputs, memory, mask) if memory is not None else model(source, lengths, inputs)
                token = logits[:, -1].argmax(-1)
                inputs = torch.cat([inputs, token[:, None]], 1)
                done |= token == end
                if done.all():
                    break
            for place, row in zip(members, inputs[:, 1:].tolist()):
                found[place] = row[:row.index(end)] if end in row else row
    return found


def train(family, data, tokenizer_path, source, target, epochs, options):
    import sacrebleu
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(tokenizer_path)
    end = next(i for i, token in tokenizer.get_added_tokens_decoder().items() if token.special)
    longest = int(options.get("longest", 256))
    most_new = int(options.get("max_new_tokens", longest))

    def read(name):
        rows = [line.rstrip("\n").split("\t") for line in open(f"{data}/{name}", encoding="utf-8")]
        return [(row[source], row[target]) for row in rows]

    def encode(text):
        return tokenizer.encode(text, add_special_tokens=False).ids[:longest - 1] + [end]

    dev = read("dev.tsv")
    pairs = [(encode(one), encode(two)) for one, two in read("train.tsv")]
    judged = [(encode(one), encode(two)) for one, two in dev]
    seed = int(options.get("seed", 1))
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = make_model(family, tokenizer.get_vocab_size(), options)
    print(sum(p.numel() for p in model.parameters()), "parameters", flush=True)
    budget = int(options.get("batch_tokens", 4096))
    per_epoch = len(batches(pairs, budget, torch.Generator().manual_seed(0)))
    steps, peak = epochs * per_epoch, float(options.get("learning_rate", 1e-3))
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [dict(params=matrices, weight_decay=0.01), dict(params=others, weight_decay=0.0)]
    optimizer = torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.98), eps=1e-8)
    factor = falling_line(steps, max(int(steps * 0.1), 1), first=1)
    step, begin = 0, time.process_time()
    for epoch in range(epochs):
        model.train()
        for members in batches(pairs, budget, generator):
            rate = peak * factor(step)
            for group in optimizer.param_groups:
                group["lr"] = rate
            one = [pairs[place][0] for place in members]
            two = [pairs[place][1] for place in members]
            inputs = padded([[end] + row[:-1] for row in two])
            logits = model(padded(one), torch.tensor([len(row) for row in one]), inputs)
            loss = F.cross_entropy(
                logits.flatten(0, 1), padded(two, -100).flatten(), ignore_index=-100, label_smoothing=0.1
            )
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
        model.eval()
        seconds = time.process_time() - begin
        outputs = [tokenizer.decode(ids) for ids in write(model, family, [one for one, _ in judged], end, most_new)]
        references = [two for _, two in dev]
        chinese = sum("\u4e00" <= text[:1] <= "\u9fff" for text in references) * 2 > len(references)
        bleu = sacrebleu.corpus_bleu(outputs, [references], tokenize="zh" if chinese else "13a").score
        chrf = sacrebleu.corpus_chrf(outputs, [references]).score
        total, count = 0.0, 0
        with torch.no_grad():
            for members in batches(judged, budget, torch.Generator().manual_seed(0)):
                one, two = zip(*[judged[place] for place in members])
                logits = model(
                    padded(list(one)), torch.tensor([len(row) for row in one]),
                    padded([[end] + row[:-1] for row in two]),
                )
                total += F.cross_entropy(
                    logits.flatten(0, 1), padded(list(two), -100).flatten(), ignore_index=-100, reduction="sum"
                ).item()
                count += sum(map(len, two))
        line = f"epoch {epoch + 1} step {step} loss {total / count:.4f} BLEU {bleu:.2f} chrF {chrf:.2f}"
        rouge = f" ROUGE-L {rouge_l(outputs, references):.4f}" if "rouge" in options else ""
        print(f"{line}{rouge} CPU {seconds:.0f} s", flush=True)


def rouge_l(outputs, references):
    """The mean F1 of longest common subsequences of Chinese characters and runs of letters and digits."""
    import re

    from rouge_score import rouge_scorer

    class Characters:
        def tokenize(self, text):
            return re.findall(r"[a-z0-9]+|[\u3400-\u9fff]", text.lower())

    scorer = rouge_scorer.RougeScorer(["rougeL"], tokenizer=Characters())
    scores = [scorer.score(right, own)["rougeL"].fmeasure for own, right in zip(outputs, references)]
    return sum(scores) / len(scores)


def make(words):
    dtype = words[1]
    rows, positions, vocabulary, width, inner, layers, heads = map(int, words[2:])
    torch.manual_seed(0)
    model = Transformer(vocabulary, width, heads, layers, inner, 0.0).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    source, inputs, labels = (torch.randint(0, vocabulary, (rows, positions)) for _ in range(3))

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bf16"):
            logits = model.decode(inputs, model.encode(source, None), None)
            loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return step


if __name__ == "__main__":
    if len(sys.argv) == 1:
        from worker import serve
        serve(make)
    elif sys.argv[1] == "split":
        split(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        family, data, tokenizer = sys.argv[2:5]
        source, target, epochs = map(int, sys.argv[5:8])
        train(family, data, tokenizer, source, target, epochs, dict(item.split("=") for item in sys.argv[8:]))
