"""The credential that a job needs: is it there?"""

from pydantic import SecretStr

from common.settings import PREFIX
from server import settings
from server.jobs.kinds import KINDS, JobKind


def missing_credential(kind: JobKind) -> tuple[str, str] | None:
    """The variable of the setting that this job needs and does not have, and what it means; None: it can run."""
    if not kind.credential:
        return None
    value = getattr(settings.current(), kind.credential)
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return None if text else (f"{PREFIX}{kind.credential.upper()}", kind.credential_meaning)


def able(names: list[str]) -> list[str]:
    """Those of these jobs that lack no credential."""
    return [name for name in names if name not in KINDS or missing_credential(KINDS[name]) is None]
