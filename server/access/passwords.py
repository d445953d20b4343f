"""Passwords of the panel's users: argon2, and the same time for names that do not exist."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 8, 256
_hasher = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=2)
_at_once = threading.BoundedSemaphore(2)  # each takes 32 MiB: a flood of sign-ins must not take all memory
# Of a password nobody knows, made with the parameters above; making it anew would cost every start a tenth of a second.
_nobodys = "$argon2id$v=19$m=32768,t=3,p=2$TRPCHzBNc6FbyMRT3RN32w$CAB7xtML4/CmZZ7OGlP6OuK054wNr9XnRiBZKgSKdcc"


def hashed(password: str) -> str:
    with _at_once:
        return _hasher.hash(password)


def matches(password: str, kept: str | None) -> bool:
    """Is it this password? With kept=None the answer is no, and takes as long."""
    if len(password) > LONGEST:
        password = ""
    try:
        with _at_once:
            return _hasher.verify(kept or _nobodys, password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def outdated(kept: str) -> bool:
    """Made with weaker parameters than those of today."""
    return _hasher.check_needs_rehash(kept)


def objection(password: str, name: str = "") -> str | None:
    """Why this cannot be a password; None if it can."""
    if len(password) < SHORTEST:
        return f"The password needs at least {SHORTEST} characters."
    if len(password) > LONGEST:
        return f"The password can have at most {LONGEST} characters."
    if name and password.lower() == name.lower():
        return "The password must not be the name."
    return None
