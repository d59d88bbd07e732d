"""Toy models from sequences to sequences with everything that training them gives, for
Tests/GoldenTests/SequenceModelParityTests: MarianMTModel and T5ForConditionalGeneration of transformers, and a recurrent
encoder-decoder written here in PyTorch.

Writes Fixtures/sequence/<name>/{config.json, model.safetensors, golden.safetensors}. The weights are f32; logits, losses
and gradients are computed in f64, so that they carry no rounding of their own.

Run from the repository: python Tools/golden/sequence_models.py
"""

import hashlib
import json

import torch
import transformers
from decoder_parity import FIXTURES, ROOT, SEED, randomise
from safetensors.torch import save_file
from torch import nn
from transformers import MarianConfig, MarianMTModel, T5Config, T5ForConditionalGeneration

SOURCE_LENGTHS = [9, 2, 6]
TARGET_LENGTHS = [4, 8, 7]
END, START = 1, 0
SMOOTHING = 0.1

MODELS = {
    "marian": (
        MarianMTModel,
        MarianConfig(
            # No token in use is the one that fills up: torch gives its row of the table no gradient.
            vocab_size=41, decoder_vocab_size=41, d_model=16, encoder_layers=2, decoder_layers=2,
            encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24,
            activation_function="swish", scale_embedding=True, max_position_embeddings=32, dropout=0.0,
            pad_token_id=40, eos_token_id=END, decoder_start_token_id=START, forced_eos_token_id=None,
        ),
    ),
    "t5": (
        T5ForConditionalGeneration,
        T5Config(
            vocab_size=40, d_model=16, d_kv=6, d_ff=20, num_layers=2, num_decoder_layers=2, num_heads=3,
            relative_attention_num_buckets=8, relative_attention_max_distance=12, dropout_rate=0.0,
            feed_forward_proj="gated-gelu", pad_token_id=START, eos_token_id=END, decoder_start_token_id=START,
        ),
    ),
}

RECURRENT = {
    "additive": dict(
        cell="lstm", attention="additive", num_layers=2, tie_word_embeddings=False, scale_embedding=False,
    ),
    "multiplicative": dict(cell="gru", attention="multiplicative", num_layers=1, tie_word_embeddings=True),
    "input-feeding": dict(
        cell="lstm", attention="multiplicative", num_layers=1, tie_word_embeddings=True, input_feeding=True,
        source_vocab_size=30,
    ),
}


class Attention(nn.Module):
    """Additive scores v·tanh(W q + U k), or general ones q·W k."""

    def __init__(self, kind, query_width, key_width, inner):
        super().__init__()
        self.kind = kind
        if kind == "additive":
            self.queryProjection = nn.Linear(query_width, inner)
            self.keyProjection = nn.Linear(key_width, inner, bias=False)
            self.score = nn.Linear(inner, 1, bias=False)
        else:
            self.queryProjection = nn.Linear(key_width, query_width, bias=False)

    def keys(self, memory):
        return self.keyProjection(memory) if self.kind == "additive" else self.queryProjection(memory)

    def forward(self, queries, keys, memory, mask):
        if self.kind == "additive":
            inner = torch.tanh(self.queryProjection(queries)[:, :, None] + keys[:, None])
            scores = self.score(inner).squeeze(-1)
        else:
            scores = queries @ keys.transpose(1, 2)
        return scores.masked_fill(~mask[:, None], float("-inf")).softmax(-1) @ memory


class RecurrentSequenceModel(nn.Module):
    """An LSTM or GRU that reads, another that writes, and attention between them."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        get = config.get
        width, embedding, layers = config["hidden_size"], config["embedding_dim"], config["num_layers"]
        memory = 2 * width
        tied = config["tie_word_embeddings"]
        out = embedding if tied else width
        self.tokenEmbedding = nn.Embedding(config["vocab_size"], embedding)
        source = get("source_vocab_size")
        self.sourceEmbedding = nn.Embedding(source, embedding) if source else None
        network = nn.GRU if config["cell"] == "gru" else nn.LSTM
        dropout = get("dropout", 0.0) if layers > 1 else 0.0
        self.encoder = network(embedding, width, layers, batch_first=True, bidirectional=True, dropout=dropout)
        self.feeds = get("input_feeding", False)
        self.additive = config["attention"] == "additive"
        fed = memory if self.additive else out if self.feeds else 0
        self.decoder = network(embedding + fed, width, layers, batch_first=True, dropout=dropout)
        self.bridge = nn.Linear(memory, width)
        self.cellBridge = nn.Linear(memory, width) if config["cell"] == "lstm" else None
        kind = "additive" if self.additive else "general"
        self.attention = Attention(kind, width, memory, config["attention_dim"])
        self.readout = nn.Linear(memory + width, out, bias=False)
        self.head = None if tied else nn.Linear(out, config["vocab_size"], bias=False)
        self.drop = nn.Dropout(get("dropout", 0.0))
        self.scale = embedding ** 0.5 if get("scale_embedding", True) else 1.0

    def bridged(self, states, layer):
        layers, rows = self.config["num_layers"], states.shape[1]
        joined = states.reshape(layers, 2, rows, -1).permute(0, 2, 1, 3).reshape(layers, rows, -1)
        return torch.tanh(layer(joined))

    def read(self, found, states):
        return self.drop(torch.tanh(self.readout(torch.cat([found, states], -1))))

    def forward(self, source, lengths, inputs):
        x = self.drop((self.sourceEmbedding or self.tokenEmbedding)(source) * self.scale)
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        output, state = self.encoder(packed)
        memory, _ = nn.utils.rnn.pad_packed_sequence(output, batch_first=True)
        mask = torch.arange(memory.shape[1])[None] < lengths[:, None]
        if self.cellBridge is None:
            state = self.bridged(state, self.bridge)
        else:
            state = (self.bridged(state[0], self.bridge), self.bridged(state[1], self.cellBridge))
        keys = self.attention.keys(memory)
        y = self.drop(self.tokenEmbedding(inputs) * self.scale)
        if not self.additive and not self.feeds:
            states, _ = self.decoder(y, state)
            hidden = self.read(self.attention(states, keys, memory, mask), states)
        else:
            fed = y.new_zeros(y.shape[0], 1, self.readout.out_features)
            pieces = []
            for column in y.split(1, 1):
                if self.additive:
                    last = (state if self.cellBridge is None else state[0])[-1][:, None]
                    found = self.attention(last, keys, memory, mask)
                    states, state = self.decoder(torch.cat([column, found], -1), state)
                    pieces.append(self.read(found, states))
                else:
                    states, state = self.decoder(torch.cat([column, fed], -1), state)
                    fed = self.read(self.attention(states, keys, memory, mask), states)
                    pieces.append(fed)
            hidden = torch.cat(pieces, 1)
        return hidden @ (self.tokenEmbedding if self.head is None else self.head).weight.T


def rows(lengths, vocabulary, generator, ends):
    values = torch.randint(2, vocabulary, (len(lengths), max(lengths)), generator=generator)
    for row, length in enumerate(lengths):
        values[row, length:] = 0
        if ends:
            values[row, length - 1] = END
    return values


def golden(model, logits_of, source_vocabulary, generator):
    source = rows(SOURCE_LENGTHS, source_vocabulary, generator, ends=True)
    target = rows(TARGET_LENGTHS, 40, generator, ends=True)
    inputs = torch.cat([torch.full((3, 1), START), target[:, :-1]], 1)
    labels = target.clone()
    for row, length in enumerate(TARGET_LENGTHS):
        labels[row, length:] = -100
    model.double()

    def loss(smoothing=0.0):
        logits = logits_of(model, source, inputs)
        return logits, nn.functional.cross_entropy(
            logits.flatten(0, 1), labels.flatten(), ignore_index=-100, label_smoothing=smoothing
        )

    logits, plain = loss()
    plain.backward()
    tensors = {
        "source": source.int(), "source_lengths": torch.tensor(SOURCE_LENGTHS).int(), "target": target.int(),
        "target_lengths": torch.tensor(TARGET_LENGTHS).int(), "logits": logits.detach().float(),
        "loss": plain.detach().reshape(1), "smoothed_loss": loss(SMOOTHING)[1].detach().reshape(1),
    }
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            tensors["gradient." + name] = parameter.grad.float()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        step = loss()[1]
        step.backward()
        optimizer.step()
        losses.append(step.detach())
    tensors["adamw_losses"] = torch.stack(losses)
    if hasattr(model, "generate"):
        tensors |= generated(model, source)
    return tensors


def generated(model, source):
    """What transformers writes after those steps, greedily and with beams, one source at a time, padded with -1."""
    found = {}
    for name, settings in {
        "greedy": dict(num_beams=1), "beams": dict(num_beams=4, length_penalty=1.0, early_stopping="never"),
        "long": dict(num_beams=3, length_penalty=3.0, early_stopping="never"),
        "short": dict(num_beams=3, length_penalty=0.0, early_stopping="never"),
        "no_repeats": dict(num_beams=2, no_repeat_ngram_size=2, early_stopping="never"),
    }.items():
        texts, scores = [], []
        for row, length in enumerate(SOURCE_LENGTHS):
            result = model.generate(
                source[row:row + 1, :length], max_new_tokens=10, do_sample=False, return_dict_in_generate=True,
                output_scores=True, **settings,
            )
            ids = result.sequences[0, 1:].tolist()
            if END in ids:
                ids = ids[:ids.index(END) + 1]
            texts.append(ids)
            if settings["num_beams"] > 1:
                scores.append(result.sequences_scores[0])
        width = max(len(ids) for ids in texts)
        found[f"generated.{name}"] = torch.tensor([ids + [-1] * (width - len(ids)) for ids in texts]).int()
        if scores:
            found[f"scores.{name}"] = torch.stack(scores).double()
    return found


def transformers_logits(model, source, inputs):
    mask = torch.arange(source.shape[1])[None] < torch.tensor(SOURCE_LENGTHS)[:, None]
    return model(input_ids=source, attention_mask=mask.long(), decoder_input_ids=inputs).logits


def recurrent_logits(model, source, inputs):
    return model(source, torch.tensor(SOURCE_LENGTHS), inputs)


def main():
    transformers.logging.set_verbosity_error()
    written = []

    def save(folder, tensors):
        tensors = {key: value.contiguous() for key, value in tensors.items()}
        save_file(tensors, folder / "golden.safetensors")
        written.extend(folder / name for name in ["config.json", "model.safetensors", "golden.safetensors"])

    for name, (model_class, config) in MODELS.items():
        torch.manual_seed(SEED)
        generator = torch.Generator().manual_seed(SEED)
        model = model_class(config).eval()
        randomise(model, generator)
        folder = FIXTURES / "sequence" / name
        folder.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        save(folder, golden(model, transformers_logits, 40, generator))
    for name, choices in RECURRENT.items():
        generator = torch.Generator().manual_seed(SEED)
        config = dict(
            model_type="recurrent-encoder-decoder", vocab_size=40, embedding_dim=12, hidden_size=10,
            attention_dim=7, bidirectional=True, dropout=0.0, max_source_length=32, max_target_length=32,
            eos_token_id=END, decoder_start_token_id=START,
        ) | choices
        model = RecurrentSequenceModel(config).eval()
        randomise(model, generator)
        folder = FIXTURES / "sequence" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        state = {key: value.contiguous() for key, value in model.state_dict().items()}
        save_file(state, folder / "model.safetensors")
        save(folder, golden(model, recurrent_logits, config.get("source_vocab_size", 40), generator))
    manifest_path = FIXTURES / "MANIFEST.json"
    manifest = json.loads(manifest_path.read_text())
    for path in written:
        manifest[str(path.relative_to(FIXTURES))] = {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "script": "Tools/golden/sequence_models.py",
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "seed": SEED,
        }
        print(f"{path.stat().st_size:8d} {path.relative_to(ROOT)}")
    manifest_path.write_text(json.dumps(dict(sorted(manifest.items())), indent=2) + "\n")


if __name__ == "__main__":
    main()
