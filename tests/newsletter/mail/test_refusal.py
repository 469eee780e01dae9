"""Whose fault a refusal is, from the recorded answers of large receivers and from their codes."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.mail.refusal import Blame, Refusal, read_refusal
from newsletter.mail.refusal_words import Cause

PAYLOADS = Path(__file__).parents[2] / "payloads" / "refusals" / "answers.json"
RECORDED = [
    (receiver, blame, cause, answer)
    for receiver, answers in json.loads(PAYLOADS.read_text()).items()
    for blame, cause, answer in answers
]


@pytest.mark.parametrize(("receiver", "blame", "cause", "answer"), RECORDED)
def test_a_recorded_answer_tells_whose_fault_it_is(receiver: str, blame: str, cause: str, answer: str) -> None:
    assert read_refusal(answer) == Refusal(Blame(blame), Cause(cause) if cause else None)


def test_every_large_receiver_has_a_recorded_answer_of_each_fault() -> None:
    told = {receiver: {blame for other, blame, _, _ in RECORDED if other == receiver} for receiver, *_ in RECORDED}
    large = ("Gmail", "Outlook", "Yahoo", "Apple", "Proofpoint", "Mimecast", "Barracuda")
    assert {receiver for receiver in large if {"address", "us"} <= told[receiver]} == set(large)


def test_every_cause_has_a_recorded_answer() -> None:
    assert {Cause(cause) for _, _, cause, _ in RECORDED if cause} == set(Cause)


@pytest.mark.parametrize(
    ("status", "blame"),
    [
        ("5.1.1", "address"), ("5.1.0", "address"), ("5.1.6", "address"), ("5.2.1", "address"), ("5.2.2", "mailbox"),
        ("5.3.1", "mailbox"), ("4.1.1", "mailbox"), ("4.7.0", "mailbox"), ("5.7.0", "us"), ("5.7.1", "us"),
        ("5.7.26", "us"), ("5.7.515", "us"), ("5.1.8", "us"), ("4.7.30", "us"), ("5.2.3", "us"), ("5.0.0", "unknown"),
        ("5.4.4", "unknown"), ("5.5.0", "unknown"), ("2.0.0", "unknown"), ("", "unknown"),
    ],
)  # fmt: skip
def test_a_code_alone_tells_whose_fault_it_is(status: str, blame: str) -> None:
    assert read_refusal("", status).blame == blame
    assert read_refusal(f"smtp; {status} no.", "5.0.0").blame == blame


@given(code=st.integers(0, 999), words=st.text(max_size=200), case=st.sampled_from([str.lower, str.upper, str.title]))
def test_a_security_code_never_blames_the_address(code: int, words: str, case: object) -> None:
    assert callable(case)
    if code not in (17, 18):  # a new owner, by RFC 7293
        assert read_refusal(case(f"550 5.7.{code} no such user")).blame is Blame.US
        assert read_refusal(f"{words} 550 5.7.{code} ").blame is Blame.US


@given(answer=st.text(max_size=300), status=st.text(max_size=20))
def test_any_answer_can_be_read_and_only_our_faults_have_a_cause(answer: str, status: str) -> None:
    refusal = read_refusal(answer, status)
    assert (refusal.blame is Blame.US) is (refusal.cause is not None)
