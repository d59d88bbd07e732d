"""Writes labelled rows of public data sets as DATASET/train.tsv and DATASET/dev.tsv: text TAB label, no header, no quoting.

    python3 classification_data.py DATA OUT [DATASET[:N[:M]]...]

DATA is a folder with the published files, each set in a folder of its own as `SETS` names it. Sets without a development
part are divided by the number of the row: every seventh row, counted from 0, is to judge by (every tenth of the large
shopping set). Rows to judge by whose text stands in the training part, whatever its label, are left out everywhere.
With N the first of every N rows are kept to learn from, with M the first of every M to judge by; the folder's name then
ends in -N.
"""
import csv
import gzip
import pathlib
import re
import sys


def lines(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="\n") as file:
        return [line.rstrip("\r\n") for line in file]


def table(path, text, label, header):
    rows = [line.split("\t") for line in lines(path)[header:]]
    return [(row[text], row[label]) for row in rows if len(row) > max(text, label)]


def divided(rows, every):
    return ([row for number, row in enumerate(rows) if number % every],
            [row for number, row in enumerate(rows) if number % every == 0])


def sst2(folder):
    return table(folder / "train.tsv", 0, 1, False), table(folder / "dev.tsv", 0, 1, False)


def headed(folder):
    return table(folder / "train.tsv.gz", 1, 0, True), table(folder / "dev.tsv", 1, 0, True)


def titles(folder):
    names = [name for name in lines(folder / "class.txt") if name]
    return divided([(text, names[int(label)]) for text, label in table(folder / "dev.txt", 0, 1, False)], 7)


def agnews(folder):
    names = [name for name in lines(folder / "classes.txt") if name]
    rows = csv.reader(lines(folder / "agnews_first6600.csv.gz"))
    return divided([(f"{title}. {text}".replace("\\", " "), names[int(number) - 1]) for number, title, text in rows], 7)


def shopping(label):
    def read(folder):
        with gzip.open(folder / "online_shopping_7_cats.csv.gz", "rt", encoding="utf-8", newline="") as file:
            return divided([(row["review"], label(row)) for row in csv.DictReader(file)], 10)
    return read


def tweets(folder):
    names = dict(line.split("\t") for line in lines(folder / "mapping.txt") if line)
    return [[(text, names[label]) for text, label in zip(lines(folder / f"{part}_text.txt"),
                                                         lines(folder / f"{part}_labels.txt")) if text]
            for part in ("train", "val")]


def disciplines(folder):
    return table(folder / "train.tsv", 1, 2, False), table(folder / "dev.tsv", 1, 2, False)


def category_and_praise(row):
    """One label or two, parted by a comma."""
    return row["cat"] + (",positive" if row["label"] == "1" else "")


SETS = {
    "sst2": ("cls-sst2-en", sst2),
    "thucnews": ("cls-thucnews-titles-zh", titles),
    "chnsenticorp": ("cls-chnsenticorp-zh", headed),
    "agnews": ("cls-agnews-en", agnews),
    "shopping-category": ("cls-shopping-zh", shopping(lambda row: row["cat"])),
    "shopping-sentiment": ("cls-shopping-zh", shopping(lambda row: row["label"])),
    "shopping-labels": ("cls-shopping-zh", shopping(category_and_praise)),
    "weibo-emotion": ("cls-weibo-emotion-zh", headed),
    "tweet-emotion": ("cls-tweet-emotion-en", tweets),
    "csl-discipline": ("cls-csl-discipline-zh", disciplines),
}


def clean(rows):
    cleaned = ((re.sub(r"[\s\ufeff]+", " ", text).strip(), label) for text, label in rows)
    return [row for row in cleaned if row[0]]


def main(data, out, *names):
    for wanted in names or SETS:
        name, *shares = wanted.split(":")
        folder, read = SETS[name]
        training, validation = map(clean, read(pathlib.Path(data) / folder))
        known = {text for text, _ in training}
        kept = [row for row in validation if row[0] not in known]
        left_out = len(validation) - len(kept)
        learned, judged = (int(share) for share in [*shares, 1, 1][:2])
        training, kept = training[::learned], kept[::judged]
        target = pathlib.Path(out) / "-".join([name, *shares[:1]])
        target.mkdir(parents=True, exist_ok=True)
        for part, rows in (("train", training), ("dev", kept)):
            text = "".join(f"{text}\t{label}\n" for text, label in rows)
            (target / f"{part}.tsv").write_text(text, encoding="utf-8", newline="\n")
        print(f"{name}: {len(training)} to learn from, {len(kept)} to judge by, "
              f"{left_out} left out, {len({label for _, label in training})} labels")


if __name__ == "__main__":
    main(*sys.argv[1:])
