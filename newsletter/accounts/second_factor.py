"""The second factor of a login: codes of an authenticator app, and recovery codes for when it is lost."""

import hashlib
import os
import re
import secrets
from base64 import b32encode
from typing import NamedTuple

import segno
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django_otp.models import Device
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from newsletter import audit

APP, PAPER = "authenticator app", "recovery codes"
KEY_BYTES = 20
CODES = 10
CODE_BYTES = 10  # 80 bits: nobody finds one by trying hashes either
STEPS_OFF = 1  # a phone's clock may be half a minute wrong


class CodeCheck(NamedTuple):
    device: Device | None
    wait_seconds: int = 0  # until another code is looked at


def is_set_up(account: User) -> bool:
    return bool(TOTPDevice.objects.filter(user=account, confirmed=True).exists())


def new_key() -> str:
    return os.urandom(KEY_BYTES).hex()


def spelled(key: str) -> str:
    """Return a key as it is typed into an app: base 32, in groups of four."""
    return " ".join(re.findall("....", b32encode(bytes.fromhex(key)).decode()))


def picture(account: User, key: str) -> str:
    """Return the key as a QR code in SVG, which an app reads from the screen."""
    address = TOTPDevice(user=account, key=key).config_url
    # Dark on light in both themes: few apps read the inverse.
    return str(segno.make(address, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff"))


@transaction.atomic
def set_up(account: User, key: str, typed: str) -> tuple[TOTPDevice, list[str]] | None:
    """Replace the account's second factor where `typed` is the key's code now; return it with new recovery codes."""
    totp = TOTP(bytes.fromhex(key))
    code = plain(typed)
    if not re.fullmatch(r"[0-9]{6}", code) or not totp.verify(int(code), STEPS_OFF):
        return None
    User.objects.select_for_update().get(pk=account.pk)
    forget(account)
    # The code that proved it is used up.
    device = TOTPDevice.objects.create(user=account, name=APP, key=key, drift=totp.drift, last_t=totp.t())
    audit.record(account, account, "set up a second factor")
    return device, new_codes(account)


def new_codes(account: User) -> list[str]:
    """Give an account recovery codes; only their hashes are stored."""
    device = StaticDevice.objects.create(user=account, name=PAPER)
    codes = [b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower() for _ in range(CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=hashed(code)) for code in codes)
    return ["-".join(re.findall("....", code)) for code in codes]


@transaction.atomic
def check(account: User, typed: str) -> CodeCheck:
    """Say which factor a code is of; each counts once, and after a wrong one the next is looked at ever later."""
    code = plain(typed)
    is_of_app = re.fullmatch(r"[0-9]{6}", code) is not None
    kind: type[Device] = TOTPDevice if is_of_app else StaticDevice
    # Locked, so that of two tries at once one comes second.
    device = kind.objects.select_for_update().filter(user=account, confirmed=True).first()
    if device is None:
        return CodeCheck(None)
    may, reason = device.verify_is_allowed()
    if not may:
        return CodeCheck(None, 1 + int((reason["locked_until"] - timezone.now()).total_seconds()))
    if not device.verify_token(code if is_of_app else hashed(code)):
        return CodeCheck(None)
    if not is_of_app:
        audit.record(account, account, "used a recovery code", {}, {"codes left": codes_left(account)})
    return CodeCheck(device)


def codes_left(account: User) -> int:
    return int(StaticToken.objects.filter(device__user=account).count())


@transaction.atomic
def reset(account: User, by: audit.Actor) -> bool:
    """Take an account's second factor away, so that the next login sets up another; False where there was none."""
    if not forget(account):
        return False
    audit.record(by, account, "reset the second factor of")
    return True


def forget(account: User) -> int:
    """Delete an account's factors; return how many rows went."""
    kinds = (TOTPDevice, StaticDevice)
    return sum(int(kind.objects.filter(user=account).delete()[0]) for kind in kinds)


def plain(typed: str) -> str:
    return re.sub(r"[\s-]", "", typed).lower()


def hashed(code: str) -> str:
    return b32encode(hashlib.sha256(code.encode()).digest()[:CODE_BYTES]).decode().lower()
