"""The peers logic-v2 and logic-v1: the matchers of nomenklatura (by OpenSanctions), on entities of followthemoney.

A pair costs most of a millisecond, so only the hundred records most like the query are scored, by trigrams of
transliterations (trigram.py), and the true record with them even where the trigrams miss it: this can only flatter these
peers, at the ranks and at the thresholds. The last line on stderr says how many true records the trigrams missed. The peer's
own product looks its candidates up in another way.

logic-v2 carries the classes of equal names of the package rigour, of which the set script is made: there it is asked what it
knows by heart.

Whoever asks is taken to know whether a person or an organisation is meant. Names that lists write as "KOVAC, Ivan" are given
as "Ivan KOVAC" with first and last name told apart, as the peer's own copies of such lists have them.
"""

import sys

from followthemoney import EntityProxy, model
from nomenklatura.matching import LogicV1, LogicV2

import common
import trigram

CANDIDATES = 100
_SCHEMATA = {"person": "Person", "entity": "Organization", "vessel": "Vessel", "aircraft": "Airplane"}


def _entity(ident, kind, names, dates, countries):
    entity = EntityProxy(model.get(_SCHEMATA[kind]), {"id": ident, "schema": _SCHEMATA[kind]})
    for number, name in enumerate(names):
        text = name["full"]
        if kind == "person" and ", " in text:
            given, family = common.given_and_family(text)
            entity.add("firstName", given)
            entity.add("lastName", family)
            text = f"{given} {family}"
        entity.add("weakAlias" if name["weak"] else "alias" if number else "name", text)
    if kind == "person":
        entity.add("birthDate", dates)
    entity.add("country", countries)
    return entity


def listed(record):
    """A record of the list."""
    return _entity(record["id"], record["kind"], record["names"], record["birth_dates"], record["countries"])


def asked(query, person, full):
    """A query, with date and country if full."""
    dates, countries = ([query["birth_date"]], [query["country"]]) if full else ([], [])
    ident = f"{query['id']}-{'full' if full else 'name'}"  # the peer keeps names by id
    names = [{"full": query["name"], "weak": False}]
    return _entity(ident, "person" if person else "entity", names, [d for d in dates if d], [c for c in countries if c])


class Candidates:
    """The records that are worth a comparison, as entities made when first needed."""

    def __init__(self, records):
        self.records, self.index, self.entities = records, trigram.Index(records), {}
        self.number = {record["id"]: number for number, record in enumerate(records)}
        self.found, self.missed = {}, set()

    def of(self, query):
        """The entities to compare a query with."""
        if query["id"] not in self.found:
            scores = self.index.scores(query["name"])
            best = sorted(scores, key=lambda number: (-scores[number], number))[:CANDIDATES]
            truth = self.number.get(query["truth"])
            if truth is not None and truth not in best:
                self.missed.add(query["id"])
                best.append(truth)
            self.found[query["id"]] = best
        return [self._entity(number) for number in self.found[query["id"]]]

    def _entity(self, number):
        if number not in self.entities:
            self.entities[number] = listed(self.records[number])
        return self.entities[number]


def main():
    """Each query against its candidates, by both matchers."""
    args = common.parse_arguments(__doc__)
    records, queries = common.load(args)
    candidates, kinds = Candidates(records), {record["id"]: record["kind"] for record in records}
    for matcher in (LogicV2, LogicV1):
        config = matcher.default_config()

        def ask(query):
            """By name alone and in full."""
            person = common.is_person(query, kinds)
            found = []
            for full in (False, True):
                entity = asked(query, person, full)
                found.append({other.id: matcher.compare(entity, other, config).score for other in candidates.of(query)})
            return common.answer(query, *found, len(records))

        common.run(args, queries, matcher.NAME, ask)
    print(f"logic: trigrams missed {len(candidates.missed)} true records", file=sys.stderr)


if __name__ == "__main__":
    main()
