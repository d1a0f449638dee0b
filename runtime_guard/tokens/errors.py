"""What can go wrong with the vault. No error tells a value, a surrogate or the name of a conversation."""

from __future__ import annotations

from govkernel.errors import GovkernelError


class VaultError(GovkernelError):
    """The vault could not be read or written, or its keys not be used."""


def unavailable(why: str) -> VaultError:
    """The vault's database cannot be used now."""
    return VaultError(
        "vault.unavailable",
        "The vault cannot be used, so nothing was passed on.",
        why=why,
        remedy="Check that its database runs, is reachable, writable and not full: [guard.vault] database.",
    )


def tampered(why: str) -> VaultError:
    """Something in the vault is not what was written."""
    return VaultError(
        "vault.tampered",
        "An entry of the vault is not what was written.",
        why=why,
        remedy="Find out who can write to the database; `govkernel vault erase` removes what cannot be trusted.",
    )


def full(limit: int) -> VaultError:
    """One request holds more values than a conversation may have."""
    return VaultError(
        "vault.full",
        "The request holds more values than a conversation may have surrogates.",
        why=f"Limit {limit}.",
        remedy="Send less at once, or raise [guard.vault] conversation_entries.",
    )


def contended() -> VaultError:
    """Other writers were first, again and again."""
    return VaultError(
        "vault.contended",
        "The vault gave no surrogate, because others were writing to the same conversation.",
        remedy="Try again.",
    )


def key_unknown(key_id: str) -> VaultError:
    """A tenant's key is wrapped by a key-encryption key that is not configured."""
    return VaultError(
        "vault.key-unknown",
        "A key of the vault is wrapped by a key-encryption key that is not configured.",
        why=f"It was wrapped by {key_id[:100]!r}.",
        remedy="Name it in [guard.vault] previous_keys until `govkernel vault rotate` has run.",
    )


def key_failed(why: str) -> VaultError:
    """The key-encryption key did not open what it is said to have wrapped, or could not be asked."""
    return VaultError(
        "vault.key-failed",
        "A key of the vault could not be wrapped or unwrapped.",
        why=why,
        remedy="Check [guard.vault] key and the key service behind it.",
    )
