"""Whole training steps in PyTorch: train <dtype> <V> <T> <layers> <heads> <D> <batch>.

f32 eagerly, or compiled with BENCH_COMPILE=1; bf16 by autocast; fused AdamW.
"""
import os

import torch

from model import Decoder
from worker import serve


def make(words):
    dtype, (vocabulary, context, layers, heads, width, batch) = words[1], map(int, words[2:])
    torch.manual_seed(0)
    model = Decoder(vocabulary, context, layers, heads, width)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    forward = torch.compile(model) if os.environ.get("BENCH_COMPILE") == "1" else model
    ids, targets = (torch.randint(0, vocabulary, (batch, context)) for _ in range(2))

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bf16"):
            loss = forward(ids, targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return step


serve(make)
