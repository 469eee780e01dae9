"""Cut a statement to two lines, behind a clause and before what points at a sentence that is not shown."""

import re

LIMIT = 200  # characters of a summary: two lines of a page 700 px wide
SHORTEST = 30  # characters; a statement of less says nothing
EAST_ASIAN_LIMIT = 100  # characters of a Chinese, Japanese or Korean summary: each is twice as wide
FULL_ENOUGH = 120  # characters; where the last clause that fits ends earlier, a cut at a word says more
COMMA_BONUS = 25  # characters a cut at a comma may come earlier than one within a clause

_TROUBLE = (
    r"(?:challenge|problem|issue|gap|limitation|question|need|shortcoming|drawback|bottleneck|tension|trade-?off"
    r"|concern|obstacle|difficult|weakness|goal|objective|phenomen|failure|insight|observation|finding"
    r"|requirement|end|purpose"
    r"|risk|mismatch|constraint|barrier|deficien|inefficien|dilemma|conflict|pitfall|flaw)"
)
_DANGLING = re.compile(
    rf"\b(?:this|these|those|such|both|(?:all|both|the) (?:of the(?:se)?|two|three|four|five)) "
    rf"(?:\w+ ){{0,2}}?{_TROUBLE}"
    r"|\b(?:aforementioned|the above|the former|the latter)\b"
    # "a model that needs no labels" points at nothing: there it is a verb.
    rf"|\bthat (?!needs?\b|ends?\b|\w+s\b)(?:{_TROUBLE}|foundation\b|line of\b|direction\b)"
    r"|\b(?:address|tackl|bridg|solv|overcom|mitigat|resolv|alleviat|remed|counter)(?:e?s|e|ing|y|ies)?"
    r" (?:this|these|it)\b"
)
_POINTING = re.compile(
    r"\b(?:this(?! (?:paper|work|study|article|report)\b)|these"
    r"|those(?! (?:of|that|who))|such(?! (?:as|that)\b)|both(?! \w+(?: \w+)* and)"
    r"|all (?:two|three|four|five|six))(?: ([\w-]{4})|\b)"
)
# Behind one of these "this" may well point at what the statement itself says.
_JOINT = re.compile(r", | and |; |: ")
_JOINT_FROM = len("We propose ")
# "We present , a tool": some sources lose a name set in a macro.
_PRONOUN = re.compile(r"(?:We|(?:This|Our) \w+) \w+ (?:(?:that |how |whether |why )?(?:it|its|they|them|their)\b|, )")
_AT_COMMA = re.compile(
    r"(?:,|;|:| [–—]| --?)(?= (?:which|who|where|while|whereas|whose|thereby|thus|yet|but|so|an?|the|by|with|without"
    r"|through|via|using|based|in which|for|from|including|such as|rather|even|despite|\w+ly|\w+ing"
    r"|and (?:we|then|show|demonstrate|find|prove|further|provide|propose|introduce|present|evaluate|release))\b)"
    r"|;|: |(?= (?:which|while|whereas|thereby|where|so that|such that)\b)"
)
_WITHIN_CLAUSE = re.compile(
    r"(?= (?:that|by|through|via|using|with|within|without|for|across|under|from|on|in|into|to|towards?|when|at|and"
    r"|against|including|over|between|during|before|after)\b)"
)
# Behind these words a reader waits for more.
_WAITING = (
    "a an and are as at be been being between both but by can could either for from has have how in into is its may "
    "must neither nor not of on only or our over than that the their these this those through to under was we were "
    "what when where whether which while who whose will with would more most less very also via using even such "
    "each every any all aims aim able ability designed need needs used seeks tries relies rely focuses focus "
    "depends depend consists consist leads lead refers refer due according relative operates operate acts act "
    "serves serve based built focusing relying consisting leading operating depending derived respect addition "
    "order terms response contrast together along account accounts builds build combined coupled compared "
    "associated equipped up out so same first fact idea view claim hypothesis assumption insight question show "
    "shows demonstrate demonstrates find finds prove proves argue argues reveal reveals suggest suggests indicate "
    "indicates observe observes confirm confirms ensure ensures establish posit note capable tailored suitable "
    "applicable robust responsible trained optimized conditioned grounded fails fail learns learn ways way "
    "struggles tend tends sufficient required known extends extend including treats treat casts cast frames frame "
    "formulates formulate models views maps map turns turn transforms transform converts convert decomposes "
    "interacts performs perform works work scales scale adapts adapt generalizes generalize ranging spanning "
    "covering after before during until because since if within across against into onto per upon toward towards "
    "among dealing"
)
_WAITING_WORDS = frozenset(_WAITING.split())
_WAITING_VERB = re.compile(r"(?:\b(?:and|or|by|while|when)|,) \w+ing$")
_PAIRS = (
    ("both ", " and "),
    ("between ", " and "),
    ("either ", " or "),
    ("not only ", " but "),
    ("neither ", " nor "),
)
# Behind these a clause of its own begins, which needs a verb.
_SAYING = re.compile(
    r"\b(?:show|demonstrate|find|prove|argue|reveal|suggest|indicate|observe|confirm|establish|posit|hypothesize"
    r"|conjecture|discover|verify|ensure)s? (?:that )?|\b(?:whether|how) |\b(?:showing|demonstrating|finding"
    r"|revealing|suggesting"
    r"|indicating|ensuring|fact|observation|insight|idea|hypothesis|premise|assumption|evidence|principle|claim"
    r"|intuition|belief) that "
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|can|may|might|will|must|should|do|does|has|have|cannot|remains?|yields?|leads?|improves?"
    r"|reduces?|outperforms?|achieves?|enables?|allows?|provides?|requires?|makes?|learns?|suffers?|fails?|gives?"
    r"|offers?|exhibits?|emerges?|arises?|depends?|helps?|shows?|gains?|performs?|increases?|decreases?"
    r"|becomes?|holds?|lies"
    r"|\w+(?:ates?|izes?|ifies))\b"
)
_LISTED = re.compile(r"\((?:\d|i{1,3}|iv|v|[a-d])\)")
_TRAILING = " ,;:–—-"
_ABBREVIATED = re.compile(r"\b(?:vs|al|etc|cf|\w\.\w|\w)\.$")
_EAST_ASIAN_PAUSE = re.compile(r"[。！？；，、]|[,.;!?](?=\s)")


# A list of which only the first step is shown: "a framework that 1) aggregates frames."
_STEP = re.compile(r"(?<![\w(])\(?(?:1|i|a)\) ")
_SECOND_STEP = re.compile(r"(?<![\w(])\(?(?:2|ii|b)\) ")


# "through three questions: "
_COUNTED = "(?:two|three|four|five|six|seven|following)"
_ANNOUNCED = re.compile(rf"\b{_COUNTED}\b(?:(?!\b{_COUNTED}\b)[^:.;]){{1,60}}: ", re.IGNORECASE)
_LIST_JOINT = re.compile(r"[,;]? (?:and|or) |[,;] ")


def shorten(statement: str) -> str:
    """Return the statement in at most 200 characters, "" where no clause of it ends before it grows longer or dangles.

    A statement dangles where its "this" or "it" points at an earlier sentence.

    >>> shorten("We study maps of old towns with a model that overcomes these problems by drawing.")
    'We study maps of old towns with a model…'
    """
    short = _without_lost_list(_shortened(statement))
    if len(_STEP.findall(statement)) == 1 and not (len(short) >= SHORTEST and _SECOND_STEP.search(short)):
        short = _without_lost_list(_shortened(_STEP.sub("", statement)))
    return short


def _without_lost_list(statement: str) -> str:
    """Return the statement up to its colon where it announces things and lists one: "three questions: What maps?"."""
    announced = _ANNOUNCED.search(statement)
    if not announced or announced.end() < SHORTEST or _LIST_JOINT.search(statement, announced.end()):
        return statement
    return statement[: announced.end()].rstrip(_TRAILING) + "…"


def _shortened(statement: str) -> str:
    end = _dangling_from(statement)
    if end < 0 and len(statement) <= LIMIT:
        return statement
    if 0 <= end < LIMIT:
        return cut_at_clause(statement, end)
    clause = cut_at_clause(statement, LIMIT - 1)
    return clause if len(clause) >= FULL_ENOUGH else cut_behind_full_word(statement) or clause


def _dangling_from(statement: str) -> int:
    """Return where the statement points at something said before it, -1 where it stands for itself."""
    if _PRONOUN.match(statement):
        return 0
    found = _DANGLING.search(statement) or _POINTING.search(statement)
    return found.start() if found and not _points_within(statement, found) else -1


def _points_within(statement: str, pointing: re.Match[str]) -> bool:
    """Say whether the statement itself has what it points at: the same noun, or at least a clause of its own."""
    if pointing.re is _DANGLING:
        return False
    noun, before = pointing[1], statement[: pointing.start()]
    has_noun = bool(noun) and noun.lower() in before.lower()
    return has_noun or bool(_JOINT.search(before, _JOINT_FROM))


def cut_at_clause(text: str, end: int) -> str:
    """Return `text` cut behind its last clause that ends by character `end`, with "…"; "" where none does."""
    at_comma = _last_boundary(_AT_COMMA, text, end)
    within = _last_boundary(_WITHIN_CLAUSE, text, end)
    cut = at_comma if at_comma + COMMA_BONUS >= within else within
    return _with_mark(text[:cut]) if cut >= SHORTEST else ""


def _with_mark(left: str) -> str:
    """Return what is left of a sentence with "…" behind it, unless it ends with a full stop of its own."""
    left = left.rstrip(_TRAILING)
    return left if left.endswith((".", "!", "?")) and not _ABBREVIATED.search(left) else left + "…"


def _last_boundary(pattern: re.Pattern[str], text: str, end: int) -> int:
    boundaries = [found.start() for found in pattern.finditer(text, SHORTEST, end + 1)]
    return next((at for at in reversed(boundaries) if at <= end and _is_whole(text[:at])), -1)


def _is_whole(left: str) -> bool:
    """Say whether the beginning of a sentence could be one: nothing in it is open, and it does not wait for more."""
    last = left.rpartition(" ")[2].lower()
    if last in _WAITING_WORDS or last.endswith(("ed", ",", "ly")) or _WAITING_VERB.search(left):
        return False
    if _has_open_mark(left) or any(
        first in left and second not in left.rpartition(first)[2] for first, second in _PAIRS
    ):
        return False
    saying = _SAYING.search(left)
    return not saying or bool(_VERB.search(left, saying.end()))


def _has_open_mark(text: str) -> bool:
    """Say whether a bracket, quotation, formula or list of "(i)" is left open."""
    if any(text.count(opening) != text.count(closing) for opening, closing in ("()", "[]", "{}", "“”")):
        return True
    return text.count("$") % 2 == 1 or text.count('"') % 2 == 1 or len(_LISTED.findall(text)) == 1


def cut_behind_full_word(text: str) -> str:
    """Return `text` cut behind its last word before the limit that waits for no other, with "…"; "" where none is."""
    words = cut_at_word(text).rstrip("…").split(" ")
    while words and not _is_at_rest(" ".join(words)):
        words.pop()
    kept = _with_mark(" ".join(words))
    return kept if len(kept) > FULL_ENOUGH else ""


def _is_at_rest(left: str) -> bool:
    """Say whether no bracket is open in `left`, and its last word is a thing rather than a link to the next word."""
    last = left.rpartition(" ")[2].lower()
    return not (last in _WAITING_WORDS or last.endswith(("ed", "ly", "ing")) or _has_open_mark(left))


def cut_at_word(text: str) -> str:
    """Return the beginning of `text` in at most 200 characters, cut with "…" at a word or in one that is longer."""
    if len(text) <= LIMIT:
        return text
    kept = text[: LIMIT - 1]
    if text[LIMIT - 1] != " ":
        kept = kept.rpartition(" ")[0] or kept
    return kept.rstrip(_TRAILING) + "…"


def cut_at_character(text: str) -> str:
    """Return the beginning of a Chinese, Japanese or Korean text in at most 100 characters.

    It is cut behind a sentence or clause, with "…" behind the latter, or at a character where none ends past half.
    """
    if len(text) <= EAST_ASIAN_LIMIT:
        return text
    ends = [pause.end() for pause in _EAST_ASIAN_PAUSE.finditer(text, 0, EAST_ASIAN_LIMIT - 1)]
    end = ends[-1] if ends and ends[-1] > EAST_ASIAN_LIMIT // 2 else EAST_ASIAN_LIMIT - 1
    kept = text[:end].rstrip()
    return kept if kept.endswith(tuple("。！？.!?")) else kept.rstrip("；，、,; ") + "…"
