"""The set "script": people listed in Latin letters and asked for in their own script, and innocents in those scripts."""

import innocents
from equal_names import ORIGINS, Writer
from tables import NATIONALITIES, SCRIPT_LOCALES

PEOPLE = 1500  # listed people an origin, at most
DISTRACTORS = 20000
CORPUS_INNOCENTS = {"arabic": 700, "persian": 400, "urdu": 300, "russian": 700, "ukrainian": 500, "bulgarian": 400}
FAKER_INNOCENTS = {"Arab": 400, "Cyrl": 500}
_OTHER_INNOCENTS = 300, 700


def _writable(writer, names, number, rng, part_of, taken):
    """Up to number of (name, (written, words), part): people whose names can be written in the script."""
    found = []
    for name in names:
        if len(found) == number:
            break
        if name in taken:
            continue
        first = part_of(f"{writer.origin}:{name}")
        for part in (first, "report" if first == "tune" else "tune"):
            written = writer.write(name, part, rng)
            if written and written[0]:
                found.append((name, written, part))
                taken.add(name)
                break
    return found


def _record(number, name, country, rng):
    return {"id": f"latin-{number:06}", "kind": "person", "names": [{"full": name, "weak": False}],
            "birth_dates": [innocents.birth_date(rng, 2004)], "countries": [country]}


def build(groups, classes, rng, part_of, hard):
    """(records of the list, queries with truth, corpus innocents, part by record id)."""
    records, queries, strangers, taken, left = [], [], [], set(), []
    for origin, (script, nationalities) in ORIGINS.items():
        people = [(name, nationality) for nationality in nationalities for name in groups.get(nationality, ())]
        rng.shuffle(people)
        country = {name: NATIONALITIES[nationality] for name, nationality in people}
        names = [name for name, _ in people]
        wanted = CORPUS_INNOCENTS.get(origin, _OTHER_INNOCENTS[0])
        found = _writable(Writer(classes, origin, names, hard), names, PEOPLE + wanted, rng, part_of, taken)
        listed = PEOPLE if len(found) == PEOPLE + wanted else min(PEOPLE, len(found) * 7 // 10)
        for name, (written, words), part in found[:listed]:
            record = _record(len(records), name, country[name], rng)
            records.append(record)
            queries.append((record, script, origin, written, part))
        strangers += [(script, origin, written, words, country[name], part) for name, (written, words), part in found[listed:]]
        left.append((names, country))
    others = sorted({(name, country[name]) for names, country in left for name in names if name not in taken})
    for name, code in rng.sample(others, min(DISTRACTORS, len(others))):
        records.append(_record(len(records), name, code, rng))
    return records, queries, strangers


def faker_strangers(faker, rng, seed):
    """Made names in their own scripts: (script, origin, name, words, country)."""
    out = []
    for locale, (script, origin, country) in sorted(SCRIPT_LOCALES.items()):
        number = FAKER_INNOCENTS.get(script, _OTHER_INNOCENTS[1])
        made = innocents.faker_native(faker, rng, locale, number, seed)
        out += [(script, origin, name, words, country) for name, words in made]
    out += [("Kana", "japanese", name, words, "JPN") for name, words in innocents.faker_kana(faker, 600, seed)]
    return out
