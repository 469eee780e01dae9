"""Tell which sentences state what a paper does, and leave out what ties them to the sentences before."""

import re

_PAPER = (
    r"(?:paper|work|study|report|survey|article|review|research|thesis|tutorial|letter|note|chapter|manuscript|text"
    r"|proposal|(?:(?:technical|white|short|position|brief|communication) ){1,2}(?:report|paper))"
)
_AIM = rf"the (?:aim|goal|objective|purpose) of (?:this|the present|our) {_PAPER}"
_SUBJECT = rf"(?:we|this {_PAPER}|(?:our|the present|the current) {_PAPER}|the paper|{_AIM})"
_STATING = re.compile(rf"{_SUBJECT} |(?-i:I) (?!have\b)", re.IGNORECASE)
_OURS = re.compile(r"(?:Our|The proposed) ")
_IN_PAPER = re.compile(rf"In (?:this|the present|our) {_PAPER},? ")
_MAIN_CLAUSE = re.compile(rf"[,;:—–] ?(?:(?:and|so|but|yet|thus|hence|therefore|then|here) )?(?=(?:{_SUBJECT}|I) )")
_LINK = re.compile(
    rf"(?:Here|Therefore|Thus|Hence|So|To this end|Specifically|In (?:this|the present|our) {_PAPER}),? "
    r"|(?:In particular|Concretely|Furthermore|Moreover|Additionally|In addition|Crucially|Notably|Importantly|Finally"
    r"|Overall|Ultimately|However|Accordingly|Consequently|In summary|In short|In contrast|More specifically"
    r"|More importantly|As a result|At its core|Empirically|Theoretically|Together"
    r"|To (?:our|the best of our) knowledge), "
)
# The headings of an abstract in parts.
_HEADING = re.compile(
    r"(?:(?:Backgrounds?|Objectives?|Purpose|Aims?|Introduction|Motivation|Methods?|Approach|Results|Findings"
    r"|Conclusions?|Significance|Summary|Abstract)\b[^.:]{0,20}: |Abstract[.-] ?)",
    re.IGNORECASE,
)
_SHORT_HEADING = re.compile(r"(?:Backgrounds?|Objectives?|Purpose|Aims?|Introduction|Motivation|Methods?)\. (?=[A-Z])")
# Where to find code and data is no contribution, and an address is no summary.
_THINGS = r"(?:codes?|codebase|models?|datasets?|data|checkpoints?|weights|page|website|demos?|videos?|list)"
_RELEASING = r"(?:release|open-source|share|provide)d?"
_WHERE_TO_FIND = re.compile(
    rf"https?://|^(?:Our|The|All|Source)\b[^.]{{0,80}}\b{_THINGS}\b[^.]{{0,60}} (?:is|are|will be|can be)\b"
    r"[^.]{0,40}? (?:available|released|open-sourced|found|accessed)\b"
    rf"|^We (?:will |also |publicly |have )?{_RELEASING} (?:all |both )?(?:our |the )?(?:source |training )?code\b"
)
# An opening of these words limits a finding: without it the sentence would claim more than the authors do.
_CONDITION = re.compile(
    r"(?:If|When|Whenever|Unless|Given|Assuming|Under|For|On|Across|After|Without|Only|As long|With|At|Among|Within"
    r"|Where)\b"
)
_MAKING_VERBS = r"(?:propose|introduce|present|develop|design|build|construct|create|release)"
_MAKING = re.compile(
    rf"{_SUBJECT} (?:\w+ly |also |further |then )?(?:{_MAKING_VERBS}|curate|establish|devise|collect|describe)s? "
)
_REFERENCE = re.compile(
    r"\b(?:this|these|those|such|it|its|they|their|them|that|both|above|aforementioned|the (?:former|latter)"
    r"|the (?:gaps?|issues?|problems?|challenges?|limitations?)(?! of))\b",
    re.IGNORECASE,
)
_MADE = r"(?:proposed|presented|introduced|developed|described|derived|established)"
_PASSIVE = re.compile(
    rf"(?:An?|The|Two|Three|Several) [^.;:]{{10,160}}? (?:is|are|was|were) (?:\w+ly )?{_MADE}\b"
    r"|(?:An?|The) [^.;:]{10,120}? (?:is|are) (?:\w+ly )?(?:studied|investigated|considered) in (?:this|the)\b"
)
# "To save time, a scheduler is proposed."
_PASSIVE_MAIN_CLAUSE = re.compile(
    rf"(?:To|Motivated|Inspired|Building|Based) [^,;:.]{{2,120}}, (?=an? [^.;:]{{10,160}}? (?:is|was) {_MADE}\b)"
)
_EARLIER = re.compile(r"(?:In (?:\w+ ){0,2}(?:prior|previous|earlier|concurrent) |Previously|Earlier|Recently)")
_LONGEST_OPENING = 300  # characters; what comes behind a longer one is no main clause
_LONGEST_CONDITION = 80
_TIE = re.compile(
    r"^(We|This \w+) (?:further|also|therefore|thus|then|additionally|hence|instead|accordingly|subsequently|next"
    r"|first|finally|here|now|furthermore|moreover|consequently|thereby|in turn|specifically"
    rf"|in this {_PAPER}),? (?=[a-z])"
)
_ASIDE = re.compile(
    r"(?:Furthermore|Moreover|Additionally|In addition|Finally|Lastly|Also|Besides|Then|Next|Further)\b"
    r"|(?:[^,]{1,80}, )?(?:[Ww]e|[Tt]his \w+|[Oo]ur \w+) "
    r"(?:further|also|then|additionally|finally|furthermore|moreover)\b"
)
_EMPTY_PURPOSE = re.compile(
    r",? (?:(?:designed |intended |aimed |that aims? )?to|that|which) (?:\w+ly )?(?:address|tackle|bridge|fill|close"
    r"|solve|overcome|mitigate|resolve|alleviate|meet|handle|answer|study|investigate|remed|fix|counter|narrow"
    r"|achieve|do"
    r"|support|explore|realize|facilitate)(?:y|s|es|ies)? (?:this|these|those|such|it|them)(?: [\w-]+){0,3}?(?=[.,])"
)
# "An adapter that addresses this by injecting context": the deed stands for itself.
_EMPTY_MEANS = re.compile(
    r",? (?:that|which) (?:\w+ly )?(?:address|tackle|bridge|solve|overcome|mitigate|resolve|alleviate|close"
    r"|achieve|do|accomplish|realize)(?:e?s)? "
    r"(?:this|these|those|it|them)(?: [\w-]+){0,2} by (?=\w+ing )"
)
# "We study this gap and propose Atlas": its second half stands for itself.
_REPLY = re.compile(
    r"^We (?:\w+ly )?\w+ (?:this|these|such|it|them)\b[^.;:]{0,120}?,? and (?:then |further |thus |also |we )?"
    rf"(?={_MAKING_VERBS} )"
)
_PRESENT = re.compile(r" (?:\w+ly )?(?!was |has )[a-z]+s ")


def strip_opening(sentence: str, name: str = "") -> str:
    """Return `sentence` from its main clause on; empty if that is not about the paper or its work.

    `name` is what the title calls the work. An opening that limits a finding ("Given enough data, ") stays.

    >>> strip_opening("To fill this gap, we further propose Atlas."), strip_opening("Maps age fast.")
    ('We propose Atlas.', '')
    """
    if _WHERE_TO_FIND.search(sentence):
        return ""
    rest = _strip_links(sentence)
    if _STATING.match(rest):
        return _strip_ties(rest)
    if _EARLIER.match(rest):
        return ""
    if found := _MAIN_CLAUSE.search(rest, 0, _LONGEST_OPENING):
        main = rest[found.end() :]
        return rest if _limits(rest[: found.start()], main) else _strip_ties(main)
    if found := _PASSIVE_MAIN_CLAUSE.match(rest):
        return _strip_ties(rest[found.end() :])
    is_about = (
        _OURS.match(rest) or _PASSIVE.match(rest) or _IN_PAPER.match(sentence) or _tells_what_it_does(rest, name)
    )
    return _capitalize(rest) if is_about else ""


def _tells_what_it_does(sentence: str, name: str) -> bool:
    """Say whether the sentence goes "Atlas draws", of what the paper calls Atlas."""
    return bool(name) and sentence.startswith(f"{name} ") and bool(_PRESENT.match(sentence, len(name)))


def strip_heading(text: str) -> str:
    """Return `text` without the heading of a part in front of it: "Background: ", "Purpose. "."""
    heading = _HEADING.match(text) or _SHORT_HEADING.match(text)
    return text[heading.end() :] if heading else text


def _strip_links(sentence: str) -> str:
    start = len(sentence) - len(strip_heading(sentence))
    while link := _LINK.match(sentence, start):
        start = link.end()
    return sentence[start:]


def _limits(opening: str, main: str) -> bool:
    is_condition = len(opening) <= _LONGEST_CONDITION and _CONDITION.match(opening)
    return bool(is_condition) and not _MAKING.match(main) and not _REFERENCE.search(opening)


def _strip_ties(statement: str) -> str:
    """Return the statement without what ties it to the sentences before: "further", "to fill this gap"."""
    statement = _TIE.sub(r"\1 ", _capitalize(statement))
    return _EMPTY_PURPOSE.sub("", _EMPTY_MEANS.sub(", ", _REPLY.sub("We ", statement)))


def is_aside(sentence: str) -> bool:
    """Say whether the sentence adds to what the paper said before: "We further", "Additionally, we".

    >>> is_aside("We also draw rivers."), is_aside("We draw maps.")
    (True, False)
    """
    return bool(_ASIDE.match(sentence))


def _capitalize(text: str) -> str:
    """Return `text` with a capital, but for names such as iPhone."""
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first.islower() else text
