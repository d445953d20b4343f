"""What is kept at rest can be read with its key, and with no other."""

import pytest

from common.secrets import Undecryptable, Vault, derived_key, same_secret, token_hash

OLD, NEW = "the old key of sixteen", "the new key of sixteen"


def test_what_was_encrypted_can_be_read_again():
    assert Vault([NEW], "sessions").decrypt(Vault([NEW], "sessions").encrypt(b"cookies")) == b"cookies"


def test_encrypted_bytes_do_not_show_what_they_hold():
    assert b"cookies" not in Vault([NEW], "sessions").encrypt(b"cookies" * 10)


def test_after_a_rotation_the_old_is_still_read_and_the_new_key_writes():
    before = Vault([OLD], "sessions").encrypt(b"kept")
    rotated = Vault([NEW, OLD], "sessions")
    assert rotated.decrypt(before) == b"kept"
    assert Vault([NEW], "sessions").decrypt(rotated.encrypt(b"fresh")) == b"fresh"


@pytest.mark.parametrize(("key", "purpose"), [(OLD, "sessions"), (NEW, "tokens")])
def test_another_key_or_purpose_reads_nothing(key, purpose):
    sealed = Vault([NEW], "sessions").encrypt(b"kept")
    with pytest.raises(Undecryptable):
        Vault([key], purpose).decrypt(sealed)


def test_bytes_that_were_changed_are_refused():
    sealed = bytearray(Vault([NEW], "sessions").encrypt(b"kept"))
    sealed[20] ^= 1
    with pytest.raises(Undecryptable):
        Vault([NEW], "sessions").decrypt(bytes(sealed))


def test_keys_of_two_purposes_have_nothing_in_common():
    assert derived_key(NEW, "a") != derived_key(NEW, "b")
    assert len(derived_key(NEW, "a")) == 32


def test_a_token_is_kept_as_its_hash():
    assert token_hash("token") == token_hash("token") != token_hash("Token")
    assert "token" not in token_hash("token")


def test_secrets_are_compared_whole():
    assert same_secret("größe", "größe")
    assert not same_secret("abc", "abcd")
