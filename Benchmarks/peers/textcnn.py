"""Whole training steps of a convolutional text classifier in PyTorch: textcnn <dtype> <B> <T> <V> <D> <filters>.

Windows of 3, 4 and 5 tokens that may reach over both ends, the largest value of each filter, dropout, two classes.
"""
import torch
import torch.nn.functional as F
from torch import nn

from worker import serve


class Classifier(nn.Module):
    def __init__(self, vocabulary, width, filters):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.layers = nn.ModuleList(nn.Conv1d(width, filters, k, padding=k - 1) for k in (3, 4, 5))
        self.dropout = nn.Dropout(0.5)
        self.output = nn.Linear(3 * filters, 2)

    def forward(self, ids):
        x = self.embedding(ids).transpose(1, 2)
        features = [F.relu(layer(x)).amax(2) for layer in self.layers]
        return self.output(self.dropout(torch.cat(features, 1)))


def make(words):
    dtype = words[1]
    batch, positions, vocabulary, *sizes = map(int, words[2:])
    torch.manual_seed(0)
    model = Classifier(vocabulary, *sizes).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    ids, targets = torch.randint(0, vocabulary, (batch, positions)), torch.randint(0, 2, (batch,))

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bf16"):
            loss = F.cross_entropy(model(ids), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return step


if __name__ == "__main__":
    serve(make)
