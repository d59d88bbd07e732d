"""The answer to one sentence by a classifier in PyTorch: latency f32 <textcnn|bilstm|encoder> <T> <V> <sizes …>.

The sizes are those of the training benchmarks: filters' input width and count; input width, width and layers; width,
heads, layers and inner width.
"""
import torch

import encoder
import recurrent
import textcnn
from worker import serve


def make(words):
    if words[1] != "f32":
        raise ValueError(f"no {words[1]} here")
    positions, vocabulary, *sizes = map(int, words[3:])
    torch.manual_seed(0)
    if words[2] == "encoder":
        model = encoder.Classifier(positions, vocabulary, *sizes)
    elif words[2] == "bilstm":
        model = recurrent.Classifier("max", vocabulary, *sizes)
    else:
        model = textcnn.Classifier(vocabulary, *sizes)
    model.eval()
    ids = torch.randint(0, vocabulary, (1, positions))

    def answer():
        with torch.inference_mode():
            model(ids).softmax(1).tolist()
    return answer


if __name__ == "__main__":
    serve(make)
