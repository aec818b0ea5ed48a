"""Tests of the arithmetic of the report, and of the ranks the peers write, with hand-made answers."""

import math
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers"))

import common
import report


def query(ident, truth, kind="exact", script="Latn"):
    """A query as prepare.py writes it, as far as the report reads it."""
    return ident, {"id": ident, "truth": truth, "kind": kind, "script": script, "origin": "other"}


class Threshold(unittest.TestCase):
    """Which score a share of innocents reaches."""

    def test_share_of_many(self):
        scores = [number / 1000 for number in range(1000)]
        self.assertEqual(report.threshold(scores, 0.001), 0.999)
        self.assertEqual(report.threshold(scores, 0.005), 0.995)
        self.assertEqual(report.threshold(scores, 0.01), 0.990)

    def test_number_is_rounded_up(self):
        self.assertEqual(report.threshold([0.9, 0.8, 0.7], 0.001), 0.9)
        self.assertEqual(report.threshold(list(range(400)), 0.005), 398)
        self.assertEqual(report.threshold(list(range(401)), 0.005), 398)

    def test_fewer_than_the_share_are_above(self):
        for count in range(1, 2500, 7):
            for share in report.SHARES.values():
                limit = report.threshold(list(range(count)), share)
                self.assertLess(sum(score > limit for score in range(count)), count * share)

    def test_ties_and_nothing(self):
        self.assertEqual(report.threshold([1.0] * 50 + [0.2] * 50, 0.01), 1.0)
        self.assertIsNone(report.threshold([], 0.01))


class Truth(unittest.TestCase):
    """Rank and score of the true record."""

    def test_as_given(self):
        row = {"truth": [3, 0.7, 1, 0.9]}
        self.assertEqual(report.truth_of(row, "name", "a"), (3, 0.7))
        self.assertEqual(report.truth_of(row, "full", "a"), (1, 0.9))

    def test_score_of_nothing_is_not_found(self):
        self.assertEqual(report.truth_of({"truth": [1, 0, None, None]}, "name", "a"), (math.inf, 0))
        self.assertEqual(report.truth_of({"truth": [1, 0.5, None, None]}, "full", "a"), (math.inf, 0))

    def test_from_the_ten_best_ties_count_against(self):
        row = {"name": [["b", 0.9], ["a", 0.8], ["c", 0.8]]}
        self.assertEqual(report.truth_of(row, "name", "b"), (1, 0.9))
        self.assertEqual(report.truth_of(row, "name", "a"), (3, 0.8))
        self.assertEqual(report.truth_of(row, "name", "d"), (math.inf, 0))


class Figures(unittest.TestCase):
    """A small set, counted by hand."""

    def setUp(self):
        self.queries = dict([
            query("q1", "a"), query("q2", "b", "split"), query("q3", "c", "split"), query("q4", "d", script="Cyrl"),
            query("i1", None, "innocent-faker"), query("i2", None, "innocent-corpus"),
            query("i3", None, "innocent-faker", "Cyrl"), query("n1", None, "namesake")])
        self.rows = [
            {"id": "q1", "name": [["a", 0.9]], "truth": [1, 0.9, None, None]},
            {"id": "q2", "name": [["x", 0.9], ["b", 0.6]], "truth": [2, 0.6, None, None]},  # as high as an innocent only
            {"id": "q3", "name": [["x", 0.9]], "truth": [11, 0.1, None, None]},
            {"id": "q4", "name": [["d", 0.3]], "truth": [1, 0.3, None, None]},  # enough in its own script
            {"id": "i1", "name": [["x", 0.6], ["y", 0.5]]},
            {"id": "i2", "name": []},
            {"id": "i3", "name": [["x", 0.2]]},
            {"id": "n1", "name": [["a", 1.0]]}]
        self.figures = report.report_of(self.queries, {"m": self.rows})["m"]

    def test_all(self):
        self.assertEqual(self.figures["all"], {"asked": 4, "full": None, "name": {
            "top1": 50, "top10": 75, "0.1%": 50, "0.5%": 50, "1%": 50}})

    def test_groups(self):
        self.assertEqual(self.figures["kind"]["split"]["name"]["top10"], 50)
        self.assertEqual(self.figures["kind"]["split"]["name"]["1%"], 0)
        self.assertEqual(self.figures["script"]["Cyrl"]["name"]["1%"], 100)

    def test_innocents_and_namesakes(self):
        self.assertEqual(self.figures["innocents"], {"Latn": 2, "Cyrl": 1})
        self.assertEqual(self.figures["namesakes"], {"asked": 1, "name": {"0.1%": 100, "0.5%": 100, "1%": 100}})

    def test_script_without_innocents_is_left_out(self):
        rows = [row for row in self.rows if row["id"] != "i3"]
        cell = report.report_of(self.queries, {"m": rows})["m"]["script"]["Cyrl"]
        self.assertIsNone(cell["name"]["1%"])
        self.assertEqual(cell["name"]["top1"], 100)

    def test_in_common(self):
        both = report.in_common({"m": self.rows, "n": self.rows[:2]})
        self.assertEqual([row["id"] for row in both["m"]], ["q1", "q2"])


class PeerRanks(unittest.TestCase):
    """What the peers write of the true record."""

    def test_ties_and_the_ten_best(self):
        scores = {f"r{number:02}": 0.5 for number in range(12)} | {"best": 0.8, "low": 0.1}
        best, rank, score = common.ranked(scores, "r00", 100)
        self.assertEqual((len(best), best[0], rank, score), (10, ["best", 0.8], 13, 0.5))
        self.assertEqual(common.ranked(scores, "low", 100)[1:], (14, 0.1))
        self.assertEqual(common.ranked(scores, "absent", 100)[1:], (100, 0))

    def test_thinning_keeps_the_shares(self):
        queries = [{"id": str(n), "kind": "a" if n % 4 else "b", "script": "Latn"} for n in range(400)]
        kept = common.thin(queries, 40)
        self.assertEqual((len(kept), sum(query["kind"] == "b" for query in kept)), (40, 10))
        self.assertEqual(kept, common.thin(queries, 40))


if __name__ == "__main__":
    unittest.main()
