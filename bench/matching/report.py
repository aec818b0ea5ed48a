"""Compares the answers of name matchers: how many true records they find, and at what price in false positives.

Reads queries.jsonl and answers/*/<set>-<part>.jsonl under --data, each line of answers being one query:
{"id": ..., "name": [[record id, score], ... the ten best], "full": the same with date of birth and country (may be missing),
"truth": [rank, score of the true record by name, the same in full] (may be missing: then the ten best must do)}.

Columns, in per cent of the queries asked, first by name alone, then in full:
  top 1, top 10    the true record is among the first; records of the same score count as ranked before it
  0.1, 0.5, 1 %    the true record scores strictly above the threshold: the score that this share of innocents reaches or
                   exceeds with their best record, of those asked against the same list in the same script. The number of
                   innocents is rounded up, so fewer than this share of them score above the threshold; where there are
                   few, it is the score of their highest, and what is counted is above every innocent.
Innocents are those of a kind innocent-*. Namesakes of listed people are neither; they are counted apart.
"""

import argparse
import json
import math
import os
import sys

SHARES = {"0.1%": 0.001, "0.5%": 0.005, "1%": 0.01}
MODES = ("name", "full")
COLUMNS = ("top1", "top10", *SHARES)
GROUPINGS = ("kind", "script", "origin")


def threshold(scores, share):
    """The score that the share of all scores reaches or exceeds; None without scores."""
    if not scores:
        return None
    number = math.ceil(len(scores) * share - 1e-9)
    return sorted(scores, reverse=True)[number - 1]


def top_score(row, mode):
    """The best score of an answer, 0 if nothing was found."""
    return max((score for _, score in row[mode]), default=0)


def truth_of(row, mode, truth):
    """(rank, score) of the true record; not found: (infinity, 0)."""
    if "truth" in row:
        rank, score = row["truth"][:2] if mode == "name" else row["truth"][2:]
    else:
        score = dict(row[mode]).get(truth, 0)
        rank = sum(other >= score for _, other in row[mode])
    return (rank, score) if score else (math.inf, 0)


class Matcher:
    """The answers of one matcher to one set."""

    def __init__(self, queries, rows):
        self.modes = [mode for mode in MODES if all(mode in row for row in rows)]
        self.asked, self.innocents, self.namesakes = [], [], []
        for row in rows:
            query = queries[row["id"]]
            place = self.asked if query["truth"] else self.namesakes if query["kind"] == "namesake" else self.innocents
            place.append((query, row))
        self.thresholds = {mode: self._thresholds(mode) for mode in self.modes}

    def _thresholds(self, mode):
        """(script, share) -> threshold."""
        scores = {}
        for query, row in self.innocents:
            scores.setdefault(query["script"], []).append(top_score(row, mode))
        return {(script, name): threshold(found, share) for script, found in scores.items() for name, share in SHARES.items()}

    def _above(self, pairs, mode, name):
        """Share of (script, score) above their thresholds, in per cent; None where there are none."""
        limits = [(score, self.thresholds[mode].get((script, name))) for script, score in pairs]
        return per_cent(score > limit for score, limit in limits if limit is not None)

    def cell(self, column=None, value=None):
        """The figures of all queries, or of those with a value in a column."""
        asked = [(query, row) for query, row in self.asked if column is None or query[column] == value]
        figures = {"asked": len(asked)}
        for mode in MODES:
            figures[mode] = self._figures(asked, mode) if mode in self.modes else None
        return figures

    def _figures(self, asked, mode):
        found = [(query["script"], *truth_of(row, mode, query["truth"])) for query, row in asked]
        figures = {f"top{top}": per_cent(rank <= top for _, rank, _ in found) for top in (1, 10)}
        figures.update({name: self._above([(script, score) for script, _, score in found], mode, name) for name in SHARES})
        return figures

    def innocent_counts(self):
        """script -> number of innocents."""
        counts = {}
        for query, _ in self.innocents:
            counts[query["script"]] = counts.get(query["script"], 0) + 1
        return counts

    def namesake_figures(self):
        """How many namesakes were asked, and which share of them is above the thresholds."""
        figures = {"asked": len(self.namesakes)}
        for mode in self.modes:
            pairs = [(query["script"], top_score(row, mode)) for query, row in self.namesakes]
            figures[mode] = {name: self._above(pairs, mode, name) for name in SHARES}
        return figures


def per_cent(hits):
    """Per cent of the trues in hits, None if there are none at all."""
    hits = list(hits)
    return 100 * sum(hits) / len(hits) if hits else None


def read_rows(path):
    """The lines of a file, each decoded."""
    with open(path, encoding="utf-8") as handle:
        return [json.loads(line) for line in handle]


def read_answers(data, group, part, wanted):
    """matcher -> rows of its answers to a set; wanted: only these matchers, or None for all."""
    folder, found = os.path.join(data, "answers"), {}
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        path = os.path.join(folder, name, f"{group}-{part}.jsonl")
        if os.path.exists(path) and (not wanted or name in wanted):
            found[name] = read_rows(path)
    return found


def in_common(answers):
    """Only the answers to queries that all matchers were asked."""
    ids = set.intersection(*({row["id"] for row in rows} for rows in answers.values()))
    return {name: [row for row in rows if row["id"] in ids] for name, rows in answers.items()}


def report_of(queries, answers):
    """matcher -> its figures: over all, by each grouping, innocents and namesakes."""
    report = {}
    for name, rows in answers.items():
        if not all(row["id"] in queries for row in rows):
            sys.exit(f"report: {name} answered queries that are not of this data")
        matcher = Matcher(queries, rows)
        figures = {"innocents": matcher.innocent_counts(), "namesakes": matcher.namesake_figures(), "all": matcher.cell()}
        for column in GROUPINGS:
            values = sorted({query[column] for query, _ in matcher.asked})
            figures[column] = {value: matcher.cell(column, value) for value in values}
        report[name] = figures
    return report


def line(label, name, cell):
    """One line of a table."""
    out = f"{label:22}{name:14}{cell['asked']:7}"
    for mode in MODES:
        figures = cell[mode] or {}
        out += "  " + "".join(f"{'-':>7}" if figures.get(column) is None else f"{figures[column]:7.1f}" for column in COLUMNS)
    return out


def print_table(title, lines):
    """A table with its heading."""
    width = 7 * len(COLUMNS)
    print(f"\n{title}")
    print(f"{'':43}  {'by name alone':>{width}}  {'with date and country':>{width}}")
    print(f"{'':22}{'matcher':14}{'asked':>7}" + ("  " + "".join(f"{column:>7}" for column in COLUMNS)) * 2)
    print("\n".join(lines))


def print_report(group, part, report, brief):
    """All tables of a set."""
    print(f"\n== Set {group}, part {part}")
    asked = {}
    for name, figures in report.items():
        counts = figures["innocents"]
        by_script = ", ".join(f"{script} {number}" for script, number in sorted(counts.items()))
        small = [script for script, number in sorted(counts.items()) if number <= 1000]
        text = f"{sum(counts.values())} innocents ({by_script}); {figures['namesakes']['asked']} namesakes"
        text += f"; 0.1% is above every innocent: {', '.join(small)}" if small else ""
        asked.setdefault(text, []).append(name)
    for text, names in asked.items():
        print(f"{', '.join(names)}: {text}")
    print_table("All", [line("", name, figures["all"]) for name, figures in report.items()])
    for column in () if brief else GROUPINGS:
        values = sorted({value for figures in report.values() for value in figures[column]})
        print_table(f"By {column}", [line(value, name, figures[column][value]) for value in values
                                     for name, figures in report.items() if value in figures[column]])


def parse_arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="directory that prepare.py wrote, with answers/")
    parser.add_argument("--part", default="report", choices=["tune", "report"], help="default: report")
    parser.add_argument("--set", action="append", choices=["real", "made", "script"], help="only this set; may be repeated")
    parser.add_argument("--matcher", action="append", help="only this matcher; may be repeated")
    parser.add_argument("--common", action="store_true", help="only queries that all matchers of the set answered")
    parser.add_argument("--brief", action="store_true", help="only the totals of each set")
    parser.add_argument("--json", action="store_true", help="one document in place of the tables")
    return parser.parse_args()


def main():
    """Reads, counts and prints."""
    args = parse_arguments()
    queries = {query["id"]: query for query in read_rows(os.path.join(args.data, "queries.jsonl"))}
    reports = {}
    for group in args.set or ["real", "made", "script"]:
        answers = read_answers(args.data, group, args.part, args.matcher)
        if answers:
            reports[group] = report_of(queries, in_common(answers) if args.common else answers)
    if not reports:
        sys.exit("report: no answers to this part")
    if args.json:
        print(json.dumps({"part": args.part, "sets": reports}, indent=1, ensure_ascii=False))
        return
    for group, report in reports.items():
        print_report(group, args.part, report, args.brief)


if __name__ == "__main__":
    main()
