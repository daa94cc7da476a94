"""Numbers of people: sealed where a hall must have them back, and a keyed mark where it only compares.

The key is a systemd credential, or a file beside the database that only this user reads. A backup of the database
without the key tells nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CREDENTIAL = "hall-edge.key"
SIZE = 32


class Vault:
    def __init__(self, key: bytes) -> None:
        if len(key) != SIZE:
            raise ValueError(f"the key has {len(key)} bytes, not {SIZE}")
        self._marks = hashlib.sha256(b"marks" + key).digest()
        self._cipher = AESGCM(hashlib.sha256(b"seals" + key).digest())

    def mark(self, kind: str, number: str) -> str:
        """The same for the same number, and of no use to anyone without the key: 32 hex digits."""
        return hmac.new(self._marks, f"{kind}:{number}".encode(), hashlib.sha256).hexdigest()[:32]

    def slip_key(self, ticket: str) -> str:
        """What stands on the ticket's slip and nowhere else."""
        return self.mark("slip", ticket)[:16]

    def seal(self, text: str, about: str) -> bytes:
        """AES-256-GCM; `about` names the row it belongs to, and nothing else opens it."""
        nonce = secrets.token_bytes(12)
        return nonce + self._cipher.encrypt(nonce, text.encode(), about.encode())

    def unseal(self, sealed: bytes, about: str) -> str | None:
        """None when it was sealed with another key or for another row."""
        try:
            return self._cipher.decrypt(sealed[:12], sealed[12:], about.encode()).decode()
        except InvalidTag:
            return None


def open_vault(data: Path) -> Vault:
    """Takes the key from systemd, or from the data folder, where it is made on the first start. Raises OSError."""
    given = Path(os.environ.get("CREDENTIALS_DIRECTORY", "")) / CREDENTIAL
    path = given if "CREDENTIALS_DIRECTORY" in os.environ and given.exists() else data / "private.key"
    if not path.exists():
        data.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.touch(mode=0o600)
        with fresh.open("wb") as file:
            file.write(secrets.token_bytes(SIZE))
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
    return Vault(path.read_bytes())
