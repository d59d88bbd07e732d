"""One token after the other in PyTorch: decode <dtype> <V> <T> <layers> <heads> <D> <batch>; the batch is not used."""
import torch
import torch.nn.functional as F

from model import Decoder
from worker import DTYPES, serve

LENGTH = 64  # tokens of a text


class Text:
    def __init__(self, dtype, vocabulary, context, layers, heads, width):
        self.model = Decoder(vocabulary, context, layers, heads, width).eval().to(dtype)
        self.keys = torch.zeros(layers, 1, heads, context, width // heads, dtype=dtype)
        self.values = torch.zeros_like(self.keys)
        self.token, self.position = torch.tensor([[5]]), 0

    @torch.no_grad()
    def step(self):
        if self.position == LENGTH:
            self.position = 0
        p, model = self.position, self.model
        x = model.tokens(self.token) + model.positions.weight[p]
        for layer, block in enumerate(model.blocks):
            q, k, v = block.split(x)
            self.keys[layer, :, :, p : p + 1], self.values[layer, :, :, p : p + 1] = k, v
            seen = (self.keys[layer, :, :, : p + 1], self.values[layer, :, :, : p + 1])
            x = block.join(x, F.scaled_dot_product_attention(q, *seen))
        self.token = model.head(model.norm(x))[:, -1].argmax(-1, keepdim=True)
        self.position += 1


def make(words):
    vocabulary, context, layers, heads, width, _ = map(int, words[2:])
    return Text(DTYPES[words[1]], vocabulary, context, layers, heads, width).step


serve(make)
