"""The answer to one sentence by a classifier in PyTorch: latency f32 <family> <T> <V> <sizes …>.

The sizes are those of the training benchmarks: input width; input width and hidden width; filters' input width and count,
and blocks; input width, width and layers; width, heads, layers and inner width.
"""
import torch
import torch.nn.functional as F
from torch import nn

import encoder
import recurrent
import textcnn
from worker import serve


class Bag(nn.Module):
    """The mean of the tokens' vectors, through a hidden layer or none."""

    def __init__(self, vocabulary, width, hidden=None):
        super().__init__()
        self.bag = nn.EmbeddingBag(vocabulary, width, mode="mean")
        self.hidden = nn.Linear(width, hidden) if hidden else None
        self.output = nn.Linear(hidden or width, 2)

    def forward(self, ids):
        x = self.bag(ids)
        return self.output(F.relu(self.hidden(x)) if self.hidden else x)


class Pyramid(nn.Module):
    """Blocks of two convolutions with a shortcut, each on half the length of the one before (DPCNN)."""

    def __init__(self, vocabulary, width, filters, blocks):
        super().__init__()
        self.table = nn.Embedding(vocabulary, width)
        self.region = nn.Conv1d(width, filters, 3, padding=1)
        self.convolutions = nn.ModuleList(nn.Conv1d(filters, filters, 3, padding=1) for _ in range(2 * blocks))
        self.output = nn.Linear(filters, 2)

    def forward(self, ids):
        x = self.region(self.table(ids).transpose(1, 2))
        for block in range(0, len(self.convolutions), 2):
            if block:
                x = F.max_pool1d(F.pad(x, (0, 2), value=float("-inf")), 3, 2)
            x = x + self.convolutions[block + 1](F.relu(self.convolutions[block](F.relu(x))))
        return self.output(x.amax(2))


RECURRENT = {"bilstm": (nn.LSTM, "max"), "bigru": (nn.GRU, "max"), "birnn": (nn.RNN, "max"),
             "bilstm-attention": (nn.LSTM, "attention")}


def make(words):
    if words[1] != "f32":
        raise ValueError(f"no {words[1]} here")
    family = words[2]
    positions, vocabulary, *sizes = map(int, words[3:])
    torch.manual_seed(0)
    if family == "encoder":
        model = encoder.Classifier(positions, vocabulary, *sizes)
    elif family in RECURRENT:
        cell, readout = RECURRENT[family]
        model = recurrent.Classifier(readout, vocabulary, *sizes, cell)
    elif family in ("bag", "mlp"):
        model = Bag(vocabulary, *sizes)
    elif family == "dpcnn":
        model = Pyramid(vocabulary, *sizes)
    elif family == "textcnn":
        model = textcnn.Classifier(vocabulary, *sizes)
    else:
        raise ValueError(f"no {family} here")
    model.eval()
    ids = torch.randint(0, vocabulary, (1, positions))

    def answer():
        with torch.inference_mode():
            model(ids).softmax(1).tolist()
    return answer


if __name__ == "__main__":
    serve(make)
