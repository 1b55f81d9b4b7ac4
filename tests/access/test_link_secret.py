"""The secret of a link is kept as its digest, and only the secret itself proves it."""

import hashlib

from webipc.access.link_secret import digest_of, proves

SECRET = "fedcba9876543210fedcba9876543210"


def test_what_is_kept_is_the_sha_256_of_the_secret() -> None:
    assert digest_of(SECRET) == hashlib.sha256(SECRET.encode()).digest()


def test_a_secret_proves_its_own_digest_and_no_other() -> None:
    assert proves(SECRET, digest_of(SECRET))
    assert not proves(SECRET[:-1] + "1", digest_of(SECRET))


def test_the_digest_does_not_prove_itself() -> None:
    assert not proves(digest_of(SECRET).hex(), digest_of(SECRET))
    assert not proves(digest_of(SECRET).hex()[:32], digest_of(SECRET))
