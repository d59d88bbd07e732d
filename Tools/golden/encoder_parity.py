"""Toy BERT models of transformers with everything that training them gives, for Tests/GoldenTests: a classifier, a
masked-language model, one that answers questions and one that tags tokens.

Writes Fixtures/encoder/{bert, masked, answers, tagger}/{config.json, model.safetensors, golden.safetensors}. The weights are
f32; logits, losses and gradients are computed in f64, so that they carry no rounding of their own.

Run from the repository: python Tools/golden/encoder_parity.py
"""

import hashlib
import json

import torch
import transformers
from decoder_parity import FIXTURES, ROOT, SEED, randomise
from safetensors.torch import save_file
from transformers import (
    BertConfig, BertForMaskedLM, BertForQuestionAnswering, BertForSequenceClassification, BertForTokenClassification,
)

CONFIG = BertConfig(
    vocab_size=64, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
    max_position_embeddings=20, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, num_labels=3,
)
LENGTHS = [13, 1, 9]
# The heads' models: smaller, since the classifier covers the encoder.
SMALL = dict(
    vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24,
    max_position_embeddings=20, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)
CLS, SEP, MASK = 1, 2, 3


def golden(model, generator):
    rows, width = len(LENGTHS), max(LENGTHS)
    ids = torch.randint(1, CONFIG.vocab_size, (rows, width), generator=generator)
    mask = torch.arange(width)[None] < torch.tensor(LENGTHS)[:, None]
    ids = ids * mask
    types = (torch.arange(width)[None] >= torch.tensor([5, 1, 20])[:, None]) & mask
    labels = torch.tensor([2, 0, 1])
    model.double()
    inputs = dict(input_ids=ids, attention_mask=mask.long(), token_type_ids=types.long(), labels=labels)
    result = model(**inputs)
    result.loss.backward()
    tensors = {
        "input_ids": ids.int(), "token_type_ids": types.int(), "lengths": torch.tensor(LENGTHS).int(),
        "labels": labels.int(), "logits": result.logits.detach().float(),
        "loss": result.loss.detach().reshape(1),
    }
    for name, parameter in model.named_parameters():
        tensors["gradient." + name] = parameter.grad.float()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = model(**inputs).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    tensors["adamw_losses"] = torch.stack(losses)
    return tensors


def masked_golden(model, generator):
    """Places where tokens are hidden, their logits, the mean loss over them and all gradients."""
    rows, width = len(LENGTHS), max(LENGTHS)
    mask = torch.arange(width)[None] < torch.tensor(LENGTHS)[:, None]
    tokens = torch.randint(4, SMALL["vocab_size"], (rows, width), generator=generator) * mask
    places = torch.tensor([2, 5, 11, 13, 26 + 4])
    ids = tokens.clone()
    ids.view(-1)[places] = MASK
    labels = torch.full_like(tokens, -100)
    labels.view(-1)[places] = tokens.view(-1)[places]
    model.double()
    result = model(input_ids=ids, attention_mask=mask.long(), labels=labels)
    result.loss.backward()
    return {
        "input_ids": ids.int(), "lengths": torch.tensor(LENGTHS).int(), "places": places.int(),
        "tokens": tokens.view(-1)[places].int(),
        "logits": result.logits.detach().reshape(rows * width, -1)[places].float(),
        "loss": result.loss.detach().reshape(1),
    }


def answers_golden(model, generator):
    """Scores of beginnings and ends at the first token and the text's tokens, and the loss among those places."""
    questions, contexts = [[7, 9, 5], [11], [8, 9]], [[5, 30, 31, 9, 6], [12, 13, 14, 15, 16, 17, 18], [20]]
    spans = torch.tensor([[2, 4], [7, 7], [0, 0]])
    width, room = max(len(q) + len(c) + 3 for q, c in zip(questions, contexts)), 1 + max(map(len, contexts))
    ids = torch.zeros(3, width, dtype=torch.long)
    types, mask, places = torch.zeros_like(ids), torch.zeros_like(ids), torch.zeros(3, room, dtype=torch.long)
    visible = torch.zeros(3, room, dtype=torch.bool)
    for row, (question, context) in enumerate(zip(questions, contexts)):
        head = [CLS] + question + [SEP]
        sequence = head + context + [SEP]
        ids[row, : len(sequence)] = torch.tensor(sequence)
        types[row, len(head) : len(sequence)] = 1
        mask[row, : len(sequence)] = 1
        places[row, 1 : 1 + len(context)] = torch.arange(len(head), len(head) + len(context))
        visible[row, : 1 + len(context)] = True
    model.double()
    result = model(input_ids=ids, attention_mask=mask, token_type_ids=types)
    tensors, loss = {}, 0
    for name, logits, target in [
        ("start", result.start_logits, spans[:, 0]), ("end", result.end_logits, spans[:, 1])
    ]:
        chosen = logits.gather(1, places)
        tensors[name] = (chosen * visible).detach().float()
        hidden = chosen.masked_fill(~visible, -torch.inf)
        loss = loss + torch.nn.functional.cross_entropy(hidden, target, reduction="sum") / 2
    loss.backward()
    return tensors | {"loss": loss.detach().reshape(1)}


def tagger_golden(model, generator):
    """Scores at the first piece of each word and the mean loss over words; -100 hides all other pieces."""
    sentences = [[[5, 6], [7], [8, 9, 10], [11]], [[12]], [[13], [14, 15]]]
    labels = [[0, 1, 2, 3], [1], [3, 0]]
    rows = [[CLS] + sum(words, []) + [SEP] for words in sentences]
    width = max(map(len, rows))
    ids, targets = torch.zeros(3, width, dtype=torch.long), torch.full((3, width), -100)
    mask = torch.zeros_like(ids)
    for row, (sequence, words) in enumerate(zip(rows, sentences)):
        ids[row, : len(sequence)] = torch.tensor(sequence)
        mask[row, : len(sequence)] = 1
        place = 1
        for word, label in zip(words, labels[row]):
            targets[row, place] = label
            place += len(word)
    model.double()
    result = model(input_ids=ids, attention_mask=mask, labels=targets)
    result.loss.backward()
    return {
        "logits": result.logits[targets >= 0].detach().float(), "loss": result.loss.detach().reshape(1),
    }


def write(name, model, golden, generator):
    """Writes a model's folder and what training it gives, and returns the files."""
    model.eval()
    randomise(model, generator)
    folder = FIXTURES / "encoder" / name
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tensors = golden(model, generator)
    for key, parameter in model.named_parameters():
        tensors.setdefault("gradient." + key, parameter.grad.float())
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "golden.safetensors")
    return [folder / file for file in ["config.json", "model.safetensors", "golden.safetensors"]]


def main():
    transformers.logging.set_verbosity_error()
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    paths = write("bert", BertForSequenceClassification(CONFIG), golden, generator)
    paths += write("masked", BertForMaskedLM(BertConfig(**SMALL)), masked_golden, generator)
    paths += write("answers", BertForQuestionAnswering(BertConfig(**SMALL)), answers_golden, generator)
    paths += write("tagger", BertForTokenClassification(BertConfig(**SMALL, num_labels=4)), tagger_golden, generator)
    manifest_path = FIXTURES / "MANIFEST.json"
    manifest = json.loads(manifest_path.read_text())
    for path in paths:
        manifest[str(path.relative_to(FIXTURES))] = {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "script": "Tools/golden/encoder_parity.py",
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "seed": SEED,
        }
        print(f"{path.stat().st_size:8d} {path.relative_to(ROOT)}")
    manifest_path.write_text(json.dumps(dict(sorted(manifest.items())), indent=2) + "\n")


if __name__ == "__main__":
    main()
