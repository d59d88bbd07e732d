"""Toy decoders of transformers with everything that training them gives, for Tests/GoldenTests/DecoderParityTests.

Writes Fixtures/decoder/<name>/{config.json, model.safetensors, golden.safetensors} for each model and
Fixtures/generation/sampling.json with what transformers' logits processors leave of given logits.

The weights are f32; logits, losses and gradients are computed in f64, so that they carry no rounding of their own.

Run from the repository: python Tools/golden/decoder_parity.py
"""

import hashlib
import json
import pathlib

import torch
import transformers
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers.generation import logits_process as processors
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

SEED = 20_260
ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "Fixtures"

MODELS = {
    "gpt2": (
        GPT2LMHeadModel,
        GPT2Config(
            vocab_size=96, n_embd=32, n_layer=2, n_head=4, n_positions=24, bos_token_id=0, eos_token_id=1,
            embd_pdrop=0.0, resid_pdrop=0.0, attn_pdrop=0.0,
        ),
    ),
    "llama": (
        LlamaForCausalLM,
        LlamaConfig(
            vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=24, bos_token_id=0, eos_token_id=1,
            tie_word_embeddings=False,
        ),
    ),
    "llama-tied": (
        LlamaForCausalLM,
        LlamaConfig(
            vocab_size=64, hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=3,
            num_key_value_heads=1, head_dim=16, max_position_embeddings=256, bos_token_id=0, eos_token_id=1,
            tie_word_embeddings=True, attention_bias=True, mlp_bias=True,
            rope_parameters={
                "rope_type": "llama3", "rope_theta": 5000.0, "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 32,
            },
        ),
    ),
}


def randomise(model, generator):
    """Weights far from the initial ones, so that norms, biases and attention all matter."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not parameter.requires_grad:
                continue
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1:
                offset = 1.0 if "norm" in name or "ln_" in name else 0.0
                offset = 0.0 if name.endswith("bias") else offset
                parameter.copy_(offset + 0.2 * noise)
            else:
                parameter.copy_(0.15 * noise)


def cross_entropy(model, ids, targets):
    logits = model(ids).logits
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)
    return logits, loss


def golden(model, config, generator):
    ids = torch.randint(0, config.vocab_size, (2, 17), generator=generator)
    targets = torch.full_like(ids, -100)
    targets[:, :-1] = ids[:, 1:]
    targets[1, 9:] = -100
    model.double()
    logits, loss = cross_entropy(model, ids, targets)
    loss.backward()
    tensors = {
        "input_ids": ids.int(), "targets": targets.int(), "logits": logits.detach().float(),
        "loss": loss.detach().reshape(1),
    }
    for name, parameter in model.named_parameters():
        tensors["gradient." + name] = parameter.grad.float()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        _, loss = cross_entropy(model, ids, targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    tensors["adamw_losses"] = torch.stack(losses)
    return tensors


def sampling(generator):
    """Logits, rules, and the probabilities that transformers leaves."""
    cases = []
    rules = [
        dict(temperature=0.7), dict(top_k=5), dict(top_p=0.8), dict(min_p=0.1), dict(repetition_penalty=1.3),
        dict(temperature=1.5, top_k=12, top_p=0.9), dict(temperature=0.8, top_k=20, top_p=0.95, min_p=0.05),
        dict(repetition_penalty=1.2, temperature=0.9, top_p=0.5), dict(top_p=0.01), dict(top_k=1),
    ]
    for number, rule in enumerate(rules):
        logits = (3 * torch.randn(1, 40, generator=generator)).round(decimals=3)
        logits[0, 7] = logits[0, 3]
        prompt = [3, 9, 9, 21]
        steps = []
        if "repetition_penalty" in rule:
            steps.append(processors.RepetitionPenaltyLogitsProcessor(rule["repetition_penalty"]))
        if "temperature" in rule:
            steps.append(processors.TemperatureLogitsWarper(rule["temperature"]))
        if "top_k" in rule:
            steps.append(processors.TopKLogitsWarper(rule["top_k"]))
        if "top_p" in rule:
            steps.append(processors.TopPLogitsWarper(rule["top_p"]))
        if "min_p" in rule:
            steps.append(processors.MinPLogitsWarper(rule["min_p"]))
        scores = logits.double()
        for step in steps:
            scores = step(torch.tensor([prompt]), scores)
        cases.append({
            "name": f"case {number}", "rule": rule, "prompt": prompt, "logits": logits[0].tolist(),
            "probabilities": torch.softmax(scores, -1)[0].tolist(),
        })
    return cases


def main():
    torch.set_default_dtype(torch.float32)
    transformers.logging.set_verbosity_error()
    written = []
    for name, (model_class, config) in MODELS.items():
        torch.manual_seed(SEED)
        generator = torch.Generator().manual_seed(SEED)
        model = model_class(config).eval()
        randomise(model, generator)
        folder = FIXTURES / "decoder" / name
        folder.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        tensors = golden(model, config, generator)
        if config.model_type == "llama":
            kind = config.rope_parameters["rope_type"]
            frequencies = model.model.rotary_emb.inv_freq
            if kind != "default":
                frequencies, _ = ROPE_INIT_FUNCTIONS[kind](config, "cpu")
            tensors["frequencies"] = frequencies.float()
        save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "golden.safetensors")
        written += [folder / "config.json", folder / "model.safetensors", folder / "golden.safetensors"]
    path = FIXTURES / "generation" / "sampling.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(sampling(torch.Generator().manual_seed(SEED)), indent=1) + "\n")
    written.append(path)

    manifest_path = FIXTURES / "MANIFEST.json"
    manifest = json.loads(manifest_path.read_text()) if manifest_path.exists() else {}
    for path in written:
        manifest[str(path.relative_to(FIXTURES))] = {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "script": "Tools/golden/decoder_parity.py",
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "seed": SEED,
        }
    manifest_path.write_text(json.dumps(dict(sorted(manifest.items())), indent=2) + "\n")
    for path in written:
        print(f"{path.stat().st_size:8d} {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
