"""nanoGPT's large recipe for tiny Shakespeare in PyTorch: shakespeare.py FILE STEPS SEED [THREADS].

6 layers, 6 heads, width 384, context 256, batch 64, dropout 0.2, characters; the last tenth of FILE validates, whole, in
stretches of 256 that do not overlap. The learning rate falls by a cosine to a tenth at the last step. The recipe of
Examples/tiny-shakespeare-large.yaml with max_steps=STEPS.
"""
import math
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

CONTEXT, LAYERS, HEADS, WIDTH, BATCH, DROPOUT = 256, 6, 6, 384, 64, 0.2
PEAK, WARMUP = 1e-3, 100


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        return F.layer_norm(x, (WIDTH,), self.weight, None, 1e-5)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = Norm(), Norm()
        self.packed, self.mixed = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.wide, self.narrow = nn.Linear(WIDTH, 4 * WIDTH, bias=False), nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x):
        rows, length, _ = x.shape
        q, k, v = (
            part.view(rows, length, HEADS, WIDTH // HEADS).transpose(1, 2)
            for part in self.packed(self.norm1(x)).split(WIDTH, 2)
        )
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=DROPOUT if self.training else 0)
        x = x + F.dropout(self.mixed(attended.transpose(1, 2).reshape(x.shape)), DROPOUT, self.training)
        return x + F.dropout(self.narrow(F.gelu(self.wide(self.norm2(x)))), DROPOUT, self.training)


class Model(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = Norm()
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                is_residual = name.endswith(("mixed.weight", "narrow.weight"))
                nn.init.normal_(parameter, std=0.02 / (math.sqrt(2 * LAYERS) if is_residual else 1))

    def forward(self, ids, targets):
        x = F.dropout(self.tokens(ids) + self.positions(torch.arange(ids.size(1))), DROPOUT, self.training)
        for block in self.blocks:
            x = block(x)
        logits = self.norm(x) @ self.tokens.weight.T
        return F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))


def main(path, steps, seed, threads):
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    text = open(path, encoding="utf-8").read()
    numbers = {character: number for number, character in enumerate(sorted(set(text)))}
    data = torch.tensor([numbers[character] for character in text])
    training, validation = data[:int(len(data) * 0.9)], data[int(len(data) * 0.9):]
    model = Model(len(numbers))
    groups = [
        dict(params=[p for p in model.parameters() if p.dim() > 1], weight_decay=0.1),
        dict(params=[p for p in model.parameters() if p.dim() < 2], weight_decay=0.0),
    ]
    optimizer = torch.optim.AdamW(groups, lr=PEAK, betas=(0.9, 0.99), fused=True)
    began = time.process_time()
    for step in range(steps):
        if step < WARMUP:
            rate = PEAK * (step + 1) / (WARMUP + 1)
        else:
            rate = PEAK * (0.1 + 0.45 * (1 + math.cos(math.pi * (step - WARMUP) / (steps - WARMUP))))
        for group in optimizer.param_groups:
            group["lr"] = rate
        starts = torch.randint(len(training) - CONTEXT, (BATCH,))
        ids = torch.stack([training[start:start + CONTEXT] for start in starts])
        targets = torch.stack([training[start + 1:start + CONTEXT + 1] for start in starts])
        loss = model(ids, targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 10 == 9:
            print(f"step {step + 1} loss {loss.item():.4f} CPU {time.process_time() - began:.0f} s", flush=True)
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for start in range(0, len(validation) - 1, CONTEXT):
            targets = validation[start + 1:start + CONTEXT + 1]
            ids = validation[start:start + len(targets)]
            total += model(ids[None], targets[None]).item() * len(targets)
            count += len(targets)
    print(f"validation loss {total / count:.4f} over {count} characters")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 1)
