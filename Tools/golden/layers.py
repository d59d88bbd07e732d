"""Golden values for Tests/GoldenTests/LayerGoldenTests.swift: operations and layers with all their gradients.

Everything is computed in f64 from inputs that f32 holds exactly, so that one file judges the f64 path and the f32
path.

Run from the repository root: python Tools/golden/layers.py
Writes Fixtures/layers/layers.safetensors.
"""

import torch
import torch.nn.functional as F
import transformers
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

from golden import Cases, Numbers, f32, write_tensors

SEED = 11
numbers = Numbers(SEED)
cases = Cases(numbers)
case = cases.add


def unary():
    anywhere = numbers.normal(3, 7, scale=2)
    positive = numbers.uniform(3, 7, low=0.1, high=4)
    functions = {
        "negate": torch.neg, "absolute": torch.abs, "exp": torch.exp, "square": torch.square, "sin": torch.sin,
        "cos": torch.cos, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu, "gelu": F.gelu,
        "geluTanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu, "softplus": F.softplus,
        "sign": torch.sign, "erf": torch.erf, "reciprocal": torch.reciprocal,
    }
    for name, function in functions.items():
        case(f"unary.{name}", {"x": anywhere}, function_of_x(function))
    for name, function in {"log": torch.log, "sqrt": torch.sqrt, "reciprocalSqrt": torch.rsqrt}.items():
        case(f"unary.{name}", {"x": positive}, function_of_x(function))


def function_of_x(function):
    """The function with its argument named x."""
    return lambda x: function(x)


def binary():
    functions = {
        "add": torch.add, "subtract": torch.sub, "multiply": torch.mul, "divide": torch.div,
        "maximum": torch.maximum, "minimum": torch.minimum, "power": torch.pow,
    }
    a = numbers.uniform(3, 1, 5, low=0.2, high=3)
    b = numbers.uniform(4, 1, low=0.2, high=3)
    for name, function in functions.items():
        case(f"binary.{name}", {"a": a, "b": b}, lambda a, b, function=function: function(a, b))


def reductions():
    x = numbers.normal(3, 5, 4)
    ties = torch.tensor([[1.0, 3, 3, 2], [0, 0, 0, 0], [-1, -4, 2, 2]], dtype=torch.float64)
    for axis in range(3):
        case(f"sum.{axis}", {"x": x}, lambda x, axis=axis: x.sum(axis))
        case(f"mean.{axis}", {"x": x}, lambda x, axis=axis: x.mean(axis))
        case(f"max.{axis}", {"x": x}, lambda x, axis=axis: x.amax(axis))
        case(f"min.{axis}", {"x": x}, lambda x, axis=axis: x.amin(axis))
    case("max.ties", {"x": ties}, lambda x: x.amax(1))
    case("min.ties", {"x": ties}, lambda x: x.amin(1))
    wide = numbers.normal(4, 9, scale=4)
    case("softmax", {"x": wide}, lambda x: F.softmax(x, -1))
    case("logSoftmax", {"x": wide}, lambda x: F.log_softmax(x, -1))


def products():
    case("matmul.2", {"a": numbers.normal(5, 7), "b": numbers.normal(7, 3)}, lambda a, b: a @ b)
    case("matmul.3", {"a": numbers.normal(2, 5, 7), "b": numbers.normal(2, 7, 3)}, lambda a, b: a @ b)
    case("matmul.shared", {"a": numbers.normal(2, 4, 5, 7), "b": numbers.normal(7, 3)}, lambda a, b: a @ b)
    activations = {
        "identity": lambda x: x, "relu": torch.relu, "gelu": F.gelu, "silu": F.silu, "tanh": torch.tanh,
        "sigmoid": torch.sigmoid, "geluTanh": lambda x: F.gelu(x, approximate="tanh"),
    }
    inputs = {"x": numbers.normal(2, 3, 5), "weight": numbers.normal(7, 5), "bias": numbers.normal(7)}
    for name, activation in activations.items():
        case(f"linear.{name}", inputs, lambda x, weight, bias, f=activation: f(F.linear(x, weight, bias)))
    case(
        "linear.residual", {**inputs, "residual": numbers.normal(2, 3, 7)},
        lambda x, weight, bias, residual: F.gelu(F.linear(x, weight, bias)) + residual)
    case(
        "linear.plain", {key: inputs[key] for key in ("x", "weight")},
        lambda x, weight: F.linear(x, weight))
    wide = {"x": numbers.normal(3, 5, 10)}
    case("gated.silu", wide, lambda x: F.silu(x[..., :5]) * x[..., 5:])
    case("gated.gelu", wide, lambda x: F.gelu(x[..., :5]) * x[..., 5:])
    case("gated.geluTanh", wide, lambda x: F.gelu(x[..., :5], approximate="tanh") * x[..., 5:])


def normalizations():
    epsilon = f32(1e-5)
    x = numbers.normal(2, 3, 9, scale=2, shift=0.5)
    residual = numbers.normal(2, 3, 9)
    weight, bias = numbers.normal(9, shift=1), numbers.normal(9)

    def layer(x, weight=None, bias=None):
        return F.layer_norm(x, (9,), weight, bias, epsilon)

    def rms(x, weight=None):
        return F.rms_norm(x, (9,), weight, epsilon)

    def added(norm):
        return lambda x, residual, **rest: (norm(x + residual, **rest), x + residual)

    case("layerNorm.full", {"x": x, "weight": weight, "bias": bias}, layer)
    case("layerNorm.scale", {"x": x, "weight": weight}, layer)
    case("layerNorm.plain", {"x": x}, layer)
    case("rmsNorm.full", {"x": x, "weight": weight}, rms)
    case("rmsNorm.plain", {"x": x}, rms)
    case("addLayerNorm", {"x": x, "residual": residual, "weight": weight, "bias": bias}, added(layer))
    case("addRMSNorm", {"x": x, "residual": residual, "weight": weight}, added(rms))


def tables():
    ids = torch.tensor([[3, 0, 3], [10, 3, 1]], dtype=torch.int32)
    case("embedding", {"table": numbers.normal(11, 5)}, lambda table, ids: F.embedding(ids.long(), table), {"ids": ids})
    heads, width, base = 3, 8, 10000.0
    config = LlamaConfig(
        hidden_size=heads * width, num_attention_heads=heads, head_dim=width, max_position_embeddings=64,
        rope_parameters={"rope_type": "default", "rope_theta": base})
    embedding = LlamaRotaryEmbedding(config)
    positions = torch.tensor([[0, 1, 2, 3, 4], [7, 9, 2, 33, 0]], dtype=torch.int32)

    def turned(x, positions):
        cos, sin = embedding(x, positions.long())
        rotated, _ = apply_rotary_pos_emb(x, x, cos.double(), sin.double(), unsqueeze_dim=2)
        return rotated

    case("rotary", {"x": numbers.normal(2, 5, heads, width)}, turned, {"positions": positions})


def attention():
    def attend(q, k, v, allowed, scale):
        group = q.shape[2] // k.shape[2]
        q, k, v = (item.transpose(1, 2) for item in (q, k, v))
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        seen = allowed.any(-1, keepdim=True)
        result = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed | ~seen, scale=scale)
        return (result * seen).transpose(1, 2)

    def add(name, b, t, s, h, groups, e, allowed, constants=None):
        scale = f32(e ** -0.5)
        inputs = {"q": numbers.normal(b, t, h, e), "k": numbers.normal(b, s, groups, e),
                  "v": numbers.normal(b, s, groups, e)}
        case(f"attention.{name}", inputs,
             lambda q, k, v, **_: attend(q, k, v, allowed.expand(b, 1, t, s), scale), constants)

    everything = torch.ones(1, 1, 1, 1, dtype=torch.bool)
    add("full", 2, 5, 5, 3, 3, 8, everything)
    add("causal", 2, 7, 7, 2, 2, 8, torch.ones(7, 7).tril().bool())
    add("cross", 2, 3, 6, 2, 2, 4, everything)
    add("grouped", 1, 6, 6, 4, 2, 8, torch.ones(6, 6).tril().bool())
    add("offset", 1, 3, 7, 2, 1, 8, torch.ones(3, 7).tril(4).bool())
    padding = torch.tensor([[0, 0, 0, -1, -1], [0, 0, 0, 0, 0]], dtype=torch.int32)
    same = (padding[:, None, :, None] == padding[:, None, None, :]) & (padding >= 0)[:, None, :, None]
    add("padded", 2, 5, 5, 2, 2, 8, same, {"segments": padding})
    packed = torch.tensor([[0, 0, 1, 1, 1, 2, -1]], dtype=torch.int32)
    same = (packed[:, None, :, None] == packed[:, None, None, :]) & (packed >= 0)[:, None, :, None]
    add("packed", 1, 7, 7, 4, 2, 8, same & torch.ones(7, 7).tril().bool(), {"segments": packed})


def losses():
    logits = numbers.normal(2, 4, 9, scale=3)
    targets = torch.tensor([[0, 8, -100, 3], [3, -100, 1, 3]], dtype=torch.int32)
    scale = f32(1 / 6)

    def loss(logits, targets, smoothing):
        return scale * F.cross_entropy(
            logits.reshape(-1, logits.shape[-1]), targets.reshape(-1).long(), ignore_index=-100, reduction="sum",
            label_smoothing=smoothing)

    hidden, weight = numbers.normal(2, 4, 5), numbers.normal(9, 5)
    for name, smoothing in {"plain": 0.0, "smoothed": f32(0.1)}.items():
        case(f"crossEntropy.{name}", {"logits": logits},
             lambda logits, targets, s=smoothing: loss(logits, targets, s), {"targets": targets})
        case(f"linearCrossEntropy.{name}", {"hidden": hidden, "weight": weight},
             lambda hidden, weight, targets, s=smoothing: loss(hidden @ weight.T, targets, s), {"targets": targets})


for part in (unary, binary, reductions, products, normalizations, tables, attention, losses):
    part()
write_tensors(
    "layers/layers.safetensors", cases.tensors, "layers.py", SEED,
    torch=torch.__version__.split("+")[0], transformers=transformers.__version__)
