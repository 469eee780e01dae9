"""The second factor of a login (django-otp): codes of an authenticator app, and recovery codes in case it is lost."""

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

APP_DEVICE, RECOVERY_DEVICE = "authenticator app", "recovery codes"
KEY_BYTES = 20
RECOVERY_CODES = 10
RECOVERY_CODE_BYTES = 10  # 80 bits, so a stolen hash cannot be reversed by trying all codes
TOLERATED_STEPS = 1  # of 30 s, by which a phone's clock may be wrong


class CodeCheck(NamedTuple):
    device: Device | None  # that the code belongs to; None: the code is wrong, or was not checked
    wait_seconds: int = 0  # until the next code is checked


def is_set_up(account: User) -> bool:
    return bool(TOTPDevice.objects.filter(user=account, confirmed=True).exists())


def new_key() -> str:
    return os.urandom(KEY_BYTES).hex()


def format_key(key: str) -> str:
    """Return a key (hex) as people type it into an app: base 32, in groups of four."""
    return " ".join(re.findall("....", b32encode(bytes.fromhex(key)).decode()))


def qr_code(account: User, key: str) -> str:
    """Return the key as a QR code (SVG) for an app to scan."""
    address = TOTPDevice(user=account, key=key).config_url
    # Dark on light in both themes: few apps read an inverted code.
    return str(segno.make(address, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff"))


@transaction.atomic
def set_up(account: User, key: str, typed: str) -> tuple[TOTPDevice, list[str]] | None:
    """Replace the account's second factor; return it with new recovery codes, or None for a wrong code."""
    totp = TOTP(bytes.fromhex(key))
    code = normalize(typed)
    if not re.fullmatch(r"[0-9]{6}", code) or not totp.verify(int(code), TOLERATED_STEPS):
        return None
    User.objects.select_for_update().get(pk=account.pk)
    delete_devices(account)
    # `last_t` marks the typed code as used.
    device = TOTPDevice.objects.create(user=account, name=APP_DEVICE, key=key, drift=totp.drift, last_t=totp.t())
    audit.record(account, account, "set up a second factor")
    return device, create_recovery_codes(account)


def create_recovery_codes(account: User) -> list[str]:
    """Create and return recovery codes; only their hashes are stored."""
    device = StaticDevice.objects.create(user=account, name=RECOVERY_DEVICE)
    codes = [b32encode(secrets.token_bytes(RECOVERY_CODE_BYTES)).decode().lower() for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=hash_code(code)) for code in codes)
    return ["-".join(re.findall("....", code)) for code in codes]


@transaction.atomic
def check_code(account: User, typed: str) -> CodeCheck:
    """Find the device that a code belongs to; each works once, and wrong ones delay the next check ever longer."""
    code = normalize(typed)
    is_of_app = re.fullmatch(r"[0-9]{6}", code) is not None
    kind: type[Device] = TOTPDevice if is_of_app else StaticDevice
    # Locked, so that two attempts at once are checked one after the other.
    device = kind.objects.select_for_update().filter(user=account, confirmed=True).first()
    if device is None:
        return CodeCheck(None)
    may, reason = device.verify_is_allowed()
    if not may:
        return CodeCheck(None, 1 + int((reason["locked_until"] - timezone.now()).total_seconds()))
    if not device.verify_token(code if is_of_app else hash_code(code)):
        return CodeCheck(None)
    if not is_of_app:
        audit.record(account, account, "used a recovery code", {}, {"codes left": count_codes_left(account)})
    return CodeCheck(device)


def count_codes_left(account: User) -> int:
    return int(StaticToken.objects.filter(device__user=account).count())


@transaction.atomic
def reset(account: User, by: audit.Actor) -> bool:
    """Remove an account's second factor, so that the next login sets up another; return False where there was none."""
    if not delete_devices(account):
        return False
    audit.record(by, account, "reset the second factor of")
    return True


def delete_devices(account: User) -> int:
    """Delete an account's devices and codes; return the number of rows."""
    kinds = (TOTPDevice, StaticDevice)
    return sum(int(kind.objects.filter(user=account).delete()[0]) for kind in kinds)


def normalize(typed: str) -> str:
    return re.sub(r"[\s-]", "", typed).lower()


def hash_code(code: str) -> str:
    return b32encode(hashlib.sha256(code.encode()).digest()[:RECOVERY_CODE_BYTES]).decode().lower()
