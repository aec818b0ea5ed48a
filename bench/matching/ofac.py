"""Reads the sanctions list of OFAC as published (sdn.csv, alt.csv, add.csv)."""

import csv
import os
import re

from corpus import tokens
from tables import COUNTRIES

_MONTHS = {month: f"{number:02}" for number, month in
           enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
_KINDS = {"individual": "person", "vessel": "vessel", "aircraft": "aircraft", "-0-": "entity"}
_DATE = re.compile(r"(?:(?:(\d{1,2}) )?([A-Z][a-z]{2}) )?(\d{4})")
_SPAN_LIMIT = 15  # years; a wider span says next to nothing


def _rows(path):
    with open(path, encoding="latin-1", newline="") as handle:
        for row in csv.reader(handle):
            if len(row) > 3:  # the files end with a lone control character
                yield [field.strip() for field in row]


def _one_date(match):
    day, month, year = match.groups()
    if not month or month not in _MONTHS:
        return year
    return f"{year}-{_MONTHS[month]}" + (f"-{int(day):02}" if day else "")


def birth_dates(remarks):
    """All dates of birth of the remarks, as far as each is known: a span of time gives its years."""
    found = []
    for text in re.findall(r"(?:^|; |\()(?:alt\. )?DOB ([^;.]*)", remarks):
        dates = [_one_date(match) for match in _DATE.finditer(text)]
        if not dates:
            continue
        if " to " in text or re.search(r"\d{4}\s?-\s?\d{4}", text):
            first, last = int(dates[0][:4]), int(dates[-1][:4])
            dates = [str(year) for year in range(first, last + 1)] if 0 <= last - first <= _SPAN_LIMIT else []
        elif "circa" in text:
            dates = [dates[0][:4]]
        found += [date for date in dates if date not in found]
    return found


def countries(remarks):
    """Nationalities and citizenships first, then the country that ends each place of birth."""
    found = []
    for text in re.findall(r"(?:nationality|citizen) (?:possibly )?([^;.(]*)", remarks):
        found.append(COUNTRIES.get(text.strip().casefold()))
    for text in re.findall(r"(?:^|; )(?:alt\. )?POB ([^;.]*)", remarks):
        parts = [part.strip().casefold() for part in re.split(r"[,()]", text) if part.strip()]
        ends = [", ".join(parts[-2:]), *parts[-1:], *([parts[-1].split(" ")[-1]] if parts else [])]
        found.append(next((COUNTRIES[end] for end in ends if end in COUNTRIES), None))
    return [code for number, code in enumerate(found) if code and code not in found[:number]]


def _clean(name):
    """Some names carry a remark in brackets ("(Venezuela)", "(individual)") or doubled blanks."""
    return re.sub(r"\s+", " ", re.sub(r"\s*\([^)]*\)", "", name)).strip()


def read(folder):
    """All records with their aliases; the first name of each is its primary one."""
    records = {}
    for row in _rows(os.path.join(folder, "sdn.csv")):
        kind = _KINDS.get(row[2])
        if not kind:
            continue
        remarks = "" if row[11] == "-0-" else row[11]
        record = {"id": f"ofac-{row[0]}", "kind": kind, "names": [{"full": _clean(row[1]), "weak": False}],
                  "birth_dates": birth_dates(remarks) if kind == "person" else [], "countries": countries(remarks)}
        for alias in re.findall(r"[afn]\.k\.a\. '(.*?)'(?:;|\.|$)", remarks):
            record["names"].append({"full": _clean(alias), "weak": True})
        records[row[0]] = record
    for row in _rows(os.path.join(folder, "alt.csv")):
        if row[0] in records:
            # A lone apostrophe at the start is a letter ('ABD), a pair of quotation marks says "weak".
            quoted = len(row[3]) > 2 and row[3][0] == row[3][-1] and row[3][0] in "'\""
            name = row[3][1:-1] if quoted else row[3]
            weak = quoted or "weak" in row[-1].casefold()
            records[row[0]]["names"].append({"full": _clean(name), "weak": weak})
    for row in _rows(os.path.join(folder, "add.csv")):
        record = records.get(row[0])
        code = COUNTRIES.get(row[4].casefold()) if len(row) > 4 else None
        # An address says where a company is, but little about where a person comes from.
        if record and record["kind"] == "entity" and code and code not in record["countries"]:
            record["countries"].append(code)
    return list(records.values())


def strip_aliases(record):
    """The record with its primary name only."""
    return {**record, "names": record["names"][:1]}


def full_date(record):
    """The first birth date that is known to the day, or None."""
    return next((date for date in record["birth_dates"] if len(date) == 10), None)


def edits(left, right, limit):
    """Damerau-Levenshtein distance (neighbouring letters may be swapped), or limit + 1 if it is larger."""
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before, previous = None, list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        current = [i]
        for j, b in enumerate(right, 1):
            cost = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (a != b))
            if before and i > 1 and j > 1 and a == right[j - 2] and b == left[i - 2]:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        before, previous = previous, current
        if min(current) > limit:
            return limit + 1
    return min(previous[-1], limit + 1)


def shares_token(alias, primary):
    """Whether a token of three letters or more stands in both names within two edits.

    Taken literally: two edits also for tokens of three letters, and also for words like "company". So some aliases
    pass that no comparison of letters can find; see `shares_word`.
    """
    return any(min(len(a), len(b)) >= 3 and edits(a, b, 2) <= 2 for a in tokens(alias) for b in tokens(primary))


def shares_word(alias, primary):
    """Whether a token of four letters or more stands in both names: within one edit, from six letters on within two."""
    def close(a, b):
        letters = min(len(a), len(b))
        return letters >= 4 and edits(a, b, 2) <= (1 if letters < 6 else 2)
    return any(close(a, b) for a in tokens(alias) for b in tokens(primary))


def real_queries(records):
    """Aliases asked against the primary names, where alias and primary name have something in common: of kind real-chance
    where it is no more than a short word that two different names share by chance (`AL-LAMI, Hamid`, `AL-MUSAWI, Ali`)."""
    for record in records:
        if record["kind"] not in ("person", "entity"):
            continue
        primary = record["names"][0]["full"]
        seen = {tuple(sorted(tokens(primary)))}
        for name in record["names"][1:]:
            key = tuple(sorted(tokens(name["full"])))
            if key in seen or not shares_token(name["full"], primary):
                continue
            seen.add(key)
            kind = "real-entity" if record["kind"] == "entity" else "real-weak" if name["weak"] else "real-alias"
            yield record, kind if shares_word(name["full"], primary) else "real-chance", name["full"]
