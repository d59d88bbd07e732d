"""Whole training steps of a recurrent classifier in PyTorch: bilstm f32 <last|max> <B> <T> <V> <D> <H> <layers>."""
import torch
import torch.nn.functional as F
from torch import nn

from worker import serve


class Classifier(nn.Module):
    def __init__(self, readout, vocabulary, input_width, width, layers, cell=nn.LSTM):
        super().__init__()
        self.readout = readout
        inner = [nn.Linear(2 * width, 128), nn.Tanh(), nn.Linear(128, 1, bias=False)]
        self.query = nn.Sequential(*inner) if readout == "attention" else None
        self.embedding = nn.Embedding(vocabulary, input_width)
        self.layers = cell(input_width, width, layers, batch_first=True, bidirectional=True)
        self.output = nn.Linear(2 * width, 2)

    def forward(self, ids):
        hidden, _ = self.layers(self.embedding(ids))
        if self.readout == "attention":
            return self.output((self.query(hidden).softmax(1) * hidden).sum(1))
        return self.output(hidden.amax(1) if self.readout == "max" else hidden[:, -1])


def make(words):
    if words[1] != "f32":
        raise ValueError(f"no {words[1]} here")
    batch, positions, vocabulary, *sizes = map(int, words[3:])
    torch.manual_seed(0)
    model = Classifier(words[2], vocabulary, *sizes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    ids, targets = torch.randint(0, vocabulary, (batch, positions)), torch.randint(0, 2, (batch,))

    def step():
        F.cross_entropy(model(ids), targets).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return step


if __name__ == "__main__":
    serve(make)
