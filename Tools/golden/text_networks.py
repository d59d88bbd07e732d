"""Toy networks over texts with everything that training them gives, for Tests/GoldenTests/TextNetworkParityTests:
classifiers by bags of vectors, fully connected layers, convolutions and recurrent layers, taggers and a reader of answers,
written here in PyTorch, one text at a time, so that nothing is padded or masked.

Writes Fixtures/text/<name>/{config.json, model.safetensors, golden.safetensors}. The weights are f32; logits, losses and
gradients are computed in f64, so that they carry no rounding of their own.

Run from the repository: python Tools/golden/text_networks.py
"""

import hashlib
import json

import torch
import torch.nn.functional as F
from decoder_parity import FIXTURES, ROOT, SEED, randomise
from safetensors.torch import save_file
from sequence_models import Attention
from torch import nn

VOCABULARY, WIDTH, CLASSES = 30, 9, 4
LENGTHS = [7, 1, 12, 4, 9]
TEXT = dict(vocab_size=VOCABULARY, embedding_dim=WIDTH, embedding_dropout=0.0, max_length=64)
LABELS = dict(
    classifier_dropout=0.0, problem_type="single_label_classification",
    id2label={str(number): f"label {number}" for number in range(CLASSES)},
)


class Table(nn.Module):
    """A table of vectors by the name that files give it."""

    def __init__(self, count=VOCABULARY, width=WIDTH):
        super().__init__()
        self.table = nn.Embedding(count, width)

    def forward(self, ids):
        return self.table(ids)


class Bag(nn.Module):
    """The mean of the vectors of tokens and of the hashes of their n-grams (Joulin et al., 2017)."""

    def __init__(self, config):
        super().__init__()
        self.longest, self.buckets, self.width = config["max_ngram"], config["buckets"], WIDTH
        self.bag = nn.Embedding(VOCABULARY + self.buckets, WIDTH)

    def forward(self, ids):
        tokens, members = ids.tolist(), ids.tolist()
        for first in range(len(tokens)):
            value = 0xCBF29CE484222325
            for place in range(first, min(first + self.longest, len(tokens))):
                value = (value ^ tokens[place]) * 0x9E3779B97F4A7C15 % 2**64
                value ^= value >> 29
                if place > first:
                    members.append(VOCABULARY + value % self.buckets)
        return self.bag(torch.tensor(members)).mean(0)


class Perceptron(nn.Module):
    """Layers on the mean of the vectors (Iyyer et al., 2015)."""

    def __init__(self, config):
        super().__init__()
        self.vectors = Table()
        sizes = [WIDTH, *config["hidden_sizes"]]
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in zip(sizes, sizes[1:]))
        self.width = sizes[-1]

    def forward(self, ids):
        x = self.vectors(ids).mean(0)
        for layer in self.layers:
            x = F.relu(layer(x))
        return x


class TextCNN(nn.Module):
    """Windows that may reach over both ends (Kim, 2014)."""

    def __init__(self, config):
        super().__init__()
        self.vectors = Table()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(WIDTH, config["num_filters"], size, padding=size - 1) for size in config["kernel_sizes"]
        )
        self.width = config["num_filters"] * len(config["kernel_sizes"])

    def forward(self, ids):
        x = self.vectors(ids).T[None]
        return torch.cat([F.relu(layer(x)).amax(2)[0] for layer in self.convolutions])


class DPCNN(nn.Module):
    """Blocks of two convolutions with a shortcut, half as many positions in each (Johnson, Zhang, 2017)."""

    def __init__(self, config):
        super().__init__()
        self.vectors = Table()
        self.width, self.blocks = config["num_filters"], config["num_blocks"]
        self.region = nn.Conv1d(WIDTH, self.width, 3, padding=1)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(self.width, self.width, 3, padding=1) for _ in range(2 * self.blocks)
        )

    def forward(self, ids):
        x = self.region(self.vectors(ids).T[None])
        for block in range(self.blocks):
            if block:
                x = F.max_pool1d(F.pad(x, (0, 2), value=float("-inf")), 3, 2)
            first, second = self.convolutions[2 * block:2 * block + 2]
            x = x + second(F.relu(first(F.relu(x))))
        return x.amax(2)[0]


class Pooling(nn.Module):
    """A learned query: softmax over v·tanh(W h + b) (Yang et al., 2016)."""

    def __init__(self, width, inner):
        super().__init__()
        self.projection, self.queries = nn.Linear(width, inner), nn.Linear(inner, 1, bias=False)

    def forward(self, states):
        return (self.queries(torch.tanh(self.projection(states))).softmax(0) * states).sum(0)


class Recurrent(nn.Module):
    """Recurrent layers whose states become one vector."""

    def __init__(self, config):
        super().__init__()
        self.vectors = Table()
        self.pooling, hidden = config["pooling"], config["hidden_size"]
        cell = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[config["model_type"]]
        self.network = cell(WIDTH, hidden, config["num_layers"], bidirectional=config["bidirectional"])
        states = hidden * (2 if config["bidirectional"] else 1)
        if self.pooling == "attention":
            self.attention = Pooling(states, config["attention_dim"])
        if self.pooling in ("additive", "multiplicative"):
            self.scores = Attention(self.pooling, states, states, config["attention_dim"])
        self.width = states * (2 if self.pooling in ("additive", "multiplicative") else 1)
        self.directions = 2 if config["bidirectional"] else 1

    def forward(self, ids):
        states, last = self.network(self.vectors(ids))
        last = (last[0] if isinstance(last, tuple) else last)[-self.directions:].flatten()
        if self.pooling == "max":
            return states.amax(0)
        if self.pooling == "mean":
            return states.mean(0)
        if self.pooling == "last":
            return last
        if self.pooling == "attention":
            return self.attention(states)
        memory, real = states[None], torch.ones(1, len(states), dtype=torch.bool)
        found = self.scores(last[None, None], self.scores.keys(memory), memory, real)
        return torch.cat([found.flatten(), last])


class Classifier(nn.Module):
    def __init__(self, encoder, config):
        super().__init__()
        self.encoder = encoder(config)
        self.classifier = nn.Linear(self.encoder.width, CLASSES)
        self.many = config["problem_type"] == "multi_label_classification"

    def inputs(self, generator):
        texts = sequences(LENGTHS, VOCABULARY, generator)
        classes = torch.randint(0, CLASSES, (len(LENGTHS),), generator=generator)
        sets = torch.randint(0, 2, (len(LENGTHS), CLASSES), generator=generator)
        sets[1] = 0
        return dict(texts=texts, classes=classes, sets=sets)

    def logits(self, inputs):
        return [self.classifier(self.encoder(ids)) for ids in inputs["texts"]]

    def loss(self, inputs):
        logits = torch.stack(self.logits(inputs))
        if self.many:
            return F.binary_cross_entropy_with_logits(logits, inputs["sets"].double())
        return F.cross_entropy(logits, inputs["classes"], label_smoothing=0.1)

    def extras(self, inputs):
        return packed("texts", inputs["texts"]) | dict(classes=inputs["classes"].int(), sets=inputs["sets"].int())


class Tagger(nn.Module):
    """Words, their characters and a mark of the predicate; a BiLSTM; a linear-chain field, or every tag by itself."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        letters, mark = config["character_vocab_size"], config["mark_dim"]
        self.vectors = Table()
        width = WIDTH + mark + (config["character_filters"] if letters else 0)
        if letters:
            self.characterTable = nn.Embedding(letters, config["character_dim"])
            size = config["character_window"]
            self.characterFilters = nn.Conv1d(
                config["character_dim"], config["character_filters"], size, padding=size // 2
            )
        if mark:
            self.markTable = nn.Embedding(2, mark)
        self.network = nn.LSTM(width, config["hidden_size"], config["num_layers"], bidirectional=True)
        self.classifier = nn.Linear(2 * config["hidden_size"], CLASSES)
        if mark:
            self.predicateClassifier = nn.Linear(2 * config["hidden_size"], CLASSES, bias=False)
        if config["crf"]:
            self.crf = nn.Module()
            for name in ("start_transitions", "end_transitions"):
                setattr(self.crf, name, nn.Parameter(torch.empty(CLASSES)))
            self.crf.transitions = nn.Parameter(torch.empty(CLASSES, CLASSES))

    def inputs(self, generator):
        texts = sequences(LENGTHS, VOCABULARY, generator)
        words = sum(LENGTHS)
        sizes = torch.randint(1, 6, (words,), generator=generator).tolist()
        count = max(self.config["character_vocab_size"], 1)
        return dict(
            texts=texts, spellings=sequences(sizes, count, generator), labels=sequences(LENGTHS, CLASSES, generator),
            predicates=[int(torch.randint(0, length, (1,), generator=generator)) for length in LENGTHS],
        )

    def emissions(self, ids, spellings, predicate):
        x = self.vectors(ids)
        if self.config["character_vocab_size"]:
            found = [self.characterFilters(self.characterTable(word).T[None]).amax(2)[0] for word in spellings]
            x = torch.cat([x, torch.stack(found)], 1)
        if self.config["mark_dim"]:
            x = torch.cat([x, self.markTable((torch.arange(len(ids)) == predicate).long())], 1)
        states, _ = self.network(x)
        scores = self.classifier(states)
        return scores + self.predicateClassifier(states[predicate]) if self.config["mark_dim"] else scores

    def logits(self, inputs):
        found, first = [], 0
        for ids, predicate in zip(inputs["texts"], inputs["predicates"]):
            found.append(self.emissions(ids, inputs["spellings"][first:first + len(ids)], predicate))
            first += len(ids)
        return found

    def loss(self, inputs):
        """The mean over words of −log p(labels)."""
        total = 0
        for scores, labels in zip(self.logits(inputs), inputs["labels"]):
            if not self.config["crf"]:
                total = total + F.cross_entropy(scores, labels, reduction="sum")
                continue
            own = scores.gather(1, labels[:, None]).sum() + self.crf.transitions[labels[:-1], labels[1:]].sum()
            own = own + self.crf.start_transitions[labels[0]] + self.crf.end_transitions[labels[-1]]
            alpha = self.crf.start_transitions + scores[0]
            for place in range(1, len(scores)):
                alpha = torch.logsumexp(alpha[:, None] + self.crf.transitions, 0) + scores[place]
            total = total + torch.logsumexp(alpha + self.crf.end_transitions, 0) - own
        return total / sum(LENGTHS)

    def best(self, scores):
        if not self.config["crf"]:
            return scores.argmax(1)
        value, origins = self.crf.start_transitions + scores[0], []
        for place in range(1, len(scores)):
            largest, origin = (value[:, None] + self.crf.transitions).max(0)
            value = largest + scores[place]
            origins.append(origin)
        labels = [int((value + self.crf.end_transitions).argmax())]
        for origin in reversed(origins):
            labels.insert(0, int(origin[labels[0]]))
        return torch.tensor(labels)

    def extras(self, inputs):
        best = [self.best(scores) for scores in self.logits(inputs)]
        return (packed("texts", inputs["texts"]) | packed("spellings", inputs["spellings"])
                | packed("labels", inputs["labels"]) | packed("best", best)
                | dict(predicates=torch.tensor(inputs["predicates"]).int()))


class Reader(nn.Module):
    """Text and question aligned, recurrent layers over both, beginnings and ends where the text fits the question
    (Chen et al., 2017)."""

    def __init__(self, config):
        super().__init__()
        hidden, layers = config["hidden_size"], config["num_layers"]
        self.network = nn.Module()
        self.network.vectors = Table()
        self.network.alignment = nn.Linear(WIDTH, WIDTH)
        self.network.contextLayers = nn.LSTM(2 * WIDTH + 1, hidden, layers, bidirectional=True)
        self.network.questionLayers = nn.LSTM(WIDTH, hidden, layers, bidirectional=True)
        self.network.questionPooling = Pooling(2 * hidden, hidden)
        self.network.start, self.network.end = (nn.Linear(2 * hidden, 2 * hidden) for _ in range(2))
        self.network.absence = nn.Linear(2 * hidden, 2)

    def inputs(self, generator):
        questions, contexts = [3, 1, 5, 4, 2], [8, 5, 12, 1, 9]
        spans = [[0, 0] if row == 1 else sorted(torch.randint(1, 1 + length, (2,), generator=generator).tolist())
                 for row, length in enumerate(contexts)]
        return dict(questions=sequences(questions, 8, generator), texts=sequences(contexts, 12, generator), spans=spans)

    def logits(self, inputs):
        net, found = self.network, []
        for question, context in zip(inputs["questions"], inputs["texts"]):
            q, c = net.vectors(question), net.vectors(context)
            weights = (F.relu(net.alignment(c)) @ F.relu(net.alignment(q)).T).softmax(1)
            matches = torch.tensor([[float(token in question.tolist())] for token in context.tolist()]).to(c.dtype)
            states, _ = net.contextLayers(torch.cat([c, weights @ q, matches], 1))
            asked = net.questionPooling(net.questionLayers(q)[0])
            scores = states @ torch.stack([net.start(asked), net.end(asked)], 1)
            found.append(torch.cat([net.absence(asked)[None], scores]))
        return found

    def loss(self, inputs):
        losses = [
            F.cross_entropy(scores[:, side][None], torch.tensor([span[side]]))
            for scores, span in zip(self.logits(inputs), inputs["spans"]) for side in (0, 1)
        ]
        return torch.stack(losses).mean()

    def extras(self, inputs):
        return (packed("texts", inputs["texts"]) | packed("questions", inputs["questions"])
                | dict(spans=torch.tensor(inputs["spans"]).int()))


def recurrent(cell, pooling, layers=1, bidirectional=True):
    return dict(
        model_type=cell, hidden_size=5, num_layers=layers, bidirectional=bidirectional, pooling=pooling,
        attention_dim=6, dropout=0.0, variational_dropout=True, weight_dropout=0.0,
    )


CNN = dict(model_type="text-cnn", kernel_sizes=[2, 3, 5], num_filters=6)
MANY = dict(problem_type="multi_label_classification")
CLASSIFIERS = {
    "bag": (Bag, dict(model_type="bag-of-embeddings", max_ngram=3, buckets=16, pooling="mean")),
    "mlp": (Perceptron, dict(model_type="mlp", hidden_sizes=[8, 6], pooling="mean", dropout=0.0)),
    "text-cnn": (TextCNN, CNN),
    "text-cnn-many-labels": (TextCNN, CNN | MANY),
    "dpcnn": (DPCNN, dict(model_type="dpcnn", num_filters=6, num_blocks=3)),
    "rnn-last": (Recurrent, recurrent("rnn", "last")),
    "lstm-max": (Recurrent, recurrent("lstm", "max", layers=2)),
    "lstm-mean": (Recurrent, recurrent("lstm", "mean", bidirectional=False)),
    "gru-attention": (Recurrent, recurrent("gru", "attention")),
    "gru-additive": (Recurrent, recurrent("gru", "additive")),
    "lstm-multiplicative": (Recurrent, recurrent("lstm", "multiplicative", layers=2)),
}
TAGGER = dict(
    model_type="lstm-tagger", vocab_size=VOCABULARY, embedding_dim=WIDTH, embedding_dropout=0.0, word_dropout=0.0,
    character_vocab_size=11, character_dim=5, character_filters=6, character_window=3, mark_dim=0, hidden_size=5,
    num_layers=1, bidirectional=True, dropout=0.0, crf=True, num_labels=CLASSES,
    id2label=LABELS["id2label"],
)
TAGGERS = {
    "tagger": TAGGER,
    "tagger-words": TAGGER | dict(character_vocab_size=0, num_layers=2, crf=False),
    "tagger-roles": TAGGER | dict(mark_dim=3, crf=False),
}
READER = dict(
    model_type="reader", vocab_size=VOCABULARY, embedding_dim=WIDTH, embedding_dropout=0.0, word_dropout=0.0,
    hidden_size=5, num_layers=2, dropout=0.0, max_length=64,
)


def sequences(lengths, vocabulary, generator):
    return [torch.randint(0, vocabulary, (length,), generator=generator) for length in lengths]


def packed(name, rows):
    """Rows of unequal length under one another, zeros behind their ends, and their lengths."""
    return {
        name: nn.utils.rnn.pad_sequence(rows, batch_first=True).int(),
        f"{name}_lengths": torch.tensor([len(row) for row in rows]).int(),
    }


def golden(model, generator):
    inputs = model.inputs(generator)
    model.double()
    loss = model.loss(inputs)
    loss.backward()
    with torch.no_grad():
        logits = torch.cat([scores.flatten() for scores in model.logits(inputs)])
        tensors = model.extras(inputs) | dict(logits=logits, loss=loss.detach().reshape(1))
    for name, parameter in model.named_parameters():
        tensors["gradient." + name] = parameter.grad.float()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        step = model.loss(inputs)
        step.backward()
        optimizer.step()
        losses.append(step.detach())
    return tensors | dict(adamw_losses=torch.stack(losses))


def main():
    networks = {
        name: (lambda config, encoder=encoder: Classifier(encoder, config), TEXT | LABELS | config)
        for name, (encoder, config) in CLASSIFIERS.items()
    }
    networks |= {name: (Tagger, config) for name, config in TAGGERS.items()} | {"reader": (Reader, READER)}
    manifest_path = FIXTURES / "MANIFEST.json"
    manifest = json.loads(manifest_path.read_text())
    for name, (make, config) in networks.items():
        generator = torch.Generator().manual_seed(SEED)
        model = make(config).eval()
        randomise(model, generator)
        folder = FIXTURES / "text" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        save_file({key: value.contiguous() for key, value in model.state_dict().items()}, folder / "model.safetensors")
        tensors = {key: value.contiguous() for key, value in golden(model, generator).items()}
        save_file(tensors, folder / "golden.safetensors")
        for path in (folder / file for file in ("config.json", "model.safetensors", "golden.safetensors")):
            manifest[str(path.relative_to(FIXTURES))] = {
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "script": "Tools/golden/text_networks.py",
                "torch": torch.__version__,
                "seed": SEED,
            }
            print(f"{path.stat().st_size:8d} {path.relative_to(ROOT)}")
    manifest_path.write_text(json.dumps(dict(sorted(manifest.items())), indent=2) + "\n")


if __name__ == "__main__":
    main()
