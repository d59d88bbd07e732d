"""Toy Transformers that transformers has no class for, with everything that training them gives, for
Tests/GoldenTests: encoders with norms before the branches, under a classifier and under a tagger with a conditional
random field; encoder-decoders with sinusoidal and with rotary positions; decoders. All but the tagger are there with
factors on their branches (ReZero), too.

The encoders are made of torch.nn.TransformerEncoderLayer and see one text at a time, so that nothing is padded or
masked; the field is summed over all sequences of labels; the decoders are LlamaForCausalLM of transformers with factors
hung into it.

Writes Fixtures/{text, sequence, decoder}/<name>/{config.json, model.safetensors, golden.safetensors}. The weights are
f32; logits, losses and gradients are computed in f64, so that they carry no rounding of their own.

Run from the repository: python Tools/golden/transformer_networks.py
"""

import json

import decoder_parity
import sequence_models
import text_networks
import torch
import torch.nn.functional as F
import transformers
from decoder_parity import FIXTURES, ROOT, SEED, randomise
from golden import record
from safetensors.torch import save_file
from text_networks import CLASSES, LABELS, VOCABULARY, Classifier, packed
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

# MARK: Encoders

ENCODER = dict(
    model_type="encoder", vocab_size=VOCABULARY, hidden_size=12, num_hidden_layers=2, num_attention_heads=3,
    intermediate_size=20, hidden_act="gelu", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    max_position_embeddings=16, type_vocab_size=2, layer_norm_eps=1e-12, norm_placement="pre", use_rezero=False,
    pooling="mean",
)
REZERO = dict(use_rezero=True)
ROTARY = dict(position_embedding_type="rotary")
TAGGER = ENCODER | dict(num_hidden_layers=1, classifier_dropout=0.0, crf=True, id2label=LABELS["id2label"])
# The windows of four sentences: pieces before the first word that is read, then the pieces of each word.
SENTENCES = [[(0, [2, 1, 3, 1])], [(0, [1])], [(0, [1, 2, 1]), (3, [2, 1, 1])], [(0, [3, 1])]]


class Factor(nn.Module):
    """What a branch is multiplied with."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, branch):
        return self.weight * branch


class ReZeroLayer(nn.TransformerEncoderLayer):
    """A layer with a factor on each branch (Bachlechner et al., 2020)."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.attentionScale, self.feedForwardScale = Factor(), Factor()

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.attentionScale(self.self_attn(y, y, y, need_weights=False)[0])
        return x + self.feedForwardScale(self.linear2(F.gelu(self.linear1(self.norm2(x)))))


class TurnedLayer(nn.TransformerEncoderLayer):
    """A layer with norms behind its sums, whose queries and keys are turned."""

    def attention(self, x):
        parts = F.linear(x, self.self_attn.in_proj_weight, self.self_attn.in_proj_bias).chunk(3, -1)
        queries, keys, values = (part.unflatten(-1, (self.self_attn.num_heads, -1)).transpose(1, 2) for part in parts)
        found = F.scaled_dot_product_attention(turned(queries), turned(keys), values)
        return self.self_attn.out_proj(found.transpose(1, 2).flatten(2))

    def forward(self, x):
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.linear2(F.gelu(self.linear1(x))))


def turned(x):
    """Pairs (i, i + E/2) as complex numbers, turned by position times frequency (Su et al., 2021)."""
    positions, half = x.shape[-2], x.shape[-1] // 2
    frequencies = (10_000 ** (-torch.arange(half, dtype=torch.float64) / half)).float().double()
    angles = torch.arange(positions)[:, None] * frequencies
    numbers = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([numbers.real, numbers.imag], -1)


class Encoder(nn.Module):
    """Layers with norms before their branches (Xiong et al., 2020) or turned ones, and the mean of their states."""

    def __init__(self, config):
        super().__init__()
        self.width = config["hidden_size"]
        self.tokens = nn.Embedding(config["vocab_size"], self.width)
        self.turns = config.get("position_embedding_type") == "rotary"
        self.positions = None if self.turns else nn.Embedding(config["max_position_embeddings"], self.width)
        self.types = nn.Embedding(config["type_vocab_size"], self.width)
        kind = ReZeroLayer if config["use_rezero"] else TurnedLayer if self.turns else nn.TransformerEncoderLayer
        self.layers = nn.ModuleList(
            kind(
                self.width, config["num_attention_heads"], config["intermediate_size"], dropout=0.0,
                activation=F.gelu, layer_norm_eps=config["layer_norm_eps"], batch_first=True, norm_first=True,
            )
            for _ in range(config["num_hidden_layers"])
        )
        # Norms behind the sums need one before the first layer, those before the branches one behind the last.
        name = "entrance" if self.turns else "norm"
        setattr(self, name, nn.LayerNorm(self.width, config["layer_norm_eps"]))

    def states(self, ids):
        x = self.tokens(ids)
        if not self.turns:
            x = x + self.positions(torch.arange(len(ids)))
        x = x + self.types(torch.zeros_like(ids))
        x = self.entrance(x)[None] if self.turns else x[None]
        for layer in self.layers:
            x = layer(x)
        return x[0] if self.turns else self.norm(x)[0]

    def forward(self, ids):
        return self.states(ids).mean(0)


class EncoderTagger(nn.Module):
    """Scores of the first piece of each word, and a field whose sums run over all sequences of labels."""

    def __init__(self, config):
        super().__init__()
        self.encoder = Encoder(config)
        self.classifier = nn.Linear(self.encoder.width, CLASSES)
        self.crf = nn.Module()
        for name in ("start_transitions", "end_transitions"):
            setattr(self.crf, name, nn.Parameter(torch.empty(CLASSES)))
        self.crf.transitions = nn.Parameter(torch.empty(CLASSES, CLASSES))

    def inputs(self, generator):
        pieces, firsts, labels = [], [], []
        for windows in SENTENCES:
            for skipped, sizes in windows:
                starts = torch.tensor([1 + skipped, *sizes]).cumsum(0)
                firsts.append(starts[:-1])
                pieces.append(torch.randint(0, VOCABULARY, (int(starts[-1]) + 1,), generator=generator))
            count = sum(len(sizes) for _, sizes in windows)
            labels.append(torch.randint(0, CLASSES, (count,), generator=generator))
        return dict(pieces=pieces, firsts=firsts, labels=labels)

    def logits(self, inputs):
        found, window = [], 0
        for windows in SENTENCES:
            states = []
            for _ in windows:
                states.append(self.encoder.states(inputs["pieces"][window])[inputs["firsts"][window]])
                window += 1
            found.append(self.classifier(torch.cat(states)))
        return found

    def all(self, scores):
        """Every sequence of labels and its score."""
        count = len(scores)
        paths = torch.cartesian_prod(*[torch.arange(CLASSES)] * count).reshape(-1, count)
        total = scores[torch.arange(count), paths].sum(1)
        total = total + self.crf.transitions[paths[:, :-1], paths[:, 1:]].sum(1)
        return paths, total + self.crf.start_transitions[paths[:, 0]] + self.crf.end_transitions[paths[:, -1]]

    def loss(self, inputs):
        """The mean over words of -log p(labels)."""
        total = 0
        for scores, labels in zip(self.logits(inputs), inputs["labels"]):
            paths, values = self.all(scores)
            total = total - values.log_softmax(0)[(paths == labels).all(1)].sum()
        return total / sum(map(len, inputs["labels"]))

    def best(self, scores):
        paths, values = self.all(scores)
        largest = values.topk(2).values
        assert largest[0] - largest[1] > 1e-3, "the best sequence must not be a matter of rounding"
        return paths[values.argmax()]

    def extras(self, inputs):
        logits = self.logits(inputs)
        best = [self.best(scores) for scores in logits]
        assert any((path != scores.argmax(1)).any() for path, scores in zip(best, logits)), "the field must matter"
        return (packed("pieces", inputs["pieces"]) | packed("firsts", inputs["firsts"])
                | packed("labels", inputs["labels"]) | packed("best", best)
                | dict(windows=torch.tensor([len(windows) for windows in SENTENCES]).int()))


ENCODERS = {
    "encoder": (lambda config: Classifier(Encoder, config), ENCODER | LABELS),
    "encoder-rezero": (lambda config: Classifier(Encoder, config), ENCODER | LABELS | REZERO),
    "encoder-rotary": (
        lambda config: Classifier(Encoder, config), ENCODER | LABELS | ROTARY | dict(norm_placement="post")
    ),
    "encoder-tagger": (EncoderTagger, TAGGER),
}
BERT = {
    "encoder.tokens": "bert.embeddings.word_embeddings", "encoder.positions": "bert.embeddings.position_embeddings",
    "encoder.types": "bert.embeddings.token_type_embeddings", "encoder.norm": "bert.encoder.LayerNorm",
    "encoder.entrance": "bert.embeddings.LayerNorm",
    "encoder.layers": "bert.encoder.layer", "self_attn.out_proj": "attention.output.dense",
    "norm1": "attention.output.LayerNorm", "linear1": "intermediate.dense", "linear2": "output.dense",
    "norm2": "output.LayerNorm", "attentionScale": "attention.output.ReZero", "feedForwardScale": "output.ReZero",
}


def by_names_of_bert(tensors):
    """Tensors by BERT's names, what is packed in torch taken apart."""
    found = {}
    for name, value in tensors.items():
        for own, theirs in BERT.items():
            name = name.replace(own, theirs)
        if "in_proj_" in name:
            for part, piece in zip(["query", "key", "value"], value.chunk(3)):
                found[name.replace("self_attn.in_proj_", f"attention.self.{part}.")] = piece
        else:
            found[name] = value
    return found


# MARK: Encoder-decoders

PAIRS = dict(
    model_type="encoder-decoder", vocab_size=40, source_vocab_size=None, hidden_size=12, encoder_layers=1,
    decoder_layers=2, num_attention_heads=2, head_dim=6, intermediate_size=20, hidden_act="relu", gated_mlp=False,
    bias=True, normalization="layer_norm", norm_placement="pre", use_rezero=False, norm_eps=1e-5,
    position_embedding_type="sinusoidal", tie_word_embeddings=True, scale_embedding=True, scale_attention=True,
    scale_decoder_outputs=False, dropout=0.0, attention_dropout=0.0, max_source_length=32, max_target_length=32,
    eos_token_id=sequence_models.END, decoder_start_token_id=sequence_models.START,
)
SEQUENCES = {
    "sinusoidal": PAIRS,
    "rotary": PAIRS | ROTARY,
    "rotary-rezero": PAIRS | ROTARY | REZERO | dict(
        source_vocab_size=30, head_dim=8, hidden_act="silu", gated_mlp=True, bias=False, normalization="rms_norm",
        tie_word_embeddings=False,
    ),
}


class Attention(nn.Module):
    """Attention over a row's own positions, or over a memory."""

    def __init__(self, config, crosses=False):
        super().__init__()
        self.heads, self.rotates = config["num_attention_heads"], not crosses
        self.rotates = self.rotates and config["position_embedding_type"] == "rotary"
        width, inner, bias = config["hidden_size"], self.heads * config["head_dim"], config["bias"]
        if crosses:
            self.queryProjection = nn.Linear(width, inner, bias=bias)
            self.memoryProjection = nn.Linear(width, 2 * inner, bias=bias)
        else:
            self.inputProjection = nn.Linear(width, 3 * inner, bias=bias)
        self.outputProjection = nn.Linear(inner, width, bias=bias)

    def forward(self, x, memory, mask, causal):
        if memory is None:
            parts = self.inputProjection(x).chunk(3, -1)
        else:
            parts = (self.queryProjection(x), *self.memoryProjection(memory).chunk(2, -1))
        queries, keys, values = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        if self.rotates:
            queries, keys = turned(queries), turned(keys)
        found = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, is_causal=causal)
        return self.outputProjection(found.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Two layers, the first gated or not (Shazeer, 2020)."""

    def __init__(self, config):
        super().__init__()
        width, inner, bias = config["hidden_size"], config["intermediate_size"], config["bias"]
        self.gates, self.activation = config["gated_mlp"], getattr(F, config["hidden_act"])
        self.input = nn.Linear(width, inner * (2 if self.gates else 1), bias=bias)
        self.output = nn.Linear(inner, width, bias=bias)

    def forward(self, x):
        x = self.input(x)
        if self.gates:
            gate, x = x.chunk(2, -1)
            return self.output(self.activation(gate) * x)
        return self.output(self.activation(x))


def norm(config):
    kind = nn.RMSNorm if config["normalization"] == "rms_norm" else nn.LayerNorm
    return kind(config["hidden_size"], eps=config["norm_eps"])


class Block(nn.Module):
    """Branches with norms before them and, if asked for, factors behind them."""

    def __init__(self, config, writes):
        super().__init__()
        self.branches = ["attention", *["crossAttention"] * writes, "feedForward"]
        self.attention, self.feedForward = Attention(config), FeedForward(config)
        if writes:
            self.crossAttention = Attention(config, crosses=True)
        for name in self.branches:
            setattr(self, f"{name}Norm", norm(config))
            setattr(self, f"{name}Scale", Factor() if config["use_rezero"] else nn.Identity())
        self.writes = writes

    def forward(self, x, mask, memory=None):
        calls = {
            "attention": lambda y: self.attention(y, None, None if self.writes else mask, self.writes),
            "crossAttention": lambda y: self.crossAttention(y, memory, mask, False),
            "feedForward": self.feedForward,
        }
        for name in self.branches:
            x = x + getattr(self, f"{name}Scale")(calls[name](getattr(self, f"{name}Norm")(x)))
        return x


class EncoderDecoder(nn.Module):
    """A Transformer that reads and one that writes (Vaswani et al., 2017)."""

    def __init__(self, config):
        super().__init__()
        self.config, width = config, config["hidden_size"]
        self.tokenEmbedding = nn.Embedding(config["vocab_size"], width)
        source = config["source_vocab_size"]
        self.sourceEmbedding = nn.Embedding(source, width) if source else None
        self.encoderBlocks = nn.ModuleList(Block(config, False) for _ in range(config["encoder_layers"]))
        self.decoderBlocks = nn.ModuleList(Block(config, True) for _ in range(config["decoder_layers"]))
        self.encoderNorm, self.decoderNorm = norm(config), norm(config)
        self.head = None if config["tie_word_embeddings"] else nn.Linear(width, config["vocab_size"], bias=False)

    def vectors(self, ids, table):
        x = table(ids) * self.config["hidden_size"] ** 0.5
        if self.config["position_embedding_type"] == "rotary":
            return x
        half = x.shape[-1] // 2
        rates = 10_000 ** (-torch.arange(half, dtype=torch.float64) / half)
        angles = torch.arange(ids.shape[1])[:, None] * rates
        return x + torch.cat([angles.sin(), angles.cos()], -1).float()

    def forward(self, source, lengths, inputs):
        mask = (torch.arange(source.shape[1])[None] < lengths[:, None])[:, None, None]
        x = self.vectors(source, self.sourceEmbedding or self.tokenEmbedding)
        for block in self.encoderBlocks:
            x = block(x, mask)
        memory = self.encoderNorm(x)
        y = self.vectors(inputs, self.tokenEmbedding)
        for block in self.decoderBlocks:
            y = block(y, mask, memory)
        return self.decoderNorm(y) @ (self.tokenEmbedding if self.head is None else self.head).weight.T


# MARK: Decoders

LLAMA = dict(
    vocab_size=48, hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=3,
    num_key_value_heads=1, head_dim=8, max_position_embeddings=24, rms_norm_eps=1e-6, tie_word_embeddings=True,
    bos_token_id=0, eos_token_id=1,
)
DECODERS = {"rezero": "rms_norm", "rezero-without-norms": "none"}
OWN = {
    "model.embed_tokens": "tokenEmbedding", "model.norm": "finalNorm", "model.layers": "blocks",
    "self_attn.o_proj": "attention.outputProjection", "mlp.down_proj": "feedForward.output",
    "input_layernorm": "attentionNorm", "post_attention_layernorm": "feedForwardNorm",
}
PACKED = {
    "attention.inputProjection": ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    "feedForward.input": ["mlp.gate_proj", "mlp.up_proj"],
}


def rezero_decoder(normalization):
    """Llama with factors on its branches, with or without its norms."""
    model = LlamaForCausalLM(LlamaConfig(**LLAMA)).eval()
    for layer in model.model.layers:
        layer.attentionScale, layer.feedForwardScale = Factor(), Factor()
        layer.self_attn.register_forward_hook(
            lambda _, inputs, found, factor=layer.attentionScale: (factor(found[0]), *found[1:])
        )
        layer.mlp.register_forward_hook(lambda _, inputs, found, factor=layer.feedForwardScale: factor(found))
        if normalization == "none":
            layer.input_layernorm = layer.post_attention_layernorm = nn.Identity()
    if normalization == "none":
        model.model.norm = nn.Identity()
    return model


def by_own_names(tensors):
    """Tensors by this project's names, what is packed there put together."""
    found = {}
    for name, value in tensors.items():
        for own, parts in PACKED.items():
            if parts[0] in name:
                value = torch.cat([tensors[name.replace(parts[0], part)] for part in parts])
                name = name.replace(parts[0], own)
        if any(part in name for parts in PACKED.values() for part in parts[1:]):
            continue
        for theirs, own in OWN.items():
            name = name.replace(theirs, own)
        found[name] = value
    return found


def main():
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    # Without gradients torch may take another way through the layers.
    torch.backends.mha.set_fastpath_enabled(False)
    versions = dict(torch=torch.__version__, transformers=transformers.__version__)

    def write(path, config, weights, tensors):
        folder = FIXTURES / path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        save_file({key: value.contiguous() for key, value in weights.items()}, folder / "model.safetensors")
        save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "golden.safetensors")
        for file in ("config.json", "model.safetensors", "golden.safetensors"):
            record(f"{path}/{file}", "transformer_networks.py", SEED, **versions)
            print(f"{(folder / file).stat().st_size:8d} {(folder / file).relative_to(ROOT)}")

    def prepared(model):
        generator = torch.Generator().manual_seed(SEED)
        model.eval()
        randomise(model, generator)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name.endswith("Norm.weight"):
                    parameter.add_(1)
                if name.endswith("Scale.weight"):
                    parameter.add_(0.5)
                if name.startswith("crf."):
                    parameter.mul_(5)
        return model, generator

    for name, (make, config) in ENCODERS.items():
        model, generator = prepared(make(config))
        weights = by_names_of_bert({key: value.clone() for key, value in model.state_dict().items()})
        write(f"text/{name}", config, weights, by_names_of_bert(text_networks.golden(model, generator)))
    for name, config in SEQUENCES.items():
        model, generator = prepared(EncoderDecoder(config))
        weights = {key: value.clone() for key, value in model.state_dict().items()}
        count = config["source_vocab_size"] or config["vocab_size"]
        tensors = sequence_models.golden(model, sequence_models.recurrent_logits, count, generator)
        write(f"sequence/{name}", config, weights, tensors)
    for name, normalization in DECODERS.items():
        model, generator = prepared(rezero_decoder(normalization))
        weights = {key: value.clone() for key, value in model.state_dict().items() if key != "lm_head.weight"}
        config = LLAMA | dict(
            model_type="yuyan-decoder", layout="llama", use_rezero=True, normalization=normalization, norm_eps=1e-6,
        )
        tensors = decoder_parity.golden(model, model.config, generator)
        write(f"decoder/{name}", config, by_own_names(weights), by_own_names(tensors))


if __name__ == "__main__":
    main()
