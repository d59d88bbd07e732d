"""Golden values for Tests/GoldenTests/RecurrentGoldenTests.swift: recurrent networks with all their gradients.

Everything is computed in f64 from inputs that f32 holds exactly. A case is `<cell>.<name>`; its inputs are x, the
parameters by PyTorch's names and, where there are any, the initial states h0 and c0; lengths are constants. Results
are the outputs (padded with zeros), the final hidden states and, for the LSTM, the final cell states.

Run from the repository root: python Tools/golden/recurrent.py
Writes Fixtures/layers/recurrent.safetensors.
"""

import torch
from torch import nn
from torch.func import functional_call
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from golden import Cases, Numbers, write_tensors

SEED = 23
numbers = Numbers(SEED)
cases = Cases(numbers)
MODULES = {
    "lstm": nn.LSTM, "gru": nn.GRU,
    "tanh": lambda *sizes, **options: nn.RNN(*sizes, nonlinearity="tanh", **options),
    "relu": lambda *sizes, **options: nn.RNN(*sizes, nonlinearity="relu", **options),
}


def add(cell, name, batch, positions, input_width, width, layers=1, both=False, bias=True, lengths=None,
        initial=False):
    """One network."""
    module = MODULES[cell](
        input_width, width, num_layers=layers, bidirectional=both, bias=bias, batch_first=True).double()
    inputs = {"x": numbers.normal(batch, positions, input_width)}
    for key, value in module.named_parameters():
        inputs[key] = numbers.uniform(*value.shape, low=-0.6, high=0.6)
    states = layers * (2 if both else 1)
    if initial:
        inputs["h0"] = numbers.normal(states, batch, width, scale=0.5)
        if cell == "lstm":
            inputs["c0"] = numbers.normal(states, batch, width)

    def run(x, h0=None, c0=None, lengths=None, **parameters):
        state = None if h0 is None else h0 if c0 is None else (h0, c0)
        if lengths is not None:
            x = pack_padded_sequence(x, lengths.long(), batch_first=True, enforce_sorted=False)
        output, final = functional_call(module, parameters, (x, state))
        if lengths is not None:
            output, _ = pad_packed_sequence(output, batch_first=True, total_length=positions)
        return (output, *final) if cell == "lstm" else (output, final)

    constants = {} if lengths is None else {"lengths": torch.tensor(lengths, dtype=torch.int32)}
    cases.add(f"{cell}.{name}", inputs, run, constants)


for cell in MODULES:
    add(cell, "plain", 2, 4, 3, 5)
    add(cell, "unbiased", 3, 3, 4, 2, bias=False, initial=True)
    add(cell, "lengths", 4, 6, 5, 7, both=True, lengths=[3, 6, 1, 4])
    add(cell, "stacked", 3, 5, 4, 9, layers=2, both=True, lengths=[5, 2, 3], initial=True)
write_tensors(
    "layers/recurrent.safetensors", cases.tensors, "recurrent.py", SEED, torch=torch.__version__.split("+")[0])
