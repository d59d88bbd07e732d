"""How SQuAD's and CMRC 2018's scripts compare answers: exact match on `normalize` and `bare`, F1 on pieces."""
import collections
import re
import string

from nltk.tokenize import NLTKWordTokenizer


def normalize(answer):
    answer = "".join(c for c in answer.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", answer, flags=re.UNICODE).split())


def squad_f1(answer, prediction, version):
    gold, found = normalize(answer).split(), normalize(prediction).split()
    same = sum((collections.Counter(gold) & collections.Counter(found)).values())
    if version == 2 and (not gold or not found):
        return float(gold == found)
    if same == 0:
        return 0.0
    precision, recall = same / len(found), same / len(gold)
    return 2 * precision * recall / (precision + recall)


# CMRC 2018's script has "……", two characters, in its list of marks, which no character is equal to: … stays.
LEFT_OUT = set("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")


def segments(value):
    pieces, run = [], ""
    words = NLTKWordTokenizer()
    for char in value.lower().strip():
        if char in LEFT_OUT:
            continue
        if "\u4e00" <= char <= "\u9fa5":
            if run:
                pieces += words.tokenize(run)
                run = ""
            pieces.append(char)
        else:
            run += char
    return pieces + (words.tokenize(run) if run else [])


def longest_run(first, second):
    best = 0
    for i in range(len(first)):
        for j in range(len(second)):
            k = 0
            while i + k < len(first) and j + k < len(second) and first[i + k] == second[j + k]:
                k += 1
            best = max(best, k)
    return best


def bare(value):
    return "".join(c for c in value.lower().strip() if c not in LEFT_OUT)


def cmrc_f1(answer, prediction):
    gold, found = segments(answer), segments(prediction)
    same = longest_run(gold, found)
    if same == 0:
        return 0
    precision, recall = same / len(found), same / len(gold)
    return 2 * precision * recall / (precision + recall)
