"""Writes what the learned tables are made from: corpus.tsv (name, nationality), classes.tsv (forms), nicknames.tsv (name, short
forms).

    python3 bench/matching/train/export.py --corpus name2nats.pkl --names person_names.txt.gz --nicknames names.csv OUT

The rare classes (Wikidata, CC0) of the part *report* are left out, as `equal_names.py` tells them: figures of that part are of
names that the tables have not seen.
"""

import argparse
import collections
import csv
import gzip
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import corpus  # noqa: E402
from equal_names import Classes  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--names", required=True)
    parser.add_argument("--nicknames", required=True)
    parser.add_argument("out", type=pathlib.Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    people = corpus.load(args.corpus)
    with open(args.out / "corpus.tsv", "w", encoding="utf-8") as out:
        out.writelines(f"{name}\t{nationality}\n" for name, nationality in people)
    held_out = set(Classes(args.names, corpus.token_counts(people)).held_out())
    with gzip.open(args.names, "rt", encoding="utf-8") as lines, open(args.out / "classes.tsv", "w", encoding="utf-8") as out:
        for line in lines:
            forms, _, ident = line.rstrip("\n").rpartition(" => ")
            if forms and ident not in held_out:
                out.write("\t".join(forms.split(", ")) + "\n")
    short = collections.defaultdict(list)
    with open(args.nicknames, encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            short[row["name1"]].append(row["name2"])
    with open(args.out / "nicknames.tsv", "w", encoding="utf-8") as out:
        out.writelines("\t".join([name, *forms]) + "\n" for name, forms in sorted(short.items()))


if __name__ == "__main__":
    main()
