"""Encryption of what is kept at rest, with keys derived from the secret key; rotation by a second key."""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Undecryptable(Exception):
    """Stored under another secret key; it has to be made anew."""


def derived_key(secret_key: str, purpose: str) -> bytes:
    """32 bytes for one purpose; keys of different purposes say nothing about each other."""
    return HKDF(SHA256(), 32, salt=None, info=f"mhc {purpose}".encode()).derive(secret_key.encode())


class Vault:
    """Encrypts with the newest key, decrypts with any of them."""

    def __init__(self, secret_keys: Sequence[str], purpose: str) -> None:
        self._fernet = MultiFernet(
            [Fernet(base64.urlsafe_b64encode(derived_key(key, purpose))) for key in secret_keys]
        )

    def encrypt(self, plain: bytes) -> bytes:
        return self._fernet.encrypt(plain)

    def decrypt(self, sealed: bytes) -> bytes:
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise Undecryptable("stored under another secret key") from error


def token_hash(token: str) -> str:
    """What is kept of a bearer token: it has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def same_secret(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
