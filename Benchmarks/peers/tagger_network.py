"""The network of Sources/Models/Tagging in PyTorch, with the defaults of its recipe; see taggers.py.

Sources: Huang, Xu, Yu, 2015; Ma, Hovy, 2016. Padding changes no result.
"""
import torch
from torch import nn

from classifier_networks import Bidirectional, head, mask


class Field(nn.Module):
    """A linear-chain conditional random field over emissions [B, T, L]."""

    def __init__(self, labels):
        super().__init__()
        self.start, self.end = nn.Parameter(torch.empty(labels)), nn.Parameter(torch.empty(labels))
        self.transitions = nn.Parameter(torch.empty(labels, labels))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.1, 0.1)

    def loss(self, emissions, lengths, targets):
        """The sum over sentences of −log p(targets)."""
        real = mask(lengths, emissions.size(1))
        rows = torch.arange(emissions.size(0))
        own = emissions.gather(2, targets[:, :, None])[:, :, 0]
        steps = self.transitions[targets[:, :-1], targets[:, 1:]]
        score = (own * real).sum() + (steps * real[:, 1:]).sum()
        score = score + self.start[targets[:, 0]].sum() + self.end[targets[rows, lengths - 1]].sum()
        alpha = self.start + emissions[:, 0]
        for place in range(1, emissions.size(1)):
            following = torch.logsumexp(alpha[:, :, None] + self.transitions, 1) + emissions[:, place]
            alpha = torch.where(real[:, place, None], following, alpha)
        return torch.logsumexp(alpha + self.end, 1).sum() - score

    def decode(self, emissions, lengths):
        best, back = self.start + emissions[:, 0], []
        real = mask(lengths, emissions.size(1))
        for place in range(1, emissions.size(1)):
            values, origins = (best[:, :, None] + self.transitions).max(1)
            best = torch.where(real[:, place, None], values + emissions[:, place], best)
            back.append(origins)
        last = (best + self.end).argmax(1).tolist()
        answers = []
        for row, length in enumerate(lengths.tolist()):
            labels = [last[row]]
            for place in range(length - 2, -1, -1):
                labels.append(int(back[place][row, labels[-1]]))
            answers.append(labels[::-1])
        return answers


class Independent(nn.Module):
    """Every tag by itself; as Field otherwise."""

    def loss(self, emissions, lengths, targets):
        real = mask(lengths, emissions.size(1))
        return nn.functional.cross_entropy(emissions[real], targets[real], reduction="sum")

    def decode(self, emissions, lengths):
        best = emissions.argmax(2).tolist()
        return [labels[:length] for labels, length in zip(best, lengths.tolist(), strict=True)]


class Tagger(nn.Module):
    """For the roles of a predicate its word is marked, and its state adds to the scores of every word."""

    def __init__(self, words, characters, labels, field=True, marks=0):
        super().__init__()
        self.table = nn.Embedding(words, 100)
        nn.init.uniform_(self.table.weight, -0.25, 0.25)
        self.letters = None
        if characters:
            self.letters, self.filters = nn.Embedding(characters, 30), nn.Conv1d(30, 50, 3, padding=1)
            nn.init.uniform_(self.letters.weight, -(3 / 30) ** 0.5, (3 / 30) ** 0.5)
        self.marks, self.predicate = None, None
        if marks:
            self.marks, self.predicate = nn.Embedding(2, marks), nn.Linear(256, labels, bias=False)
            nn.init.uniform_(self.marks.weight, -0.25, 0.25)
            nn.init.uniform_(self.predicate.weight, -256 ** -0.5, 256 ** -0.5)
        width = (150 if characters else 100) + marks
        self.layers = Bidirectional(nn.LSTM, width, 128)
        self.classifier = head(256, labels)
        self.field = Field(labels) if field else Independent()
        self.dropout = nn.Dropout(0.5)

    def emissions(self, ids, lengths, spellings, counts, places, predicates):
        x = self.table(ids)
        if self.training:
            x = x * (torch.rand(ids.shape) >= 0.05)[:, :, None]
        if self.letters is not None:
            real = mask(counts, spellings.size(1))[:, :, None]
            found = self.filters((self.letters(spellings) * real).transpose(1, 2))
            spelled = found.masked_fill(~real.transpose(1, 2), float("-inf")).amax(2)
            x = torch.cat([x, spelled[places]], 2)
        if self.marks is not None:
            marked = nn.functional.one_hot(predicates, ids.size(1))
            x = torch.cat([x, self.marks(marked)], 2)
        states = self.dropout(self.layers(self.dropout(x), lengths))
        scores = self.classifier(states)
        if self.predicate is not None:
            own = states[torch.arange(ids.size(0)), predicates]
            scores = scores + self.predicate(own)[:, None]
        return scores

    def loss(self, ids, lengths, spellings, counts, places, predicates, targets):
        return self.field.loss(self.emissions(ids, lengths, spellings, counts, places, predicates), lengths, targets)

    def decode(self, ids, lengths, spellings, counts, places, predicates):
        return self.field.decode(self.emissions(ids, lengths, spellings, counts, places, predicates), lengths)
