"""A toy BERT classifier of transformers with everything that training it gives, for Tests/GoldenTests/EncoderParityTests.

Writes Fixtures/encoder/bert/{config.json, model.safetensors, golden.safetensors}. The weights are f32; logits, losses
and gradients are computed in f64, so that they carry no rounding of their own.

Run from the repository: python Tools/golden/encoder_parity.py
"""

import hashlib
import json

import torch
import transformers
from decoder_parity import FIXTURES, ROOT, SEED, randomise
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification

CONFIG = BertConfig(
    vocab_size=64, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
    max_position_embeddings=20, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, num_labels=3,
)
LENGTHS = [13, 1, 9]


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


def main():
    transformers.logging.set_verbosity_error()
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    model = BertForSequenceClassification(CONFIG).eval()
    randomise(model, generator)
    folder = FIXTURES / "encoder" / "bert"
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tensors = golden(model, generator)
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "golden.safetensors")
    manifest_path = FIXTURES / "MANIFEST.json"
    manifest = json.loads(manifest_path.read_text())
    for name in ["config.json", "model.safetensors", "golden.safetensors"]:
        path = folder / name
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
