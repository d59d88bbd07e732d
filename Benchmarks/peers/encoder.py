"""Whole training steps of a BERT classifier in PyTorch: encoder <dtype> <B> <T> <V> <D> <heads> <layers> <F>.

Norms behind the branches, exact GELU, dropout of 0.1 everywhere, the first token's state through a layer with tanh, two
classes; attention is PyTorch's own fused one.
"""
import torch
import torch.nn.functional as F
from torch import nn

from worker import serve


class Classifier(nn.Module):
    def __init__(self, positions, vocabulary, width, heads, layers, inner):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(positions, width)
        self.types = nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.dropout = nn.Dropout(0.1)
        layer = nn.TransformerEncoderLayer(width, heads, inner, 0.1, "gelu", 1e-12, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.pooler = nn.Linear(width, width)
        self.output = nn.Linear(width, 2)

    def forward(self, ids):
        places = torch.arange(ids.shape[1])
        x = self.tokens(ids) + self.positions(places) + self.types(torch.zeros_like(ids))
        x = self.layers(self.dropout(self.norm(x)))
        return self.output(self.dropout(torch.tanh(self.pooler(x[:, 0]))))


def make(words):
    dtype = words[1]
    batch, positions, vocabulary, *sizes = map(int, words[2:])
    torch.manual_seed(0)
    model = Classifier(positions, vocabulary, *sizes).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
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
