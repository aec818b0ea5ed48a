"""The peer gtas: the rule by which GTAS, the open watchlist code of US Customs and Border Protection, matches names.

From its published source (class MatchingContext, mode gtasDefault), under "full":
- names and date of birth the same: a hit of score 1.0;
- the primary Double Metaphone codes of all words the same, Jaro-Winkler of the full names 0.95 or more, and the years of birth
  three apart at most: a hit of score 0.9;
- Jaro-Winkler at or above a threshold that can be set (0.95 at first) and the date of birth the same: a hit of score 0.8.
  No date, no hit.

Ours, because the table needs scores and not hits alone:
- the threshold is left open: with the date the same the score is 0.8 times Jaro-Winkler, however low;
- a phonetic hit gets a hundredth of its Jaro-Winkler more, to order hits of this sort among themselves;
- where a list knows but the year of birth the phonetic rule takes it (GTAS wants full dates);
- "name" is the same without the dates (0.8 times Jaro-Winkler if nothing else fits). GTAS does not decide by name alone;
- letters are transliterated by any_ascii, as GTAS reads Latin letters only. Codes are cut to four letters, as the library of
  GTAS does. First and last names are told apart by the comma, else the last word is the last name; companies have only one.
"""

from anyascii import anyascii
from metaphone import doublemetaphone
from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

import common

LEAST = 0.95
YEARS = 3
CODE_LENGTH = 4


class Name:
    """A name as GTAS prepares it: capitals, full name, codes."""

    def __init__(self, text, person):
        text = anyascii(text).upper()
        parts = common.given_and_family(text) if person else ("", text)
        self.full = " ".join(part for part in parts if part)
        self.codes = tuple(tuple(doublemetaphone(word)[0][:CODE_LENGTH] for word in part.split()) for part in parts)


class Listed:
    """The list, prepared; the names of one record stand beside each other."""

    def __init__(self, records):
        names, self.owners = common.names_of(records)
        self.records = records
        self.names = [Name(name, records[owner]["kind"] == "person") for name, owner in zip(names, self.owners)]
        self.full_names = [name.full for name in self.names]
        self.years = [{int(date[:4]) for date in record["birth_dates"]} for record in records]

    def scores(self, query, person):
        """(by name alone, with the date of birth), each record id -> score."""
        asked, date = Name(query["name"], person), query["birth_date"]
        year = int(date[:4]) if date else None
        by_name, full = {}, {}
        alike = process.cdist([asked.full], self.full_names, scorer=JaroWinkler.similarity)[0].tolist()
        for name, owner, score in zip(self.names, self.owners, alike):
            if score <= 0:
                continue
            record = self.records[owner]
            ident = record["id"]
            same_date = bool(date) and len(date) == 10 and date in record["birth_dates"]
            phonetic = score >= LEAST and name.codes == asked.codes
            without = 1.0 if name.full == asked.full else 0.9 + score / 100 if phonetic else 0.8 * score
            near = year is not None and any(abs(year - other) <= YEARS for other in self.years[owner])
            if same_date:
                within = without
            else:
                within = 0.9 + score / 100 if phonetic and near else 0
            by_name[ident] = max(without, by_name.get(ident, 0))
            full[ident] = max(within, full.get(ident, 0))
        return by_name, full


def main():
    """Each query against all names of the list."""
    args = common.parse_arguments(__doc__)
    records, queries = common.load(args)
    listed, kinds = Listed(records), {record["id"]: record["kind"] for record in records}

    def ask(query):
        """By name alone and in full."""
        by_name, full = listed.scores(query, common.is_person(query, kinds))
        return common.answer(query, by_name, {ident: score for ident, score in full.items() if score}, len(records))

    common.run(args, queries, "gtas", ask)


if __name__ == "__main__":
    main()
