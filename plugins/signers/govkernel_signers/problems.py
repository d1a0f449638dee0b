"""The errors of the plugin. What stores and their libraries say may quote what was sent, so only its kind is told."""

from __future__ import annotations

from govkernel.errors import ConfigError


def bad_uri(why: str, form: str) -> ConfigError:
    """``signer.uri``: the URI names no key."""
    return ConfigError("signer.uri", "The key URI cannot be used.", why=why, remedy=f"Write {form}.")


def not_installed(extra: str) -> ConfigError:
    """``signer.not-installed``: the store's library is missing."""
    return ConfigError(
        "signer.not-installed",
        "The library for this key store is not installed.",
        remedy=f'pip install "govkernel-signers[{extra}]"',
    )


def bad_setting(what: str, remedy: str) -> ConfigError:
    """``signer.settings``: a setting is missing, or cannot be used."""
    return ConfigError("signer.settings", what, remedy=remedy)


def no_credentials(store: str, why: str, remedy: str) -> ConfigError:
    """``signer.credentials``: there are none, or the store does not take them."""
    return ConfigError(
        "signer.credentials",
        f"{store} cannot be used with the credentials there are.",
        why=why,
        remedy=remedy,
    )


def no_key(store: str, why: str) -> ConfigError:
    """``signer.no-key``: the store has no such key, or several."""
    return ConfigError(
        "signer.no-key",
        f"{store} has no one key of that name.",
        why=why,
        remedy="Correct the URI, and check that the credentials may see the key.",
    )


def unsupported(store: str, why: str) -> ConfigError:
    """``signer.unsupported``: the key is of a kind we do not sign with."""
    return ConfigError(
        "signer.unsupported",
        f"The key in {store} cannot sign statements.",
        why=why,
        remedy="Make a signing key: ECDSA P-256 (best, every tool verifies it), ECDSA P-384, or Ed25519.",
    )


def unavailable(store: str, why: str) -> ConfigError:
    """``signer.unavailable``: no answer, or one that says no."""
    return ConfigError(
        "signer.unavailable",
        f"{store} cannot be asked.",
        why=why,
        remedy="Check its address and that it can be reached; then try again.",
    )


def wrong_answer(store: str, why: str) -> ConfigError:
    """``signer.wrong-answer``: it said what cannot be."""
    return ConfigError(
        "signer.wrong-answer",
        f"{store} gave an answer that cannot be.",
        why=why,
        remedy="Do not sign with it; ask whoever runs it.",
    )
