"""The server of one provider: read a call, apply the plan, write the ledger, then answer."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count

import orjson

from tests.outside.faults import Fault, Plan, Rule
from tests.outside.interfaces.api import Api, Refusal
from tests.outside.ledger import Ledger, Mail, read
from tests.outside.web import Answer, Cut, Request, json_answer

PLAN_PATH = "/_plan"  # of no provider: here the plan is replaced while the server runs
LOOK_UP = "GET"  # stands for the addresses of a question, which has none
PAGE = b"<!doctype html><title>Welcome</title><h1>Please sign in to the network</h1>"


class Desk:
    """What the servers of all providers have: a plan, and the number of the request."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.plan = Plan()
        self.numbers = count(1)

    def replan(self, request: Request) -> Answer:
        self.plan = Plan(Rule(**rule | {"fault": Fault(rule["fault"])}) for rule in orjson.loads(request.body))
        return json_answer(200, {})

    async def control(self, request: Request) -> Answer:
        return self.replan(request) if request.path == PLAN_PATH else json_answer(404, {})


class HttpProvider(Desk):
    def __init__(
        self,
        api: Api,
        ledger: Ledger,
        witness: Callable[[Sequence[str]], None] | None = None,
        calls_a_minute: int = 0,
    ) -> None:
        super().__init__(ledger)
        self.api = api
        self.witness = witness
        self.last_calls: deque[float] | None = deque(maxlen=calls_a_minute) if calls_a_minute else None

    async def handle(self, request: Request) -> Answer:
        """Answer one request. Raise Cut if the plan breaks the connection."""
        if request.path == PLAN_PATH:
            return self.replan(request)
        if request.method == "GET":
            return self.look_up(request)
        if self.is_one_too_many(time.monotonic()):
            return json_answer(429, {"message": "Too many requests"}, Retry_After="1")
        try:
            mails = self.api.mails(request)
        except Refusal as refusal:
            return refusal.answer
        except (ValueError, KeyError, TypeError) as exc:  # no call that this provider can read
            return json_answer(400, {"message": f"{type(exc).__name__}: {exc}"})
        return await self.take(request, next(self.numbers), mails)

    def look_up(self, request: Request) -> Answer:
        """Answer a question about mails. Rules for the address `GET` are for questions."""
        if rule := self.plan.fault([LOOK_UP]):
            return faulty(rule, json_answer(200, {}))
        return self.api.look_up(request, [entry for entry in read(self.ledger.path) if entry.accepted])

    def is_one_too_many(self, now: float) -> bool:
        """Return whether a call is beyond the calls of its minute; remember it if not."""
        last = self.last_calls
        if last is None or (len(last) == last.maxlen and now < last[0] + 60):
            return last is not None
        last.append(now)
        return False

    async def take(self, request: Request, number: int, mails: list[Mail]) -> Answer:
        addresses = [mail.address for mail in mails]
        if self.witness:  # in a thread of its own, so that it may do what takes time
            await asyncio.to_thread(self.witness, addresses)
        if delay := self.plan.delay(addresses):
            await asyncio.sleep(delay)
        rule = self.plan.fault(addresses)
        if rule is not None and not rule.accepts:
            self.ledger.write(number, mails, why=rule.fault)
            return faulty(rule, json_answer(200, {}))
        for mail in mails:
            mail.trouble = self.plan.trouble(mail.address) or ("" if "@" in mail.address else Fault.INVALID)
        answer = self.api.answer(request, mails)
        for mail in mails:
            if not (mail.is_accepted or mail.trouble):
                mail.trouble = "with others"
        self.ledger.write(number, mails, why=rule.fault if rule else "")
        return faulty(rule, answer) if rule else answer


def faulty(rule: Rule, answer: Answer) -> Answer:
    """Return an answer as a rule changes it. Raise Cut if it does not arrive."""
    half = answer.body[: len(answer.body) // 2]
    match rule.fault:
        case Fault.CUT:
            raise Cut
        case Fault.BROKEN_OFF:
            raise Cut(answer.wire()[: len(half) - len(answer.body)])
        case Fault.TRUNCATED:
            return replace(answer, body=half)
        case Fault.FOREIGN:
            return Answer(200, PAGE, content_type="text/html")
    headers = {"Retry-After": rule.retry_after} if rule.retry_after else {}
    return json_answer(rule.status, {"message": "Planned to fail", "Message": "Planned to fail"}, **headers)
