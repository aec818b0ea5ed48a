"""Fits what parts of a name say (the constants of search/src/score.rs) on rows of `portcullis-matching --features`.

Coordinate search: each constant in turn is moved as long as the true records stand out better, by name and with date, at
false-positive rates of 0.1 to 1 %, and stand among the first ten. Only the part "tune" is for this.
"""

import argparse
import collections
import json
import math
import random
import sys

import numpy as np

COLUMNS = "total words asked_left held_left turns initials whole weak company date letters country bits asked_firm held_firm family cost".split()
# What score.rs has: raise or lower it there when a fit finds better.
START = {"words": 0.58, "one": -0.05, "asked_1": -1.8, "asked_2": -1.2, "asked_3": -0.1, "held_1": -0.6, "held_2": -1.95,
         "held_3": -3.1, "asked_firm": 0.0, "held_firm": 0.0,
         "family_1": -1.0, "family_2": -2.0, "family_3": 0.0, "cost": -0.12, "turn": -2.85, "initial": 1.6, "whole": 1.0,
         "min": 8.05, "min_letters": 0.55, "min_cost": -1.85, "min_turn": -0.6, "weak": -1.0, "company": -1.5, "date_beyond": 12.0}
SCRIPTS = {"Arab": 0.5, "Cyrl": 0.5, "Hani": 0.5, "Hang": 0.2, "Hebr": 0.2, "Deva": 0.2, "Kana": 0.2, "Grek": 0.2}
RATES = (0.001, 0.0015, 0.002, 0.003, 0.005, 0.01)


class Rows:
    """The rows of one set, sorted by question."""

    def __init__(self, path, keep, asked):
        """asked: question -> kind, of all that were asked."""
        ids, kinds, truths, persons, numbers = [], [], [], [], []
        with open(path, encoding="utf-8") as handle:
            for line in handle:
                fields = line.rstrip("\n").split("\t")
                if fields[0] not in asked:
                    continue
                ids.append(fields[0])
                kinds.append(fields[1])
                truths.append(int(fields[2]))
                persons.append(int(fields[3]))
                numbers.append([int(field) for field in fields[4:]])
        self.truth, self.numbers = np.array(truths), np.array(numbers, dtype=np.float32)
        ids = np.array(ids)
        best = self.numbers[:, COLUMNS.index("bits")] + np.maximum(0, self.numbers[:, COLUMNS.index("date")])
        order = np.lexsort((-best, ids))
        new = np.concatenate([[True], ids[order][1:] != ids[order][:-1]])
        first = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))
        order = order[(np.arange(len(order)) - first < keep) | (self.truth[order] == 2)]
        self.truth, self.numbers = self.truth[order], self.numbers[order]
        self.kinds = np.array(kinds)[order]
        ids = ids[order]
        self.starts = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
        self.innocent = self.truth[self.starts] == 0
        self.question = np.repeat(np.arange(len(self.starts)), np.diff(np.append(self.starts, len(ids))))
        for at, name in enumerate(COLUMNS):
            setattr(self, name, self.numbers[:, at])
        self.total, self.date = self.total / 100, self.date / 100
        self.country = np.where(self.country > 0, self.country * 0.75, self.country)
        self.is_true = self.truth == 2
        self.kind_of = collections.defaultdict(list)
        for at in np.flatnonzero(self.is_true):
            self.kind_of[self.kinds[at]].append(at)
        self.kind_of = {kind: np.array(rows) for kind, rows in self.kind_of.items()}
        # Also those for whom nothing was found.
        self.number_of = collections.Counter(asked.values())
        self.innocents = sum(number for kind, number in self.number_of.items() if kind.startswith("innocent"))


def bits(rows, p):
    """What each row says by name, and with date and country."""
    words = [rows.words <= 1, rows.words == 2, rows.words >= 3]
    pick = lambda name: sum(p[f"{name}_{n + 1}"] * case for n, case in enumerate(words))
    asked, held = rows.asked_left - rows.asked_firm, rows.held_left - rows.held_firm
    name = p["words"] * rows.total + p["one"] * words[0] + pick("asked") * np.minimum(asked, 6)
    name += pick("held") * np.minimum(held, 6) + p["turn"] * np.minimum(rows.turns, 2)
    name += p["asked_firm"] * np.minimum(rows.asked_firm, 6) + p["held_firm"] * np.minimum(rows.held_firm, 6)
    name += pick("family") * rows.family + p["cost"] * rows.cost / 100
    name += p["initial"] * rows.initials + p["company"] * ((rows.company > 0) & (rows.asked_left > 0))
    whole = rows.whole >= 0
    name = np.where(whole, name + p["whole"], name)
    least = p["min"] + p["min_letters"] * np.clip(rows.letters - 4, 0, 9) * ~words[0] + p["min_cost"] * np.maximum(0, rows.whole - 100 * rows.words) / 250
    least += p["min_turn"] * np.minimum(rows.turns, 2)
    alone = np.where(whole, np.maximum(name, least), name) + p["weak"] * rows.weak
    name += p["weak"] * rows.weak
    name, alone = np.where(rows.words == 0, -99, name), np.where(rows.words == 0, -99, alone)
    # What a whole name says at least it says only where no date speaks against it.
    dated = np.where(rows.date < 0, name, alone)
    gain = np.minimum(rows.date, np.maximum(0, dated + p["date_beyond"]))
    return alone, dated + np.where(rows.date > 0, gain, rows.date) + rows.country


def found(rows, said):
    """For each kind: recall at each rate and in the first ten."""
    best = np.maximum.reduceat(said, rows.starts)[rows.innocent]
    best = np.sort(best)[::-1]
    best = np.append(best, np.zeros(rows.innocents - len(best)))
    thresholds = [best[math.ceil(rows.innocents * rate) - 1] for rate in RATES]
    own = np.full(len(rows.starts), 1e9)
    own[rows.question[rows.is_true]] = said[rows.is_true]
    beaten = np.add.reduceat(((said >= own[rows.question]) & ~rows.is_true).astype(int), rows.starts)
    result = {}
    for kind, true in rows.kind_of.items():
        number = rows.number_of[kind]
        recall = [np.sum(said[true] > max(0, threshold)) / number for threshold in thresholds]
        result[kind] = recall + [np.sum((beaten[rows.question[true]] < 10) & (said[true] > 0)) / number]
    return result


def worth(sets, p):
    """What is to be made high, and the recalls."""
    sums, recalls = 0.0, {}
    for name, rows, weights in sets:
        for form, said in zip(("name", "dated"), bits(rows, p)):
            for kind, values in found(rows, said).items():
                recalls[name, kind, form] = values
                weight = weights.get(kind, weights.get("*", 0)) / len(rows.kind_of)
                sums += weight * (np.mean(values[:6]) + 0.5 * values[6])
    return sums - sum(0.0005 * (p[key] - START[key]) ** 2 for key in p), recalls


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", required=True, help="rows of the set real, part tune")
    parser.add_argument("--made", required=True, help="rows of the set made, part tune")
    parser.add_argument("--script", required=True, help="rows of the set script, part tune")
    parser.add_argument("--queries", required=True, help="queries.jsonl, which tells the script of a question")
    parser.add_argument("--keep", type=int, default=40, help="rows kept of a question (default 40)")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--fixed", default="", help="constants that stay, with commas between")
    arguments = parser.parse_args()
    asked = collections.defaultdict(dict)
    with open(arguments.queries, encoding="utf-8") as lines:
        for query in map(json.loads, lines):
            if query["part"] == "tune" and query["kind"] != "namesake":
                asked[query["script"] if query["set"] == "script" else query["set"]][query["id"]] = query["kind"]
    sets = [("real", Rows(arguments.real, arguments.keep, asked["real"]), {"real-alias": 10, "real-entity": 5}),
            ("made", Rows(arguments.made, arguments.keep, asked["made"]), {"*": 5})]
    sets += [(script, Rows(arguments.script, arguments.keep, asked[script]), {"*": weight}) for script, weight in SCRIPTS.items()]
    rng = random.Random(1)
    p = dict(START)
    best, recalls = worth(sets, p)
    show(recalls)
    print(f"from {best:.4f}")
    step = {key: 0.08 if key in ("words", "cost") else 0.2 if key in ("min_letters", "min_cost") else 0.6 for key in p}
    for number in range(arguments.rounds):
        moved = False
        keys = [key for key in p if key not in arguments.fixed.split(",")]
        rng.shuffle(keys)
        for key in keys:
            for change in (step[key], -step[key]):
                other = dict(p, **{key: p[key] + change})
                if key.startswith(("asked", "held", "turn", "one", "weak", "company", "family", "cost")) and other[key] > 0:
                    continue
                # The bound of score.rs needs it.
                if not other["asked_1"] <= other["asked_2"] <= other["asked_3"]:
                    continue
                value, those = worth(sets, other)
                if value > best + 1e-5:
                    best, recalls, p, moved = value, those, other, True
                    break
        if not moved:
            step = {key: size / 2 for key, size in step.items()}
        print(f"round {number + 1}: {best:.4f}", file=sys.stderr)
    show(recalls)
    print(f"{best:.4f}", {key: round(value, 3) for key, value in p.items()})


def show(recalls):
    for (name, kind, form), values in sorted(recalls.items(), key=lambda row: (row[0][2], row[0][0], row[0][1])):
        print(f"{form:6}{name:6}{kind:18}" + "".join(f"{100 * value:7.1f}" for value in values))


if __name__ == "__main__":
    main()
