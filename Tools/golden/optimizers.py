"""Golden values for Tests/GoldenTests/OptimizerGoldenTests.swift: optimizers after 1, 2 and 50 steps, and schedules.

Gradients are given, so that each step is judged and not what a model makes of it; everything runs in f64 from values
that f32 holds exactly.

Run from the repository root: python Tools/golden/optimizers.py
Writes Fixtures/optimizers/optimizers.safetensors, Fixtures/optimizers/cases.json and Fixtures/optimizers/schedules.json.
"""

import torch
import torch.optim._muon as torch_muon
import transformers
from transformers.optimization import Adafactor, get_scheduler

from golden import Numbers, write_json, write_tensors

SEED = 12
STEPS = 50
KEPT = (1, 2, 50)
numbers = Numbers(SEED)
shapes = {"matrix": (6, 9), "vector": (7,), "tall": (8, 3)}
initial = {name: numbers.normal(*shape, scale=0.5) for name, shape in shapes.items()}
# Gradients of very different sizes, with exact zeros among them.
gradients = {}
for name, shape in shapes.items():
    drawn = numbers.normal(STEPS, *shape) * (10.0 ** numbers.uniform(STEPS, *shape, low=-4, high=1))
    drawn[numbers.uniform(STEPS, *shape, low=0, high=1) < 0.05] = 0
    gradients[name] = drawn.float().double()
tensors = {f"initial/{name}": value for name, value in initial.items()}
tensors.update({f"gradients/{name}": value.float() for name, value in gradients.items()})
cases = []


class Lion(torch.optim.Optimizer):
    """Algorithm 2 of Chen et al., 2023, written out; PyTorch has none."""

    def __init__(self, params, lr, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        """One step."""
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                direction = torch.sign(beta1 * m + (1 - beta1) * p.grad)
                p -= group["lr"] * (direction + group["weight_decay"] * p)
                m.copy_(beta2 * m + (1 - beta2) * p.grad)


def orthogonalized_in_f64(grad, ns_coefficients, ns_steps, eps):
    """The published iteration without its rounding to bf16."""
    a, b, c = ns_coefficients
    x = grad.T if grad.size(0) > grad.size(1) else grad
    x = x / x.norm().clamp(min=eps)
    for _ in range(ns_steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if grad.size(0) > grad.size(1) else x


def run(name, rule, make, learning_rate, weight_decay=0.0, l1=0.0, scale=1.0, only=None):
    """Runs an optimizer on the given gradients and stores values and state after some of the steps.

    `rule` is what the Swift test decodes; `make` builds the PyTorch optimizer from the parameters.
    """
    chosen = only or list(shapes)
    parameters = {key: torch.nn.Parameter(initial[key].clone()) for key in chosen}
    optimizer = make(list(parameters.values()))
    for step in range(1, STEPS + 1):
        for key, parameter in parameters.items():
            parameter.grad = gradients[key][step - 1] * scale + l1 * torch.sign(parameter.detach())
        optimizer.step()
        if step not in KEPT:
            continue
        for key, parameter in parameters.items():
            tensors[f"{name}/{step}/{key}"] = parameter.detach().clone()
            for entry, value in optimizer.state[parameter].items():
                if isinstance(value, torch.Tensor) and value.ndim > 0:
                    tensors[f"{name}/{step}/{key}.{entry}"] = value.detach().clone()
    cases.append({
        "name": name, "rule": rule, "learningRate": learning_rate, "weightDecay": weight_decay, "l1": l1,
        "gradientScale": scale, "parameters": chosen,
    })


def run_sgd():
    for name, momentum, dampening, nesterov, decay in [
        ("plain", 0.0, 0.0, False, 0.0), ("decay", 0.0, 0.0, False, 0.1), ("momentum", 0.9, 0.0, False, 0.0),
        ("dampening", 0.9, 0.3, False, 0.05), ("nesterov", 0.8, 0.0, True, 0.1),
    ]:
        run(f"sgd.{name}",
            {"rule": "sgd", "momentum": momentum, "dampening": dampening, "nesterov": nesterov},
            lambda ps: torch.optim.SGD(
                ps, lr=0.01, momentum=momentum, dampening=dampening, nesterov=nesterov, weight_decay=decay),
            0.01, decay)


def run_adam():
    def rule(beta1, beta2, epsilon, decoupled):
        return {"rule": "adam", "beta1": beta1, "beta2": beta2, "epsilon": epsilon, "decoupled": decoupled}

    usual, own = (0.9, 0.999, 1e-8), (0.8, 0.95, 1e-6)
    run("adam.plain", rule(*usual, False), lambda ps: torch.optim.Adam(ps, lr=0.01), 0.01)
    run("adam.decay", rule(*own, False),
        lambda ps: torch.optim.Adam(ps, lr=0.02, betas=own[:2], eps=own[2], weight_decay=0.1), 0.02, 0.1)
    run("adamw.plain", rule(*usual, True), lambda ps: torch.optim.AdamW(ps, lr=0.01, weight_decay=0.01), 0.01, 0.01)
    run("adamw.own", rule(*own, True),
        lambda ps: torch.optim.AdamW(ps, lr=0.02, betas=own[:2], eps=own[2], weight_decay=0.2), 0.02, 0.2)
    run("adamw.l1", rule(*usual, True), lambda ps: torch.optim.AdamW(ps, lr=0.01, weight_decay=0.01), 0.01, 0.01,
        l1=0.05)
    run("adamw.clipped", rule(*usual, True), lambda ps: torch.optim.AdamW(ps, lr=0.01, weight_decay=0.01), 0.01, 0.01,
        scale=0.125)


def run_others():
    def adafactor(beta1=None, scale=False, relative=False, warmup=False, threshold=1.0):
        rule = {
            "rule": "adafactor", "epsilon": 1e-30, "scaleEpsilon": 1e-3, "clipThreshold": threshold,
            "decayRate": -0.8, "scaleParameter": scale, "relativeStep": relative, "warmupInit": warmup}
        return rule if beta1 is None else {**rule, "beta1": beta1}

    run("adafactor.absolute", adafactor(),
        lambda ps: Adafactor(ps, lr=0.01, scale_parameter=False, relative_step=False), 0.01)
    run("adafactor.scaled", adafactor(beta1=0.9, scale=True, threshold=0.7),
        lambda ps: Adafactor(ps, lr=0.05, beta1=0.9, scale_parameter=True, relative_step=False, clip_threshold=0.7,
                             weight_decay=0.1), 0.05, 0.1)
    run("adafactor.relative", adafactor(scale=True, relative=True),
        lambda ps: Adafactor(ps, scale_parameter=True, relative_step=True), 1.0)
    run("adafactor.warmup", adafactor(scale=True, relative=True, warmup=True),
        lambda ps: Adafactor(ps, scale_parameter=True, relative_step=True, warmup_init=True), 1.0)
    lion = {"rule": "lion", "beta1": 0.9, "beta2": 0.99}
    run("lion.plain", lion, lambda ps: Lion(ps, lr=0.003), 0.003)
    run("lion.decay", lion, lambda ps: Lion(ps, lr=0.003, weight_decay=0.5), 0.003, 0.5)
    exact = torch_muon._zeropower_via_newtonschulz
    muon = {"rule": "muon", "momentum": 0.95, "newtonSchulzSteps": 5}
    matrices = ["matrix", "tall"]
    run("muon.bf16", {**muon, "nesterov": True, "usesBF16": True},
        lambda ps: torch.optim.Muon(ps, lr=0.02, weight_decay=0.1), 0.02, 0.1, only=matrices)
    torch_muon._zeropower_via_newtonschulz = orthogonalized_in_f64
    run("muon.nesterov", {**muon, "nesterov": True, "usesBF16": False},
        lambda ps: torch.optim.Muon(ps, lr=0.02, weight_decay=0.1), 0.02, 0.1, only=matrices)
    run("muon.plain", {**muon, "nesterov": False, "usesBF16": False},
        lambda ps: torch.optim.Muon(ps, lr=0.02, weight_decay=0.0, nesterov=False), 0.02, only=matrices)
    torch_muon._zeropower_via_newtonschulz = exact


def rates(scheduler, optimizer, steps):
    """The learning rate of every step."""
    result = []
    for _ in range(steps):
        result.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return result


def schedules():
    base, total = 3e-3, 40
    result = []

    def add(name, make, options=None, warmup=0, steps=total):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)
        result.append({
            "name": name, "options": options or {}, "warmupSteps": warmup, "totalSteps": total, "learningRate": base,
            "rates": rates(make(optimizer), optimizer, steps),
        })

    def add_named(name, warmup=0, options=None, steps=total + 1, **keywords):
        add(name, lambda optimizer: get_scheduler(
            name, optimizer, num_warmup_steps=warmup, num_training_steps=total,
            scheduler_specific_kwargs=keywords or None), options, warmup, steps)

    for warmup in (0, 7):
        add_named("linear", warmup)
        add_named("cosine", warmup)
        add_named("cosine", warmup, {"numCycles": 1.5}, num_cycles=1.5)
        add_named("cosine_with_min_lr", warmup, {"minLrRate": 0.1}, min_lr_rate=0.1)
        add_named("cosine_with_min_lr", warmup, {"minLr": 6e-4}, min_lr=6e-4)
        add_named("cosine_with_restarts", warmup, {"numCycles": 3}, num_cycles=3)
        add_named("polynomial", warmup, {"power": 2, "lrEnd": 1e-4}, power=2, lr_end=1e-4, steps=total + 5)
        add_named("inverse_sqrt", warmup, steps=total + 5)
        add_named("inverse_sqrt", warmup, {"timescale": 11}, timescale=11)
        add_named("warmup_stable_decay", warmup, {"numDecaySteps": 12, "minLrRatio": 0.05}, num_decay_steps=12,
                  min_lr_ratio=0.05, steps=total + 5)
        add_named("warmup_stable_decay", warmup, {"numDecaySteps": 12, "decayType": "1-sqrt", "warmupType": "cosine"},
                  num_decay_steps=12, decay_type="1-sqrt", warmup_type="cosine")
        add_named("warmup_stable_decay", warmup, {"numDecaySteps": 20, "decayType": "linear", "warmupType": "1-sqrt"},
                  num_decay_steps=20, decay_type="linear", warmup_type="1-sqrt")
    add_named("constant")
    add_named("constant_with_warmup", 9)
    optim = torch.optim.lr_scheduler
    add("step", lambda o: optim.StepLR(o, 6, 0.3), {"stepSize": 6, "gamma": 0.3})
    add("exponential", lambda o: optim.ExponentialLR(o, 0.9), {"gamma": 0.9})
    add("one_cycle", lambda o: optim.OneCycleLR(o, base, total))
    add("one_cycle", lambda o: optim.OneCycleLR(
        o, base, total, pct_start=0.25, anneal_strategy="linear", div_factor=10, final_div_factor=100),
        {"pctStart": 0.25, "divFactor": 10, "finalDivFactor": 100, "annealStrategy": "linear"})
    return result


def plateaus():
    metrics = [5.0, 4.0, 4.0, 3.9999, 3.5, 3.6, 3.7, 3.8, 3.2, 3.3, 3.3, 3.3, 3.3, 3.3, 3.1, 3.1, 3.1, 3.1, 3.1, 3.1,
               3.1, 3.0, 3.0, 3.0, 3.0, 3.0]
    result = []
    for mode, threshold_mode, cooldown, patience, minimum in [
        ("min", "rel", 0, 1, 0.0), ("min", "abs", 2, 2, 1e-3), ("max", "rel", 1, 0, 1e-5), ("max", "abs", 0, 3, 0.0),
    ]:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, mode, factor=0.3, patience=patience, threshold=0.01, threshold_mode=threshold_mode,
            cooldown=cooldown, min_lr=minimum)
        seen = []
        for metric in metrics:
            scheduler.step(metric if mode == "min" else -metric if threshold_mode == "abs" else 1 / metric)
            seen.append(optimizer.param_groups[0]["lr"])
        result.append({
            "mode": mode, "thresholdMode": threshold_mode, "cooldown": cooldown, "patience": patience,
            "minimumLearningRate": minimum, "factor": 0.3, "threshold": 0.01,
            "metrics": [m if mode == "min" else -m if threshold_mode == "abs" else 1 / m for m in metrics],
            "rates": seen,
        })
    return result


def clipping():
    """Norms by torch.nn.utils.clip_grad_norm_ over the gradients of the first steps."""
    result = []
    for step, limit in [(0, 1.0), (1, 0.1), (2, 1e6)]:
        parameters = [torch.nn.Parameter(initial[name].clone()) for name in shapes]
        for parameter, name in zip(parameters, shapes):
            parameter.grad = gradients[name][step].clone()
        norm = torch.nn.utils.clip_grad_norm_(parameters, limit)
        result.append({
            "step": step, "limit": limit, "norm": norm.item(),
            "clipped": [value for parameter in parameters for value in parameter.grad.flatten().tolist()]})
    return result


run_sgd()
run_adam()
run_others()
versions = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__}
write_tensors("optimizers/optimizers.safetensors", tensors, "optimizers.py", SEED, **versions)
write_json("optimizers/cases.json", cases, "optimizers.py", SEED, **versions)
write_json(
    "optimizers/schedules.json", {"schedules": schedules(), "plateaus": plateaus(), "clipping": clipping()},
    "optimizers.py", SEED, **versions)
