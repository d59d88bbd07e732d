"""Kernels of training steps in PyTorch, by the words that Benchmark.swift explains."""
import torch
import torch.nn.functional as F

from worker import DTYPES, serve


def product(dtype, form, m, k, n):
    x, weight, dy = torch.randn(m, k, dtype=dtype), torch.randn(n, k, dtype=dtype), torch.randn(m, n, dtype=dtype)
    if form == "forward":
        out = torch.empty(m, n, dtype=dtype)
        return lambda: torch.matmul(x, weight.t(), out=out)
    if form == "input":
        out = torch.empty(m, k, dtype=dtype)
        return lambda: torch.matmul(dy, weight, out=out)
    if form == "weight":
        out = torch.empty(n, k, dtype=dtype)
        return lambda: torch.matmul(dy.t(), x, out=out)
    raise ValueError(f"no form {form} of a product")


def gradients(forward, inputs, dout):
    """The backward pass alone."""
    y = forward()
    return lambda: torch.autograd.grad(y, inputs, dout, retain_graph=True)


def attention(dtype, form, b, t, h, e):
    packed = torch.randn(b, t, 3, h, e, dtype=dtype)
    q, k, v = (part.transpose(1, 2) for part in packed.unbind(2))
    if form == "forward":
        def run():
            with torch.no_grad():
                F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return run
    inputs = [z.detach().requires_grad_() for z in (q, k, v)]
    dout = torch.randn(b, t, h, e, dtype=dtype).transpose(1, 2)
    return gradients(lambda: F.scaled_dot_product_attention(*inputs, is_causal=True), inputs, dout)


def rows(name, dtype, form, n, d):
    x, dy = torch.randn(n, d, dtype=dtype, requires_grad=True), torch.randn(n, d, dtype=dtype)
    inputs = [x]
    if name == "layernorm":
        inputs += [torch.randn(d, dtype=dtype, requires_grad=True) for _ in range(2)]

        def forward():
            return F.layer_norm(x, (d,), inputs[1], inputs[2])
    else:
        def forward():
            return F.gelu(x, approximate="tanh")
    if form == "backward":
        return gradients(forward, inputs, dy)

    def run():
        with torch.no_grad():
            forward()
    return run


def cross_entropy(dtype, n, d, v):
    hidden = torch.randn(n, d, dtype=dtype, requires_grad=True)
    weight = (torch.randn(v, d) * 0.02).to(dtype).requires_grad_()
    targets = torch.arange(n) * 7919 % v

    def run():
        loss = F.cross_entropy(F.linear(hidden, weight).float(), targets)
        torch.autograd.grad(loss, (hidden, weight))
    return run


def adamw(count):
    parameter = torch.nn.Parameter(torch.randn(count) * 0.02)
    parameter.grad = torch.randn(count) * 1e-3
    return torch.optim.AdamW([parameter], lr=1e-4, fused=True).step


def make(words):
    name, dtype = words[0], DTYPES[words[1]]
    numbers = [int(word) for word in words[2:] if word.isdigit()]
    if name == "product":
        return product(dtype, words[2], *numbers)
    if name == "attention":
        return attention(dtype, words[2], *numbers)
    if name in ("layernorm", "gelu"):
        return rows(name, dtype, words[2], *numbers)
    if name == "crossentropy":
        return cross_entropy(dtype, *numbers)
    if name == "adamw":
        return adamw(*numbers)
    raise ValueError(f"no benchmark {name}")


serve(make)
