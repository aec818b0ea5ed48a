"""What is special about Chinese, Korean and Japanese names: which part is the family name, and how it is written."""

import difflib
import re

from letters import in_script, likeness

# The most frequent family names in Pinyin with their characters (simplified and traditional), by falling number of bearers.
_CHINESE = """
wang王 li李 zhang张張 liu刘劉 chen陈陳 yang杨楊 huang黄黃 zhao赵趙 wu吴吳 zhou周 xu徐 sun孙孫 ma马馬 zhu朱 hu胡 guo郭 he何 lin林 gao高 luo罗羅
zheng郑鄭 liang梁 xie谢謝 song宋 tang唐 xu许許 han韩韓 deng邓鄧 feng冯馮 cao曹 peng彭 zeng曾 xiao肖萧蕭 tian田 dong董 pan潘 yuan袁 cai蔡 jiang蒋蔣
yu余 yu于 du杜 ye叶葉 cheng程 wei魏 su苏蘇 lv吕呂 lu吕呂 ding丁 ren任 lu卢盧 yao姚 shen沈 zhong钟鍾 jiang姜 cui崔 tan谭譚 lu陆陸 fan范範 wang汪 liao廖
shi石 jin金 wei韦韋 jia贾賈 xia夏 fu付 fu傅 fang方 zou邹鄒 xiong熊 bai白 meng孟 qin秦 qiu邱 hou侯 jiang江 yin尹 xue薛 yan闫閆 duan段 lei雷 long龙龍
li黎 shi史 tao陶 he贺賀 mao毛 hao郝 gu顾顧 gong龚龔 shao邵 wan万萬 qin覃 wu武 qian钱錢 dai戴 yan严嚴 mo莫 kong孔 xiang向 chang常 tang汤湯 kang康
yi易 qiao乔喬 lai赖賴 wen文 shi施 hong洪 xin辛 ke柯 zhuang庄莊 niu牛 fan樊 ge葛 xing邢 an安 qi齐齊 wu伍 pang庞龐 yan颜顏 ni倪 nie聂聶 zhang章 lu鲁魯
yue岳 zhai翟 yin殷 zhan詹 shen申 ou欧歐 geng耿 guan关關 lan兰蘭 jiao焦 yu俞 zuo左 liu柳 gan甘 zhu祝 bao包 ning宁寧 shang尚 fu符 shu舒 ruan阮 ji纪紀
mei梅 tong童 ling凌 bi毕畢 shan单單 ji季 pei裴 huo霍 tu涂 cheng成 miao苗 gu谷 sheng盛 qu曲 weng翁 ran冉 luo骆駱 lan蓝藍 lu路 you游 jin靳 guan管
chai柴 meng蒙 bao鲍鮑 hua华華 yu喻 qi祁 pu蒲 fang房 teng滕 qu屈 rao饶饒 xie解 mou牟 ai艾 you尤 yang阳陽 mu穆 nong农農 si司 zhuo卓 gu古 ji吉
jian简簡 che车車 xiang项項 lian连連 mai麦麥 chu褚 lou娄婁 dou窦竇 qi戚 cen岑 jing景 dang党黨 gong宫宮 fei费費 bu卜 leng冷 yan晏 xi席 wei卫衛 mi米
bo柏 zong宗 qu瞿 gui桂 quan全 tong佟 ying应應 zang臧 min闵閔 bian边邊 ji姬 he和 qiu仇 sha沙 rong荣榮 wu巫 kou寇 sang桑 lang郎 zhen甄 cong丛叢 yu虞
ao敖 gong巩鞏 ming明 cha查 chi池 guan官 tan谈談 kuang邝鄺 su宿
"""
_KOREAN = ("김이리박최정강조윤장임림한오서신권황안송류유전홍고문양손배백허남심노로하곽성차주우구라나민진지엄채원천방공현함변염"
                      "여추도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용예경봉사부")


def _by_rank(families):
    """family name -> weight: the first ones of the list are borne by far more people."""
    return {family: 1 / (10 + rank) ** 2 for rank, family in reversed(list(enumerate(families)))}


_CHINESE_READING = {}
for _item in _CHINESE.split():
    _sound = "".join(ch for ch in _item if ch.isascii())
    for _ch in _item[len(_sound):]:
        _CHINESE_READING.setdefault(_ch, []).append(_sound)
FAMILIES = {"chinese": _by_rank(_CHINESE_READING), "taiwanese": _by_rank(_CHINESE_READING), "korean": _by_rank(_KOREAN)}

_CODING = {"chinese": "gb2312", "taiwanese": "big5", "japanese-kanji": "shift_jis"}
_VOWELS = re.compile(r"y?[aeiou]+")


def writable(origin, form):
    """Whether the country's own old character set holds the form: keeps Chinese, Taiwanese and Japanese shapes apart."""
    try:
        form.encode(_CODING[origin])
    except UnicodeEncodeError:
        return False
    return True


_PINYIN = re.compile("(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcs])(?:iang|iong|uang|iao|ian|ing|uai|uan|ang|eng|ong|ai|ei|ao|ou|an|en|ia|ie|iu|in|"
                     "ua|uo|ui|un|ue|a|o|e|i|u)|y(?:ang|ong|ing|uan|ao|ou|an|in|ue|un|a|e|i|u)|w(?:ang|eng|ai|ei|an|en|a|o|u)|"
                     "ang|ai|ao|ou|an|en|er|a|e")
_LEAST_VOTES, _LEAST_SHARE = 2, 0.6  # classes that must know a character's reading, and their share


def pinyin_pairs(latin):
    """The ways to read a Latin form as two Pinyin syllables."""
    cuts = [(latin[:cut], latin[cut:]) for cut in range(1, len(latin))]
    return [pair for pair in cuts if _PINYIN.fullmatch(pair[0]) and _PINYIN.fullmatch(pair[1])]


def _usual_readings(votes, character):
    """The Mandarin readings of a character, as family name or by the given names of two syllables it stands in.

    The classes of single characters cannot be asked: they list the readings of all dialects alike.
    """
    sounds = votes.get(character, {})
    least = max(_LEAST_VOTES, max(sounds.values(), default=0) * _LEAST_SHARE)
    return _CHINESE_READING.get(character, []) + [sound for sound, number in sounds.items() if number >= least]


def _read_as(votes, form, token):
    """Whether a Han form can be read as the token in Pinyin, character by character."""
    ends = {0}
    for ch in form:
        ends = {end + len(sound) for end in ends for sound in _usual_readings(votes, ch) if token.startswith(sound, end)}
    return len(token) in ends


_WADE_FIRST = {"hs": "x", "ch": "zh ch j q", "tz": "z c", "ts": "z c", "ss": "s", "sz": "s", "k": "g k", "p": "b p", "t": "d t", "j": "r"}
_WADE_REST = {"ih": "i", "ien": "ian", "ueh": "ue", "uei": "ui", "ung": "ong", "iung": "iong", "en": "en an", "eh": "e", "o": "uo e o",
              "u": "u i", "erh": "er", "ieh": "ie", "uo": "uo", "iu": "iu", "un": "un"}


def wade_to_pinyin(syllable):
    """The Pinyin syllables that one of the older romanisation used in Taiwan (without its apostrophes) may stand for."""
    first = re.match("hs|ch|tz|ts|ss|sz|sh|[bcdfghjklmnpqrstwxyz]?", syllable).group()
    rest = syllable[len(first):]
    heads = _WADE_FIRST.get(first, first).split() or [""]
    tails = _WADE_REST.get(rest, rest).split() or [""]
    made = {head + tail for head in heads for tail in tails} | {syllable}
    made |= {"you"} if syllable == "yu" else set()
    return {sound for sound in made if _PINYIN.fullmatch(sound)}


def _read_in_taiwan(votes, word, form):
    pieces = word.casefold().replace("'", "").split("-")
    return len(pieces) == len(form) and all(wade_to_pinyin(piece) & set(_usual_readings(votes, ch))
                                            for piece, ch in zip(pieces, form))


def han_fits(votes, origin, word, token, form, siblings):
    """Whether a Han form fits the Latin word, folded: token; the siblings are all the forms of its class."""
    if len(form) > 3 or not writable(origin, form):
        return False
    if origin == "taiwanese":
        return _read_in_taiwan(votes, word, form)
    if origin == "chinese":
        pieces = word.count("-") + 1
        return len(form) <= 2 and (pieces == 1 or len(form) == pieces) and _read_as(votes, form, token)
    # Characters of Japanese have too many readings for that: so only classes that know one reading, and it is the token.
    if len(form) > 2 and not any("\u3041" <= other[0] <= "\u3096" for other in siblings):
        return False  # a Chinese transliteration
    for other in siblings:
        if in_script(other, "Kana") and likeness(token, other, "Kana") < 0.93:
            return False
        if other.isascii() and difflib.SequenceMatcher(None, token, other, False).ratio() < 0.8:
            return False
    return True


def hangul_fits(word, form):
    """Whether a Hangul form has as many syllables as the Latin word; also keeps out polite forms and transliterations."""
    pieces = word.split("-")
    syllables = len(pieces) if len(pieces) > 1 else len(_VOWELS.findall(word.casefold()))
    return len(form) == syllables and form[-1] != "씨"


def long_vowels_kept(word, forms):
    """For a Japanese word with marked long vowels, only the kana forms that write them, if there are any."""
    if not any(ch in "ōūŌŪôûÔÛ" for ch in word):
        return forms
    written = [item for item in forms if re.search("[うーウお]", item[0][1:])]
    return written or forms


class JapaneseOrder:
    """Tells which part of a Japanese name is the family name, by how often the parts stand at either end.

    In the corpus the people of today stand given name first, those of old family name first.
    """

    def __init__(self, names):
        self.first, self.last = {}, {}
        for name in names:
            words = name.split()
            self.first[words[0]] = self.first.get(words[0], 0) + 1
            self.last[words[-1]] = self.last.get(words[-1], 0) + 1

    def family_last(self, name):
        """Whether the family name stands last."""
        head, tail = name.split()[0], name.split()[-1]
        usual = self.first.get(head, 0) + self.last.get(tail, 0) - 2
        turned = self.last.get(head, 0) + self.first.get(tail, 0)
        return usual >= turned
