"""Which native forms of a name may plausibly stand for a Latin spelling: alphabets, rough sounds, likeness."""

import difflib
import re
import unicodedata

_RU = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
ALPHABETS = {
    "arabic": "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي",
    "persian": "آأؤئابپتثجچحخدذرزژسشصضطظعغفقکگلمنهوی",
    "urdu": "آأؤئابپتٹثجچحخدڈذرڑزژسشصضطظعغفقکگلمنںوہھیے",
    "russian": _RU, "kazakh": _RU + "әғқңөұүһі", "ukrainian": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "belarusian": "абвгдеёжзійклмнопрстуўфхцчшыьэюя", "bulgarian": "абвгдежзийклмнопрстуфхцчшщъьюя",
    "serbian": "абвгдђежзијклљмнњопрстћуфхцчџш", "macedonian": "абвгдѓежзѕијклљмнњопрстќуфхцчџш",
}

_SCRIPT_RANGES = {
    "Arab": [(0x620, 0x6ff)], "Cyrl": [(0x400, 0x52f)], "Hebr": [(0x5d0, 0x5ea)], "Grek": [(0x370, 0x3ff)],
    "Thai": [(0xe01, 0xe4e)], "Deva": [(0x900, 0x97f)], "Geor": [(0x10d0, 0x10ff)], "Armn": [(0x531, 0x587)],
    "Hang": [(0xac00, 0xd7a3)], "Kana": [(0x3041, 0x3096), (0x30a1, 0x30fc)], "Hani": [(0x4e00, 0x9fff), (0x3400, 0x4dbf), (0x3005, 0x3005)],
}


def _pairs(text):
    table = {}
    for item in text.split():
        native, _, latin = item.partition("=")
        for ch in native:
            table[ch] = latin
    return table


# A rough Latin reading of each letter; a letter without "=..." sound is silent.
_ROUGH = _pairs("""
اآأإءئؤعىہة=a بپ=b ت=t ط=t ٹ=t ث=t ج=j چ=c ح=h خ=kh د=d ڈ=d ذ=d ر=r ڑ=r ز=z ژ=z س=s ش=sh ص=s ض=d ظ=z غ=g ف=f ق=q كک=k گ=g ل=l م=m نں=n
ه=h ھ=h و=w ي=y ی=y ے=e
а=a б=b в=v гґ=g д=d е=e ё=yo є=ye ж=zh з=z и=i і=i ї=yi й=y к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ў=w ф=f х=h ц=ts ч=ch ш=sh щ=shch ы=y э=e
ю=yu я=ya ъ=a ь= ђ=dj ј=j љ=lj њ=nj ћ=c џ=dz ѓ=gj ѕ=dz ќ=kj ә=a ғ=g қ=k ң=n ө=o ұү=u һ=h
א=a ב=b ג=g ד=d ה=h ו=v ז=z ח=h ט=t י=y כך=k ל=l מם=m נן=n ס=s ע=a פף=p צץ=ts ק=k ר=r ש=sh ת=t
α=a β=v γ=g δ=d ε=e ζ=z η=i θ=th ι=i κ=k λ=l μ=m ν=n ξ=x ο=o π=p ρ=r σς=s τ=t υ=y φ=f χ=h ψ=ps ω=o
ა=a ბ=b გ=g დ=d ე=e ვ=v ზ=z თ=t ი=i კ=k ლ=l მ=m ნ=n ო=o პ=p ჟ=zh რ=r ს=s ტ=t უ=u ფ=p ქ=k ღ=g ყ=q შ=sh ჩ=ch ც=ts ძ=dz წ=ts ჭ=ch ხ=kh ჯ=j ჰ=h
ա=a բ=b գ=g դ=d ե=e զ=z է=e ը=y թ=t ժ=zh ի=i լ=l խ=kh ծ=ts կ=k հ=h ձ=dz ղ=g ճ=ch մ=m յ=y ն=n շ=sh ո=o չ=ch պ=p ջ=j ռ=r ս=s վ=v տ=t ր=r ց=ts ւ=v փ=p
ք=k և=ev օ=o ֆ=f
กขฃคฅฆ=k ง=ng จ=j ฉชฌ=ch ซศษส=s ญ=y ดฎ=d ตฏ=t ถฐทธฑฒ=th ณน=n บ=b ป=p ผพภ=p ฝฟ=f ม=m ย=y ร=r ลฬ=l ว=w หฮ=h อ=o ะัา=a ำ=am ิีึื=i ุู=u เแ=e โ=o ใไ=ai ฤ=ru
क=k ख=kh ग=g घ=gh ङ=n च=ch छ=ch ज=j झ=jh ञ=n ट=t ठ=th ड=d ढ=dh ण=n त=t थ=th द=d ध=dh न=n प=p फ=ph ब=b भ=bh म=m य=y र=r ल=l व=v श=sh ष=sh स=s ह=h
अआाॅ=a इईिी=i उऊुू=u एऐेै=e ओऔोौऑॉ=o ऋृ=ri ंँ=n
""")

_HANGUL_FIRST = "g kk n d tt r m b pp s ss _ j jj ch k t p h".split()
_HANGUL_VOWEL = "a ae ya yae eo e yeo ye o wa wae oe yo u weo we wi yu eu ui i".split()
_HANGUL_LAST = "_ k k k n n n t l l l l l l l l m p p t t ng t t k t p t".split()

_KANA_ROWS = {"": "あいうえお", "k": "かきくけこ", "g": "がぎぐげご", "s": "さしすせそ", "z": "ざじずぜぞ", "t": "たちつてと",
              "d": "だぢづでど", "n": "なにぬねの", "h": "はひふへほ", "b": "ばびぶべぼ", "p": "ぱぴぷぺぽ", "m": "まみむめも", "r": "らりるれろ"}
_KANA = {kana: row + vowel for row, line in _KANA_ROWS.items() for kana, vowel in zip(line, "aiueo")}
_KANA.update({"や": "ya", "ゆ": "yu", "よ": "yo", "わ": "wa", "を": "o", "ん": "n", "し": "shi", "ち": "chi", "つ": "tsu", "ふ": "fu",
              "じ": "ji", "ゔ": "vu", "ゃ": "ya", "ゅ": "yu", "ょ": "yo", "っ": "", "ー": "",
              "ぁ": "a", "ぃ": "i", "ぅ": "u", "ぇ": "e", "ぉ": "o"})

# First letters that may be written for one another between scripts and romanisations.
_FIRST = {
    "a": "aeouiwyh", "e": "eaiyoh", "i": "iyeaj", "o": "oauweh", "u": "uowyva", "y": "yieajuo", "b": "bpv", "p": "pbf", "f": "fpvh",
    "v": "vwbfu", "w": "wvuog", "d": "dtzj", "t": "tdcs", "s": "szctx", "z": "zsjdct", "c": "ckstzqgh", "k": "kgqch", "q": "qkgcj",
    "g": "gkhjqy", "h": "hkagxeoj", "x": "xkshz", "j": "jygzhcid", "l": "lriny", "r": "rlniy", "m": "m", "n": "nyl",
}
_GROUP = str.maketrans("pfvqcgxjdzr", "bbbkkkksttl"[:11])


def kana_only(form, want):
    """A form in kana turned wholly into hiragana ("hira") or katakana."""
    out = []
    for ch in form:
        code = ord(ch)
        if want == "hira" and 0x30a1 <= code <= 0x30f6:
            code -= 0x60
        elif want != "hira" and 0x3041 <= code <= 0x3096:
            code += 0x60
        out.append(chr(code))
    return "".join(out)


def in_script(form, script):
    """Whether every letter of the form is of the script (forms with blanks are not wanted at all)."""
    ranges = _SCRIPT_RANGES[script]
    return bool(form) and all(any(low <= ord(ch) <= high for low, high in ranges) for ch in form)


def rough(form):
    """A rough Latin reading of a form in another script ('' for Han, which has no letters)."""
    out = []
    for ch in unicodedata.normalize("NFD", form) if not in_script(form, "Hang") else form:
        code = ord(ch)
        if 0xac00 <= code <= 0xd7a3:
            first, rest = divmod(code - 0xac00, 588)
            vowel, last = divmod(rest, 28)
            out.append((_HANGUL_FIRST[first] + _HANGUL_VOWEL[vowel] + _HANGUL_LAST[last]).replace("_", ""))
        else:
            out.append(_ROUGH.get(ch, ""))
    return "".join(out)


def rough_kana(form):
    """The reading of hiragana or katakana, small letters after their syllable."""
    out = ""
    for ch in kana_only(form, "hira"):
        sound = _KANA.get(ch, "")
        if ch in "ゃゅょ" and out.endswith("i"):
            out = out[:-1] + (sound[1:] if out[-2:-1] in "hj" else sound)
        else:
            out += sound
    # Long vowels are mostly not marked in Latin letters.
    return re.sub("(?<=o)[ou]+|(?<=u)u+", "", out)


def rough_thai(form):
    """Thai writes some vowels before the consonant they follow in speech."""
    letters = list(form)
    for number in range(len(letters) - 1):
        if letters[number] in "เแโใไ":
            letters[number], letters[number + 1] = letters[number + 1], letters[number]
    return rough("".join(letters))


def reading(form, script):
    """The rough reading by script."""
    if script == "Kana":
        return rough_kana(form)
    return rough_thai(form) if script == "Thai" else rough(form)


def _bones(text):
    """The consonants, brought to few groups; written vowels differ too much between scripts."""
    kept = [ch for ch in text.translate(_GROUP) if ch not in "aeiouywh"]
    return "".join(ch for number, ch in enumerate(kept) if not number or kept[number - 1] != ch)


def shares_consonant(latin, form, script):
    """Whether a consonant, roughly, stands in both; also where either has none that is sure."""
    left, right = set(_bones(latin)), set(_bones(reading(form, script)))
    return bool(left & right) or not left or not right


def likeness(latin, form, script):
    """0 for a form whose first sound or consonants do not fit the Latin spelling, else 0.5 to 1."""
    sound = reading(form, script)
    if script == "Hang" and latin[:1] in ("l", "r") and sound[:1] in ("i", "y"):
        sound = latin[0] + sound  # Lee and Ryu are written with the l that the South no longer speaks
    if not sound or not latin or sound[0] not in _FIRST.get(latin[0], latin[0]):
        return 0.0
    left, right = _bones(latin), _bones(sound)
    bones = difflib.SequenceMatcher(None, left, right, False).ratio() if left or right else 1.0
    if bones < 0.5:
        return 0.0
    whole = difflib.SequenceMatcher(None, latin, sound, False).ratio()
    if script in ("Arab", "Hebr"):  # most vowels are not written
        whole = (whole + bones) / 2
    return 0.5 + whole / 2
