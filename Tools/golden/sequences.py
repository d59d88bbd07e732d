"""Golden values for Tests/GoldenTests/SequenceGoldenTests.swift: layers over sequences of unequal lengths, with all
their gradients.

Everything is computed in f64 from inputs that f32 holds exactly. Parameters have the names of this project's modules.

Run from the repository root: python Tools/golden/sequences.py
Writes Fixtures/layers/sequences.safetensors.
"""

import torch
import torch.nn.functional as F
import transformers
from torch.func import functional_call
from transformers import T5Config
from transformers.models.t5.modeling_t5 import T5Attention

from golden import Cases, Numbers, f32, write_tensors

SEED = 31
numbers = Numbers(SEED)
cases = Cases(numbers)
LENGTHS = torch.tensor([4, 6, 1], dtype=torch.int32)


def real(lengths, positions):
    """[B, T], true where a position is real."""
    return torch.arange(positions)[None] < lengths[:, None]


def convolutions():
    def add(name, width, lengths=None, **options):
        inputs = {"x": numbers.normal(3, 6, 4), "weight": numbers.normal(5, 4, width), "bias": numbers.normal(5)}

        def run(x, weight, bias, lengths=None):
            if lengths is not None:
                x = x * real(lengths, 6)[..., None]
            return F.conv1d(x.transpose(1, 2), weight, bias, **options).transpose(1, 2)

        cases.add(f"convolution.{name}", inputs, run, {} if lengths is None else {"lengths": lengths})

    add("plain", 3)
    add("padded", 3, padding=1, lengths=LENGTHS)
    add("strided", 2, stride=2, padding=1, dilation=3)


def poolings():
    functions = {
        "max": lambda x: x.amax(0), "mean": lambda x: x.mean(0), "sum": lambda x: x.sum(0),
    }
    for name, function in functions.items():
        def pool(x, lengths, function=function):
            return torch.stack([function(x[row, :length]) for row, length in enumerate(lengths.tolist())])

        cases.add(f"pooled.{name}", {"x": numbers.normal(3, 6, 4)}, pool, {"lengths": LENGTHS})
        ids = numbers.integers(3, 6, low=0, high=7)
        cases.add(
            f"bag.{name}", {"weight": numbers.normal(7, 5)},
            lambda weight, ids, lengths, name=name: F.embedding_bag(
                torch.cat([ids[row, :length] for row, length in enumerate(lengths.tolist())]).long(), weight,
                torch.cat([torch.zeros(1), lengths.cumsum(0)[:-1]]).long(), mode=name),
            {"ids": ids, "lengths": LENGTHS})
    x = numbers.normal(2, 7, 3)
    cases.add("maxPool", {"x": x}, lambda x: F.max_pool1d(x.transpose(1, 2), 3, 2, 1).transpose(1, 2))
    cases.add("meanPool", {"x": x}, lambda x: F.avg_pool1d(x.transpose(1, 2), 3, 2, 1).transpose(1, 2))


def masked_softmax(scores, lengths):
    return F.softmax(scores.masked_fill(~real(lengths, scores.shape[-1])[:, None], -torch.inf), -1)


def attentions():
    sources = {"queries": numbers.normal(3, 2, 4), "keys": numbers.normal(3, 6, 5)}
    parameters = {
        "queryProjection.weight": numbers.normal(3, 4), "queryProjection.bias": numbers.normal(3),
        "keyProjection.weight": numbers.normal(3, 5), "score.weight": numbers.normal(1, 3),
    }

    def additive(queries, keys, lengths, **p):
        q = F.linear(queries, p["queryProjection.weight"], p["queryProjection.bias"])
        k = F.linear(keys, p["keyProjection.weight"])
        scores = (torch.tanh(q[:, :, None] + k[:, None]) @ p["score.weight"][0])
        weights = masked_softmax(scores, lengths)
        return weights @ keys, weights

    cases.add("score.additive", {**sources, **parameters}, additive, {"lengths": LENGTHS})

    def general(queries, keys, lengths, **p):
        weights = masked_softmax(queries @ F.linear(keys, p["queryProjection.weight"]).transpose(1, 2), lengths)
        return weights @ keys, weights

    weight = {"queryProjection.weight": numbers.normal(4, 5)}
    cases.add("score.general", {**sources, **weight}, general, {"lengths": LENGTHS})
    same = {"queries": numbers.normal(3, 2, 5), "keys": numbers.normal(3, 6, 5)}
    for name, factor in {"dot": 1, "scaledDot": 5 ** -0.5}.items():
        def product(queries, keys, lengths, factor=factor):
            weights = masked_softmax(queries @ keys.transpose(1, 2) * factor, lengths)
            return weights @ keys, weights

        cases.add(f"score.{name}", same, product, {"lengths": LENGTHS})

    def pooling(x, lengths, **p):
        scores = torch.tanh(F.linear(x, p["projection.weight"], p["projection.bias"])) @ p["queries.weight"].T
        return (masked_softmax(scores.transpose(1, 2), lengths) @ x).flatten(1)

    cases.add(
        "attentionPooling",
        {"x": numbers.normal(3, 6, 4), "projection.weight": numbers.normal(3, 4), "projection.bias": numbers.normal(3),
         "queries.weight": numbers.normal(2, 3)},
        pooling, {"lengths": LENGTHS})


def cross_attention():
    heads, groups, width = 4, 2, 4
    parameters = {
        "queryProjection.weight": numbers.normal(16, 6, scale=0.5), "queryProjection.bias": numbers.normal(16),
        "memoryProjection.weight": numbers.normal(16, 5, scale=0.5), "memoryProjection.bias": numbers.normal(16),
        "outputProjection.weight": numbers.normal(6, 16, scale=0.5), "outputProjection.bias": numbers.normal(6),
    }

    def run(x, encoded, lengths, **p):
        q = F.linear(x, p["queryProjection.weight"], p["queryProjection.bias"]).unflatten(-1, (heads, width))
        kv = F.linear(encoded, p["memoryProjection.weight"], p["memoryProjection.bias"])
        k, v = kv.unflatten(-1, (2 * groups, width)).split(groups, 2)
        k, v = (part.repeat_interleave(heads // groups, 2).transpose(1, 2) for part in (k, v))
        mixed = F.scaled_dot_product_attention(
            q.transpose(1, 2), k, v, attn_mask=real(lengths, encoded.shape[1])[:, None, None], scale=f32(width ** -0.5))
        return F.linear(
            mixed.transpose(1, 2).flatten(2), p["outputProjection.weight"], p["outputProjection.bias"])

    cases.add(
        "crossAttention", {"x": numbers.normal(3, 2, 6), "encoded": numbers.normal(3, 6, 5), **parameters}, run,
        {"lengths": LENGTHS})


def relative_positions():
    width, heads = 6, 3
    for name, bidirectional in {"encoder": True, "decoder": False}.items():
        config = T5Config(
            d_model=width, d_kv=4, num_heads=heads, relative_attention_num_buckets=8,
            relative_attention_max_distance=20, dropout_rate=0, is_decoder=not bidirectional)
        module = T5Attention(config, has_relative_attention_bias=True, layer_idx=0).double().eval()

        def run(x, lengths, module=module, bidirectional=bidirectional, **p):
            q, k, v = p["attention.inputProjection.weight"].split(12)
            parameters = {
                "q.weight": q, "k.weight": k, "v.weight": v, "o.weight": p["attention.outputProjection.weight"],
                "relative_attention_bias.weight": p["relative.weight"]}
            seen = real(lengths, 6)[:, None, None]
            if not bidirectional:
                seen = seen & torch.ones(6, 6).tril().bool()
            mask = torch.zeros(seen.shape, dtype=x.dtype).masked_fill(~seen, -1e30)
            result = functional_call(module, parameters, (x,), {"mask": mask})[0]
            return result * real(lengths, 6)[..., None]

        cases.add(
            f"relative.{name}",
            {"x": numbers.normal(3, 6, width), "attention.inputProjection.weight": numbers.normal(36, width, scale=0.5),
             "attention.outputProjection.weight": numbers.normal(width, 12), "relative.weight": numbers.normal(8, heads)},
            run, {"lengths": LENGTHS})
        distances = torch.arange(-300, 301)
        cases.tensors[f"buckets.{name}/y"] = T5Attention._relative_position_bucket(
            distances, bidirectional=bidirectional, num_buckets=32, max_distance=128).int()


def linear_chain():
    def run(emissions, transitions, start_transitions, end_transitions, targets, lengths):
        losses, partitions = [], []
        for row, length in enumerate(lengths.tolist()):
            alpha = start_transitions + emissions[row, 0]
            for t in range(1, length):
                alpha = torch.logsumexp(alpha[:, None] + transitions, 0) + emissions[row, t]
            partition = torch.logsumexp(alpha + end_transitions, 0)
            y = targets[row, :length].long()
            score = start_transitions[y[0]] + emissions[row, torch.arange(length), y].sum() + end_transitions[y[-1]]
            score = score + transitions[y[:-1], y[1:]].sum()
            losses.append(partition - score)
            partitions.append(partition)
        return torch.stack(losses), torch.stack(partitions)

    cases.add(
        "linearChain",
        {"emissions": numbers.normal(3, 6, 5, scale=2), "transitions": numbers.normal(5, 5),
         "start_transitions": numbers.normal(5), "end_transitions": numbers.normal(5)},
        run, {"targets": numbers.integers(3, 6, low=0, high=5), "lengths": LENGTHS})


for part in (convolutions, poolings, attentions, cross_attention, relative_positions, linear_chain):
    part()
write_tensors(
    "layers/sequences.safetensors", cases.tensors, "sequences.py", SEED,
    torch=torch.__version__.split("+")[0], transformers=transformers.__version__)
