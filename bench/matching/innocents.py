"""People who stand on no list: real names of the corpus, and names made with Faker."""

import itertools
import sys

from corpus import fold, tokens
from tables import LATIN_LOCALES, NATIONALITIES, POPULATIONS, SCRIPT_LOCALES

_FAMILY_FIRST = {"ja_JP", "zh_CN", "zh_TW", "ko_KR"}


def load_faker():
    """The Faker class, or None with a line on stderr."""
    try:
        from faker import Faker
    except ImportError:
        print("prepare: Faker cannot be imported; kinds innocent-faker are left out", file=sys.stderr)
        return None
    return Faker


def birth_date(rng, last_year=2008):
    """A random full date of birth."""
    return f"{rng.randint(1940, last_year)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def corpus_names(groups, rng, number, taken):
    """Real names, countries drawn with the square root of their population as weight: (name, country)."""
    by_country = {}
    for nationality, names in groups.items():
        code = NATIONALITIES[nationality]
        if code in POPULATIONS and len(names) >= 20:
            by_country.setdefault(code, []).extend(names)
    codes = sorted(by_country)
    weights = [POPULATIONS[code] ** 0.5 for code in codes]
    out = []
    while len(out) < number:
        code = rng.choices(codes, weights)[0]
        name = rng.choice(by_country[code])
        if name not in taken:
            taken.add(name)
            out.append((name, code))
    return out


def _parts(fake, rng):
    """(given, family) that agree in gender where the locale tells them apart."""
    gender = rng.choice(["male", "female"])
    given = getattr(fake, f"first_name_{gender}", fake.first_name)()
    family = getattr(fake, f"last_name_{gender}", fake.last_name)()
    return given.strip(), family.strip()


def faker_latin(faker, rng, number, seed):
    """Names in Latin letters by many locales in turn: (name, country)."""
    out, taken = [], set()
    locales = sorted(LATIN_LOCALES)
    fakes = [faker(locale) for locale in locales]
    for place, fake in enumerate(fakes):
        fake.seed_instance(seed * 1000 + place)
    turn = 0
    while len(out) < number and turn < number * 20:
        locale, fake = locales[turn % len(locales)], fakes[turn % len(locales)]
        turn += 1
        given, family = _parts(fake, rng)
        if rng.random() < 0.2:
            given += " " + _parts(fake, rng)[0]
        name = f"{given} {family}"
        if name not in taken and all(ord(ch) < 0x250 or ch in " -'’" or 0x1e00 <= ord(ch) < 0x1f00 for ch in name):
            taken.add(name)
            out.append((name, LATIN_LOCALES[locale]))
    return out


def faker_kana(faker, number, seed):
    """Japanese names in katakana: (name, [its parts])."""
    fake = faker("ja_JP")
    fake.seed_instance(seed * 1000 + 900)
    pairs = [[fake.last_kana_name(), fake.first_kana_name()] for _ in range(number)]
    return [(" ".join(pair), pair) for pair in pairs]


def faker_native(faker, rng, locale, number, seed):
    """Names in the locale's own script: (name, [its parts])."""
    fake = faker(locale)
    fake.seed_instance(seed * 1000 + 500 + sorted(SCRIPT_LOCALES).index(locale))
    out, taken = [], set()
    for _ in range(number * 6):
        given, family = _parts(fake, rng)
        words = given.split() + family.split()
        if locale in _FAMILY_FIRST:
            blank = " " if locale == "ja_JP" and rng.random() < 0.3 else ""
            name = family + blank + given
        else:
            name = f"{given} {family}"
        # Some of its lists hold stray lower-case names, Latin letters and honorifics.
        if name in taken or any("a" <= ch.lower() <= "z" for ch in name) or len(words) > 4 or not given or not family:
            continue
        taken.add(name)
        if locale != "ka_GE":  # Georgian has capitals in Unicode, but does not write names with them
            name = " ".join(word[:1].upper() + word[1:] for word in name.split(" "))
        out.append((name, words))
        if len(out) == number:
            break
    return out


class Listed:
    """The names of a list by their set of tokens, to know true homonyms."""

    def __init__(self, records):
        self.keys, self.by_word, self.of_country = set(), {}, {}
        for record in records:
            for name in record["names"]:
                self.keys.add(frozenset(tokens(name["full"])))
                for country in record["countries"]:
                    self.of_country.setdefault(country, []).append(frozenset(tokens(name["full"])))
                words = [fold(word) for word in name["full"].split()]
                for word in words:
                    self.by_word.setdefault(word, []).append(words)

    def holds(self, name):
        """Whether a listed name has the same tokens."""
        return frozenset(tokens(name)) in self.keys

    def may_mean(self, name, country):
        """Whether a listed person of the country bears all parts of the name and more: may well be that very person."""
        words = set(tokens(name))
        return len(words) > 1 and any(words <= names for names in self.of_country.get(country, ()))

    def holds_written(self, words, classes):
        """Whether the classes of equal names make a listed Latin name of words in another script."""
        sets = [classes.latin_forms(word.lower()) for word in words]
        listed = [names for form in sorted(sets[0]) for names in self.by_word.get(form, ()) if len(names) == len(words)]
        return any(all(name in forms for name, forms in zip(order, sets))
                   for names in listed for order in itertools.permutations(names))
