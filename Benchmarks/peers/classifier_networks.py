"""The networks of Sources/Models/Text in PyTorch, with the defaults of ClassifierFamily.swift; see classifiers.py.

Every network takes padded token ids [B, T] and lengths [B]; padding changes no result.
"""
import dataclasses
import typing

import torch
import torch.nn.functional as F
from torch import nn


def mask(lengths, positions):
    return torch.arange(positions)[None, :] < lengths[:, None]


def head(width, classes):
    layer = nn.Linear(width, classes)
    nn.init.uniform_(layer.weight, -width ** -0.5, width ** -0.5)
    nn.init.zeros_(layer.bias)
    return layer


def padded(lists):
    """Rows of numbers side by side, zeros behind their ends."""
    width = max(1, *map(len, lists))
    return torch.tensor([list(row) + [0] * (width - len(row)) for row in lists])


def falling_line(total, warmup=0, first=0):
    """The factor on the learning rate of a step: a rise, if any, from `first` steps of it, and a line to 0."""
    return lambda step: (step + first) / warmup if step < warmup else max(total - step, 0) / max(total - warmup, 1)


def adamw(model, rate, total, warmup=0, first=0):
    """AdamW without decay of vectors, and a schedule over `total` steps: a rise from 0, if any, and a line to 0."""
    parameters = list(model.parameters())
    groups = [dict(params=[parameter for parameter in parameters if parameter.dim() > 1], weight_decay=0.01),
              dict(params=[parameter for parameter in parameters if parameter.dim() < 2], weight_decay=0)]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.999), eps=1e-8, fused=True)
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, falling_line(total, warmup, first))


class Bidirectional(nn.Module):
    """A recurrent layer over the real tokens of padded vectors [B, T, inputs]: [B, T, 2 units], zeros behind ends.

    The same as `cell(inputs, units, bidirectional=True)` over packed sequences, whose gradient takes PyTorch's processor
    code ten times as long at 480 tokens: here two layers run over padded vectors, the second over each row reversed.
    """

    def __init__(self, cell, inputs, units):
        super().__init__()
        self.directions = nn.ModuleList(cell(inputs, units, batch_first=True) for _ in range(2))

    def forward(self, x, lengths):
        steps, ends = torch.arange(x.size(1))[None, :], lengths[:, None]
        order = torch.where(steps < ends, ends - 1 - steps, steps)[:, :, None]
        forward, backward = self.directions
        states, _ = forward(x)
        reversed_states, _ = backward(x.gather(1, order.expand(-1, -1, x.size(2))))
        states = torch.cat([states, reversed_states.gather(1, order.expand(-1, -1, states.size(2)))], 2)
        return states.masked_fill(~mask(lengths, x.size(1))[:, :, None], 0)


class TextCNN(nn.Module):
    """Windows of 3, 4 and 5 tokens that may reach over both ends, 100 filters each (Kim, 2014)."""

    def __init__(self, vocabulary, classes):
        super().__init__()
        self.table = nn.Embedding(vocabulary, 300)
        nn.init.uniform_(self.table.weight, -0.25, 0.25)
        self.convolutions = nn.ModuleList(nn.Conv1d(300, 100, width, padding=width - 1) for width in (3, 4, 5))
        self.dropout = nn.Dropout(0.5)
        self.classifier = head(300, classes)

    def forward(self, ids, lengths):
        x = (self.table(ids) * mask(lengths, ids.size(1))[:, :, None]).transpose(1, 2)
        features = []
        for convolution in self.convolutions:
            windows = convolution(x)
            real = mask(lengths + convolution.kernel_size[0] - 1, windows.size(2))
            features.append(F.relu(windows.masked_fill(~real[:, None, :], float("-inf")).amax(2)))
        return self.classifier(self.dropout(torch.cat(features, 1)))


class Recurrent(nn.Module):
    """One bidirectional layer of 128 units; the largest value of each feature, or attention by a learned query."""

    def __init__(self, vocabulary, classes, cell, attention=False):
        super().__init__()
        self.table = nn.Embedding(vocabulary, 300)
        nn.init.uniform_(self.table.weight, -0.25, 0.25)
        self.table_dropout = nn.Dropout(0.3)
        self.layers = Bidirectional(cell, 300, 128)
        self.attention = nn.Sequential(head(256, 128), nn.Tanh(), nn.Linear(128, 1, bias=False)) if attention else None
        self.dropout = nn.Dropout(0.5)
        self.classifier = head(256, classes)

    def forward(self, ids, lengths):
        x = self.table_dropout(self.table(ids))
        states = self.layers(x, lengths)
        padding = ~mask(lengths, ids.size(1))[:, :, None]
        if self.attention is None:
            vector = states.masked_fill(padding, float("-inf")).amax(1)
        else:
            weights = self.attention(states).masked_fill(padding, float("-inf")).softmax(1)
            vector = (weights * states).sum(1)
        return self.classifier(self.dropout(vector))


class Block(nn.Module):
    """A block with norms before its branches (Xiong et al., 2020)."""

    def __init__(self, width, heads, inner):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.feed_norm = nn.LayerNorm(width, eps=1e-12), nn.LayerNorm(width, eps=1e-12)
        self.packed, self.mixed = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, inner), nn.Linear(inner, width)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x, visible):
        batch, positions, width = x.shape
        parts = self.packed(self.attention_norm(x)).split(width, 2)
        q, k, v = (part.view(batch, positions, self.heads, -1).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=visible, dropout_p=0.1 if self.training else 0.0)
        x = x + self.dropout(self.mixed(mixed.transpose(1, 2).reshape(x.shape)))
        return x + self.dropout(self.narrow(F.gelu(self.wide(self.feed_norm(x)))))


class Encoder(nn.Module):
    """Two blocks of 128, 4 heads, 512 inside, on tokens, positions and one segment; the mean of the states."""

    def __init__(self, vocabulary, classes):
        super().__init__()
        self.tokens, self.positions, self.segments = (nn.Embedding(count, 128) for count in (vocabulary, 512, 2))
        self.blocks = nn.ModuleList(Block(128, 4, 512) for _ in range(2))
        self.norm = nn.LayerNorm(128, eps=1e-12)
        self.input_dropout, self.dropout = nn.Dropout(0.1), nn.Dropout(0.1)
        self.classifier = nn.Linear(128, classes)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, ids, lengths):
        real = mask(lengths, ids.size(1))
        x = self.tokens(ids) + self.segments(torch.zeros_like(ids)) + self.positions(torch.arange(ids.size(1)))
        x = self.input_dropout(x)
        for block in self.blocks:
            x = block(x, real[:, None, None, :])
        x = self.norm(x).masked_fill(~real[:, :, None], 0).sum(1) / lengths[:, None]
        return self.classifier(self.dropout(x))


@dataclasses.dataclass
class Settings:
    """A family's defaults: `warmup` is a percentage of the steps."""
    make: typing.Callable
    rows: int
    rate: float
    epochs: int = 5
    warmup: int = 0


SETTINGS = {
    "text-cnn": Settings(TextCNN, 50, 3e-3, epochs=4),
    "lstm": Settings(lambda *sizes: Recurrent(*sizes, nn.LSTM), 50, 2e-3),
    "gru": Settings(lambda *sizes: Recurrent(*sizes, nn.GRU), 50, 2e-3),
    "lstm-attention": Settings(lambda *sizes: Recurrent(*sizes, nn.LSTM, attention=True), 50, 2e-3),
    "encoder": Settings(Encoder, 32, 5e-4, warmup=10),
}
