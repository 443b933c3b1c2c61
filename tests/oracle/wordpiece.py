#!/usr/bin/env python3
"""The ids Hugging Face's BERT tokenizer gives.

    wordpiece.py golden             writes tests/golden/wordpiece_vocab.txt and wordpiece.tsv
    wordpiece.py unicode            writes tests/golden/wordpiece_unicode.tsv: the characters of this
                                    Python's Unicode as ranges, and for each context of CONTEXTS the
                                    XXH3 sum of the ids of all of them (a minute)
    wordpiece.py data DIRECTORY     writes tests/golden/wordpiece_data.tsv: for each text corpus below
                                    DIRECTORY (vocabulary bert_vocab/vocab.txt) the number of texts and
                                    ids and the XXH3 sum of the ids; no text
    wordpiece.py compare VOCABULARY FILE    ids of each line, one line each, on stdout

The slow tokenizer (Python) is the judge; where the fast one (Rust) differs, that is counted and said
on stderr.
"""
import ctypes
import ctypes.util
import glob
import os
import random
import sys
import tempfile
import unicodedata

import tokenizers
import transformers
from transformers import BertTokenizerFast
from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy, load_vocab

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden")
VERSIONS = (f"transformers {transformers.__version__}, tokenizers {tokenizers.__version__}, "
            f"Python {sys.version.split()[0]}, Unicode {unicodedata.unidata_version}")

WORDS = """the a an and but or if then when while because so as of to in on at by for from with without into over
under after before between through about against he she it they we you i me him her us them his its their our your my
mine this that these those there here who whom whose which what where why how not no yes never always often sometimes
is am are was were be been being have has had do does did done will would can could may might must shall should say
said says saying go goes went gone going come came coming see saw seen look looked looking know knew known think thought
feel felt feeling take took taken give gave given make made making tell told telling find found run ran running walk
walked walking sit sat stand stood sleep slept wake woke eat ate eaten drink drank sing sang sung song songs dance
danced laugh laughed cry cried weep wept smile smiled fear feared love loved hate hated hope hoped wish wished want
wanted need needed good bad great small little big old young new long short high low dark light bright cold warm hot
happy sad angry afraid glad sorry lonely quiet loud soft hard sweet bitter kind cruel brave proud poor rich king queen
prince princess mother father sister brother child children boy girl man woman men women friend friends house home
door window room garden forest tree trees river sea lake mountain hill road path bridge village town city castle tower
church bell bells night day morning evening noon midnight winter summer spring autumn snow rain wind storm sun moon star
stars sky cloud clouds fire water earth stone gold silver iron bread wine apple horse dog cat bird birds wolf bear fox
fish mouse hand hands head heart hearts eye eyes ear face hair foot feet arm voice voices word words name story stories
book letter music mood time year years hour minute moment world life death dream dreams one two three four five six
seven eight nine ten hundred thousand first last next only very too also just still again once upon more most much many
few some any all every each other another same own un re dis play player work act strasse cafe naive resume uber fiance
don isn couldn ll ve s t d m""".split()
PIECES = """s ed ing er est ly ness less ful ful able ible ment tion ion al ous ive ize ish y en ty hood ship ward like day
man land time light house s t d m n g k er ter ther ting ling ght the ra ri ro la le li lo na ne ni no ta te ti to""".split()
OTHER = """ß æ ø đ ł ı ə ς σ α β γ δ ε η ι λ ν ο π ρ τ υ ω а б в г д е и к л м н о п р с т у я ב ה ו ל ם ש א ت ا ل م ر ح ب س ة
ك क म न त ा ि ี ก า น す み か ナ ラ ー ᄒ ᅡ ᆫ ᄀ ᅳ ᆯ 愛 水 山 人 中 文 日 本 語 見 車 龜 © ° € £ ™ ½ ² № → ∞ ♥ ♪ ★ 😀 😢 🎵
’ ‘ “ ” „ « » – — … • ¿ ¡ § ¶ 。 、 「 」 ！ ？ ‚ ‐ ﬁ ａ ｂ 𝒜 𐐨 ǆ ა ა ჭ""".split()


def vocabulary():
    ascii_marks = [chr(c) for c in range(33, 127) if not chr(c).isalnum()]
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1) if chr(c) not in "q"] + list("0123456789")
    tokens = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + ascii_marks + letters
    tokens += ["##" + c for c in letters if c != "x"] + WORDS + ["##" + p for p in PIECES] + OTHER
    tokens += ["##" + c for c in OTHER if not unicodedata.category(c[0]).startswith("P")]
    return list(dict.fromkeys(tokens))


# ---- The golden list: our own sentences ----

PROSE = """Once upon a time there was a little girl who loved the sea.
The king said no, and the queen wept.
"Come here," she said, "and sing me a song."
He didn't know; she couldn't tell him. I'll go, you've been, they're late.
The old man's house stood by the river's dark water.
What?! Never... never again!
It was 3.14 miles (about 5,068 metres) to the town - or so they'd say.
MOTHER! FATHER! THE FOREST IS ON FIRE!
The Snow-Queen's long-forgotten half-brother laughed bitterly.
unhappiness unhappily unkindness restlessness playfulness friendship
"I am afraid," cried the mouse; "the cat's eyes are bright as stars."
Then the wind came, cold and cruel, over the hill.
e-mail me at someone@example.org or see http://example.org/a_b?c=d&e=f#g
50% of $100 is £50, or €60; 1/2 + 1/2 = 1.
the THE The tHe
Zyx zyxq qqq quiet Quixotic
A.B.C. x.y.z U.S.A. e.g. i.e.
don't dont don''t 'tis rock'n'roll 'n' ''
under_score __init__ a__b _ __
C++ C# #hashtag ## ### ##ing ##s
[MASK] is a token, [CLS] and [SEP] too; [PAD][UNK].
I [MASK] you.
unhappy[MASK]ness
[mask] [Mask] [MASK [MASK]] [[MASK]] [MASK][MASK] MASK]
[CLS] once upon a time [SEP]
[unused0] [UNUSED0] [unused1]
[ MASK ] [M ASK]
1234567890 12 345 6789 007 3rd 2nd 1st
a b c d e f g h i j k l m n o p q r s t u v w x y z
A  B\tC\nD\r\nE   F
!"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~
(((())))...---!!!???
The story -- a sad one -- ended...
She sang; he danced: they laughed!
Her heart was heavy as stone, her voice was soft as snow.
The wolf ran through the midnight forest without a sound
Why? Because. So? So.
In winter the birds go; in spring they come again.
The church bells rang twelve times at midnight.
Good morning! Good evening! Good night!
""".split("\n")

UNICODE = [
    "", " ", "\t\n\r ", "\x00", "a\x00b", "a\x01b", "a\x7fb", "a\x0bb", "a\x0cb", "a\x1cb", "a\x85b", "a\u200bb",
    "a\u200cb a\u200db", "a\u2060b", "\ufeffthe king", "the\ufeffking", "a\u00adb", "sea\u00adside", "a\u2028b",
    "a\u2029b", "a\u00a0b", "a\u1680b", "a\u2003b", "a\u2009b", "a\u202fb", "a\u205fb", "a\u3000b", "a\u180eb",
    "caf\u00e9", "cafe\u0301", "CAF\u00c9", "CAFE\u0301", "na\u00efve r\u00e9sum\u00e9", "\u00dcber", "U\u0308ber",
    "fianc\u00e9e", "\u00e0\u00e1\u00e2\u00e3\u00e4\u00e5", "\u00c0\u00c1\u00c2\u00c3\u00c4\u00c5", "\u00e7\u00f1\u00f6",
    "\u00f8re \u00d8RE", "\u00e6on \u00c6ON", "\u0142\u00f3d\u017a \u0141\u00d3D\u0179", "\u0111 \u0110", "stra\u00dfe STRASSE",
    "STRA\u1e9eE", "\u0130stanbul", "I\u0307stanbul", "\u0131s\u0131", "I\u0131i\u0130", "\u01c5 \u01c4 \u01c6",
    "\u039f\u0394\u039f\u03a3", "\u039f\u03a3 \u03a3\u039f", "\u03a3", "\u03a3\u03a3\u03a3", "\u039f\u03a3.", "\u039f\u03a3.\u039f",
    "\u039f.\u03a3", "\u039f\u03a3'\u039f", "\u039f\u03a3\u0301", "\u039f\u0301\u03a3", "a\u03a3", "1\u03a3", "a1\u03a3",
    "\u039f\u03a3\u2019 \u039f", "\u039f\u03a31", "\u039f\u03a3-\u039f", "\u039f\u03a3\u200b\u039f", "\u03ac\u03ad\u03ae\u03af\u03cc\u03cd\u03ce",
    "\u0390 \u1f85\u1fb3", "\u03d0\u03d1\u03d2\u03d5", "\u2126 \u03a9", "\u212a\u212b K\u00c5", "king \u212aing",
    "\u041c\u043e\u0441\u043a\u0432\u0430", "\u0439\u0451", "\u0419\u0401", "\u0418\u0306", "\u0457\u0454", "\u05e9\u05dc\u05d5\u05dd",
    "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd", "\u0645\u0631\u062d\u0628\u0627", "\u0645\u064e\u0631\u0652\u062d\u064e\u0628\u064b\u0627",
    "\u0627\u0644\u0633\u0644\u0627\u0645\u060c \u0633", "\u061f\u061b", "\u200e\u05e9\u200f\u202a\u202c", "\u202ethe king\u202c", "\u2066a\u2069",
    "\u0928\u092e\u0938\u094d\u0924\u0947", "\u0915\u093f \u0915\u093e", "\u0958\u0929", "\u0e01\u0e32\u0e35\u0e19", "\u0e01\u0e4d\u0e32",
    "\u611b", "\u6c34\u5c71", "\u6211\u611b\u6c34 water", "the\u6c34king", "\u65e5\u672c\u8a9e\u3067\u3059\u3002", "\u3059\u307f\u304b",
    "\u30ca\u30e9\u30fc", "\u304b\u3099 \u304c", "\u30cf\u309a \u30d1", "\uff76\uff9e", "\ud55c\uae00", "\u1112\u1161\u11ab", "\ud55c", "\uac00\ub098\ub2e4",
    "\uf900 \ufa0a", "\uf907", "\u2f2f", "\u3400 \u4dbf \u4dc0", "\U00020000 \U0002a6df", "\U0002f800", "\U0002f804x", "\u9fff\ua000",
    "\u4e00\u0301a", "\uff41\uff42\uff43", "\uff21\uff22", "\uff01\uff1f\uff0c", "\ufb01sh", "\ufb02", "\u2460 \u2160 \u2170", "\u24b6\u24d0",
    "\U0001f600", "\U0001f600\U0001f600", "happy\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd",
    "\U0001f1e9\U0001f1ea", "\u2764\ufe0f", "\u2665 \u266a", "\U0001f3b5 music \U0001f3b5", "\u2605\u2605\u2605", "a\ufe0f",
    "\u2018the\u2019", "\u201cthe king\u201d", "don\u2019t", "it\u2019s the queen\u2019s", "\u2026and then\u2026", "no\u2014never", "1914\u20131918",
    "\u00ab\u00a0oui\u00a0\u00bb", "\u201eja\u201c", "\u00bfqu\u00e9?", "\u00a1hola!", "\u2022 one \u2022 two", "\u00a7 5 \u00b6", "\u00a9 2020\u2122", "5\u20ac 5\u00a3 5\u00a5",
    "20\u00b0C", "x\u00b2 + y\u00b3", "\u00bd \u00bc \u2153", "\u2116 5", "a\u2192b", "\u221e", "\u2260 =\u0338 <\u0338 >\u0338", "a<\u0338b", "\u00d7\u00f7\u00b1",
    "\u037e \u0387", "a\u037eb", "\u1fef \u1ffd", "\u0340a\u0341", "\u0344", "a\u0301\u0323b", "a\u0323\u0301b", "\u0301", "\u0301\u0302", " \u0301 ", "a \u0301b",
    "\u0301the", "\u0301[MASK]", "a\u0300\u0301\u0302\u0303\u0304\u0305", "Z\u0351\u036b\u0343a\u033f\u0308l\u0344g\u0301o\u0308",
    "\u1ea5 \u1ea6 \u1ed9", "\u1e69 s\u0323\u0307 s\u0307\u0323 \u1e0b\u0323", "\u0149 \u01f0", "\u1e96\u1e97\u1e98\u1e99", "\u302e\u302fa", "a\u302e\u0301b",
    "\u0f71\u0f72\u0f73", "\u0ccb \u0cc0 \u0dda", "\U0001d15e \U0001d165\U0001d16d", "\U0001d49c \U0001d400", "\U00010400 \U00010428", "\U0001e900\U0001e922",
    "\u10a0 \u1c90 \u10d0", "\u13a0 \uab70", "\u2c00 \u2c30", "\ua640 \ua641", "\u1e9b\u0323", "\u2c7d\u02b0\u1d2c", "\u02b0\u039f\u03a3\u02b0", "\u039f\u03a3\u1d2c",
    "\ue000", "a\ue000b", "\U000f0000x", "\U0010ffff", "a\ufdd0b", "a\ufffeb", "\u0378", "a\u0378b", "a\ufffdb", "\ufffd", "\ufffd\ufffd the",
    "\u0600\u06dd", "\u070f", "\U000e0001a\U000e0020", "\ufff9a\ufffab\ufffb", "\u034f", "a\u034fb", "\u115f\u1160", "\u3164", "\uffa0",
    "[MA\u200bSK]", "[MASK\u200b] x", "x[MA\u200bSK]", "[MAS\u212a]", "[MASK]\u0301", "\u00e9[MASK]\u00e9", "caf\u00e9[SEP]caf\u00e9", "\u6c34[CLS]\u6c34",
    "[\u00adSEP\u00ad]", "\u0391[CLS]\u03a3 \u0391\u03a3[CLS]", "\u200b[UNK]\u200b", "[MASK\u0301]", "\u00a0[PA\u200dD]\u00a0", "\u6c34[PA\u200dD]\u6c34", "[pa\u200dd]",
    "'\u2019\u02bc\uff07", "rock\u2019n\u2019roll", "\u2010\u2011\u2012\u2013\u2014\u2015\u2212-", "\u2039\u203a\u2e3a\u3008\u3009", "\u0964 \u06d4 \u104a \u1362",
    "\u00aa\u00ba", "\u00b4 \u00a8 \u00b8 \u00af", "` ^ ~ $ + < = > |", "\u02c6 \u02dc", "\u20ac\u20b9\u20bf", "\u2103 \u212b", "\u0660\u0661\u0662 \u0966\u0967",
    "\uff11\uff12\uff13", "\U0001d7d8", "\u3007 \u3005 \u303b", "\u30fb\u30fc", "\u3001\u3002\u300c\u300d",
]

LONG = ["a" * n for n in (15, 16, 17, 24, 99, 100, 101, 200, 1000)] + [
    "A" * 100, "A" * 101, "the" * 33 + "s", "the" * 34, "x" * 16 + " " + "x" * 17, "\u00e9" * 100, "\u00e9" * 101, "\u6c34" * 300,
    "a\u0301" * 100, "a\u0301" * 101, "\ud55c" * 33, "\ud55c" * 34, "." * 200, "a." * 150, "\u03b1" * 100 + " " + "\u03b1" * 101, "\u0301" * 500,
    "\U0001f600" * 100, "\U0001f600" * 101, "\u302e\U0001d165" * 30, "\u302e\U0001d165" * 60, "the " * 200, "abcdefgh abcdefghi abcdefghijklmnop abcdefghijklmnopq",
    "ABCDEFGH ABCDEFGHI ABCDEFGHIJKLMNOP ABCDEFGHIJKLMNOPQ", "12345678 123456789 1234567890123456 12345678901234567",
]

BROKEN = [
    b"\xff", b"a\xffb", b"\xc3", b"caf\xc3", b"caf\xc3 x", b"\xc3(", b"\xa0\xa1", b"\xe2\x28\xa1", b"\xe2\x82", b"a\xe2\x82b", b"\xe2\x82(", b"\xf0\x9f\x98",
    b"\xf0\x9f\x98the", b"\xf0\x28\x8c\xbc", b"\xf0\x90\x28\xbc", b"\xf8\xa1\xa1\xa1\xa1", b"\xc0\x80", b"\xc0\xafx", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xed\xa0\xbd\xed\xb8\x80",
    b"\xf4\x90\x80\x80", b"\xf4\x8f\xbf\xbf", b"\xfe\xff", b"\xf0\x90\xc3\xa9", b"\xe2\x82\xc3\xa9x", b"[MA\xffSK]", b"[MASK\xff", b"\xff[MASK]\xff", b"the\x80king \x80 queen",
    b"\xce\x91\xce\xa3\xff", b"\xce\x91\xce\xa3\xff\xce\x91", b"a\xcc", b"a\xcc\x81\xcc", b"\xe6\xb0\xb4\xe6\xb0", b"\x80" * 50 + b"a", b"\xc3\xa9\xc3\xa9\xc3",
]


def cases():
    """(text bytes, max_tokens)"""
    all_cases = [(t.encode("utf-8"), 512) for t in PROSE + UNICODE + LONG] + [(t, 512) for t in BROKEN]
    cut = ["the king and the queen", "unhappiness", "[MASK] the [MASK]", "caf\u00e9 caf\u00e9", "\u6c34\u5c71\u611b", "a" * 101 + " b", "[MA\u200bSK] x", "",
           "don\u2019t cry, child!", "the\u2019king [MA\u200bSK]", "unhappiness\u2019 unhappily"]
    for text in cut:
        all_cases += [(text.encode("utf-8"), n) for n in (2, 3, 4, 5, 7)]
    rng = random.Random(20211107)
    pool = [w for w in WORDS + PIECES + OTHER + UNICODE + ["[MASK]", "[CLS]", ".", ",", "!", "'", "\u2019", "\u0301", "\u200b", "Σ", "É"] if len(w) < 30]
    for _ in range(150):
        parts = [rng.choice(pool) for _ in range(rng.randint(1, 12))]
        parts = [p.upper() if rng.random() < 0.2 else p for p in parts]
        all_cases.append((rng.choice(["", " ", " ", " "]).join(parts).encode("utf-8"), rng.choice([6, 16, 512])))
    return all_cases


def escape(data):
    return "".join(chr(b) if 32 < b < 127 and b != 92 else f"\\x{b:02x}" for b in data)


class Judge:
    def __init__(self, vocabulary_file):
        self.slow = BertTokenizerLegacy(vocabulary_file)
        self.fast = BertTokenizerFast(vocab=load_vocab(vocabulary_file))
        self.count = self.differ = 0
        self.examples = []

    def ids(self, data, max_tokens=512):
        text = data.decode("utf-8", errors="replace")
        slow = self.slow.encode(text, truncation=True, max_length=max_tokens)
        fast = self.fast.encode(text, truncation=True, max_length=max_tokens)
        self.count += 1
        if slow != fast:
            self.differ += 1
            if len(self.examples) < 40:
                self.examples.append((text[:40], slow[:12], fast[:12]))
        return slow

    def report(self, what):
        print(f"{what}: {self.count} texts, fast differs in {self.differ}", file=sys.stderr)
        for example in self.examples:
            print("   ", *map(ascii, example), file=sys.stderr)


# Neighbours that bring out lower case, final sigma, accents, composition and word borders.
CONTEXTS = ["a{}b", "\u0391\u03a3{}", "\u0391\u03a3{}\u0391", "\u0391{}\u03a3", "{}\u03a3", "{}\u0301\u0323\u0345b",
            "a\u0323{}\u0301", "{}{} [{}]"]
# Scripts in which thousands of characters behave alike are left out, to keep the vocabulary small.
LEFT_OUT = ("CJK UNIFIED", "HANGUL SYLLABLE", "TANGUT", "CUNEIFORM", "EGYPTIAN", "ANATOLIAN", "NUSHU", "KHITAN")


def unicode_characters():
    return [chr(c) for c in range(0x21, 0x110000)
            if unicodedata.category(chr(c)) not in ("Cn", "Co", "Cs")
            and not unicodedata.name(chr(c), "").startswith(LEFT_OUT)]


def unicode_golden():
    characters = unicode_characters()
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    for c in characters:
        if not c.isspace():
            tokens += [c, "##" + c]
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8", newline="\n") as vocabulary_file:
        vocabulary_file.write("\n".join(tokens) + "\n")
        vocabulary_file.flush()
        slow = BertTokenizerLegacy(vocabulary_file.name)
    with open(os.path.join(GOLDEN, "wordpiece_unicode.tsv"), "w", encoding="utf-8") as out:
        out.write(f"# contexts: text with {{}} for the character, XXH3; then its ranges; {VERSIONS}\n")
        for context in CONTEXTS:
            ids = [i for c in characters for i in slow.encode(context.replace("{}", c))]
            digest = xxh3(b"".join(i.to_bytes(4, "little") for i in ids))
            out.write(f"context\t{escape(context.encode())}\t{digest:016x}\n")
        start = last = ord(characters[0])
        for c in [*map(ord, characters[1:]), 0x110000]:
            if c != last + 1:
                out.write(f"range\t{start:x}\t{last:x}\n")
                start = c
            last = c


def golden():
    path = os.path.join(GOLDEN, "wordpiece_vocab.txt")
    with open(path, "w", encoding="utf-8", newline="\n") as out:
        out.write("\n".join(vocabulary()) + "\n")
    judge = Judge(path)
    with open(os.path.join(GOLDEN, "wordpiece.tsv"), "w", encoding="utf-8") as out:
        out.write(f"# max_tokens, text, ids; {VERSIONS}\n")
        for data, max_tokens in cases():
            out.write(f"{max_tokens}\t{escape(data)}\t{' '.join(map(str, judge.ids(data, max_tokens)))}\n")
    judge.report("golden")


def corpora(directory):
    for path in sorted(glob.glob(os.path.join(directory, "alm", "*agree.txt"))):
        rows = [line.split(b"@", 2) for line in open(path, "rb").read().split(b"\n")]
        yield "alm/" + os.path.basename(path), [row[2].rstrip(b"\r") for row in rows if len(row) == 3]
    lines = open(os.path.join(directory, "isear", "isear.csv"), "rb").read().split(b"\n")
    column = lines[0].split(b"|").index(b"SIT")
    yield "isear/isear.csv", [row[column] for row in (line.split(b"|") for line in lines[1:]) if len(row) > column]


def xxh3(content):
    function = ctypes.CDLL(ctypes.util.find_library("xxhash")).XXH3_64bits
    function.restype, function.argtypes = ctypes.c_uint64, [ctypes.c_char_p, ctypes.c_size_t]
    return function(content, len(content))


def data(directory):
    judge = Judge(os.path.join(directory, "bert_vocab", "vocab.txt"))
    with open(os.path.join(GOLDEN, "wordpiece_data.tsv"), "w", encoding="utf-8") as out:
        out.write(f"# file, texts, ids, XXH3 (64 bit) of the ids as little-endian int32; {VERSIONS}\n")
        for name, texts in corpora(directory):
            all_ids = []
            for text in texts:
                all_ids += judge.ids(text)
            digest = xxh3(b"".join(i.to_bytes(4, "little") for i in all_ids))
            out.write(f"{name}\t{len(texts)}\t{len(all_ids)}\t{digest:016x}\n")
    judge.report("data")


def compare(vocabulary_file, text_file):
    judge = Judge(vocabulary_file)
    for line in open(text_file, "rb").read().split(b"\n"):
        print(*judge.ids(line))
    judge.report(text_file)


if __name__ == "__main__":
    if sys.argv[1:2] == ["golden"]:
        golden()
    elif sys.argv[1:2] == ["unicode"]:
        unicode_golden()
    elif sys.argv[1:2] == ["data"] and len(sys.argv) == 3:
        data(sys.argv[2])
    elif sys.argv[1:2] == ["compare"] and len(sys.argv) == 4:
        compare(sys.argv[2], sys.argv[3])
    else:
        sys.exit(__doc__)
