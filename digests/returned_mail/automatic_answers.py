"""Tells mails that machines wrote in answer to ours: out of office, please confirm, this was read."""

import re

from digests.returned_mail.stranger_mail import StrangerMail

AUTOMATIC_HEADERS = ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Response-Suppress", "X-AutoReply-From")
AUTOMATIC_PRECEDENCE = ("auto_reply", "auto-reply", "bulk", "junk", "list")
AUTOMATIC_SUBJECT = re.compile(
    r"^\W*(?:re: )?(?:"
    r"auto(?:matic|mated|matische|matisch|matique)?[ -]?(?:reply|response|answer|antwort|svar)"
    r"|out of (?:the )?office|ooo\b|(?:i am |i'm )?(?:on|away on) (?:vacation|holiday|leave)"
    r"|away from (?:the|my) (?:office|mail)"
    r"|abwesen|automatische antwort|ich bin (?:nicht im|außer)|réponse automatique|absen[ct]|en vacances"
    r"|respuesta automática|fuera de (?:la )?oficina|risposta automatica|fuori (?:sede|ufficio)"
    r"|resposta automática|automatisch antwoord|afwezig|autosvar|frånvaro|fravær|poissa|automaattinen"
    r"|autoodpowiedź|automatyczna odpowiedź|автоответ|自动回复|自動返信|不在|자동 회신"
    r")",
    re.IGNORECASE,
)
CHALLENGE = re.compile(
    r"please confirm (?:your|this|that you)|confirm(?:ation)? (?:your|that your) (?:e-?mail|message)"
    r"|requires? (?:verification|confirmation)|awaiting (?:your )?(?:verification|confirmation)"
    r"|verify#|\[boxbe\]|spam ?arrest|choicemail|sender (?:address )?verification|are you human"
    r"|prove (?:that )?you(?:'re| are) (?:a )?human|(?:to|must) (?:verify|confirm) (?:that )?you (?:are|sent)",
    re.IGNORECASE,
)
CHALLENGE_AGENTS = re.compile(r"tmda|boxtrapper|spamarrest|mailinblack|boxbe", re.IGNORECASE)


def is_challenge(mail: StrangerMail) -> bool:
    """Return whether a filter holds our mail back until somebody proves to be human. Nobody answers it."""
    agents = " ".join(mail.headers("X-Delivery-Agent", "X-Mailer", "X-Boxtrapper", "Return-Path", "From"))
    return CHALLENGE_AGENTS.search(agents) is not None or (
        (is_marked_automatic(mail) or mail.is_from_machine or "confirm" in mail.sender)
        and CHALLENGE.search(f"{mail.subject} {mail.text[:2_000]}") is not None
    )


def is_automatic(mail: StrangerMail) -> bool:
    """Return whether no person wrote this: by its headers (RFC 3834), by its subject, or as a read receipt."""
    is_receipt = any(mail.of_type("message/disposition-notification"))
    return is_receipt or is_marked_automatic(mail) or AUTOMATIC_SUBJECT.search(mail.subject) is not None


def is_marked_automatic(mail: StrangerMail) -> bool:
    submitted = mail.header("Auto-Submitted").strip().lower()
    precedence = {value.strip().lower() for value in mail.headers("Precedence", "X-Precedence")}
    return bool(
        (submitted and not submitted.startswith("no"))
        or mail.has(*AUTOMATIC_HEADERS)
        or precedence & {*AUTOMATIC_PRECEDENCE}
    )
