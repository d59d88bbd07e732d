"""What the golden scripts share: inputs that f32 holds exactly, files, and the manifest of fixtures."""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "Fixtures"


class Numbers:
    """Seeded draws in double precision whose values f32 holds exactly."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape, scale=1.0, shift=0.0):
        """Normal draws."""
        drawn = torch.randn(shape, generator=self.generator, dtype=torch.float64) * scale + shift
        return drawn.float().double()

    def uniform(self, *shape, low, high):
        """Uniform draws."""
        drawn = torch.rand(shape, generator=self.generator, dtype=torch.float64) * (high - low) + low
        return drawn.float().double()

    def integers(self, *shape, low, high):
        """Whole numbers from low to high - 1."""
        return torch.randint(low, high, shape, generator=self.generator, dtype=torch.int32)


class Cases:
    """Functions with their inputs, results and gradients, stored under `<case>/…`.

    `<case>/y` are results, `<case>/dy` their gradients, `<case>/<input>` inputs and `<case>/d<input>` the gradients of
    inputs; several results are numbered.
    """

    def __init__(self, numbers):
        self.numbers = numbers
        self.tensors = {}

    def add(self, name, inputs, function, constants=None):
        """Runs a function of named inputs with a random gradient of each result."""
        leaves = {key: value.clone().requires_grad_(True) for key, value in inputs.items()}
        constants = constants or {}
        results = function(**leaves, **constants)
        results = results if isinstance(results, tuple) else (results,)
        total = 0
        for index, result in enumerate(results):
            suffix = "" if len(results) == 1 else str(index)
            gradient = self.numbers.normal(*result.shape)
            self.tensors[f"{name}/y{suffix}"] = result
            self.tensors[f"{name}/dy{suffix}"] = gradient
            total = total + (result * gradient).sum()
        total.backward()
        for key, value in {**inputs, **constants}.items():
            self.tensors[f"{name}/{key}"] = value
        for key, leaf in leaves.items():
            self.tensors[f"{name}/d{key}"] = leaf.grad


def f32(value):
    """A number as f32 holds it: kernels take scales and epsilons in f32."""
    return float(np.float32(value))


def write_tensors(path, tensors, script, seed, **versions):
    """Writes Fixtures/<path> (safetensors) and its line of the manifest."""
    arrays = {name: value.detach().contiguous().numpy() for name, value in tensors.items()}
    target = FIXTURES / path
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file(arrays, str(target))
    record(path, script, seed, **versions)


def write_json(path, value, script, seed, **versions):
    """Writes Fixtures/<path> (JSON) and its line of the manifest."""
    target = FIXTURES / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(value, sort_keys=True, separators=(",", ":")) + "\n")
    record(path, script, seed, **versions)


def record(path, script, seed, **versions):
    """Notes a fixture's hash and origin in Fixtures/MANIFEST.json."""
    manifest_path = FIXTURES / "MANIFEST.json"
    manifest = json.loads(manifest_path.read_text()) if manifest_path.exists() else {}
    digest = hashlib.sha256((FIXTURES / path).read_bytes()).hexdigest()
    manifest[path] = {"sha256": digest, "script": f"Tools/golden/{script}", **versions, "seed": seed}
    manifest_path.write_text(json.dumps(dict(sorted(manifest.items())), indent=2) + "\n")
