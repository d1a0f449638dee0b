"""How many spoke: each signer lends one voice, under however many names it may speak.

One certificate can carry several identities, one identity can fit several patterns, and one key can be delegated to by
several holders. Where holders are counted, such a signer must not be counted as all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from govkernel.domain.evidence import Signer

_Who = tuple[str, str, str]


def voices(said: Iterable[Sequence[Signer]]) -> frozenset[str]:
    """The largest set of names that can each have a signer of its own.

    Args:
        said: of each statement its signers, each under a name it may speak in. The identities of one statement are
            one signer, since nothing says that they were not on one certificate.

    Returns:
        Names; which ones, where several would do, does not depend on the order of the statements.
    """
    names = _names_by_signer(said)
    speaker: dict[str, _Who] = {}
    for who in sorted(names):
        _give_voice(who, names, speaker, set())
    return frozenset(speaker)


def _give_voice(who: _Who, names: Mapping[_Who, set[str]], speaker: dict[str, _Who], asked: set[str]) -> bool:
    """Let a signer speak, where need be by letting others speak under another name (Kuhn's algorithm)."""
    for name in sorted(names[who] - asked):
        asked.add(name)
        if name not in speaker or _give_voice(speaker[name], names, speaker, asked):
            speaker[name] = who
            return True
    return False


def _names_by_signer(said: Iterable[Sequence[Signer]]) -> dict[_Who, set[str]]:
    """Names that each signer may speak in; identities that ever signed together are one."""
    leader: dict[_Who, _Who] = {}

    def find(who: _Who) -> _Who:
        while leader.setdefault(who, who) != who:
            who = leader[who]
        return who

    spoken: list[tuple[_Who, str]] = []
    for signers in said:
        spoken += [(_who(signer), signer.name) for signer in signers]
        certified = [_who(signer) for signer in signers if signer.identity]
        for who in certified:
            first, other = sorted((find(certified[0]), find(who)))
            leader[other] = first
    names: dict[_Who, set[str]] = {}
    for who, name in spoken:
        names.setdefault(find(who), set()).add(name)
    return names


def _who(signer: Signer) -> _Who:
    """What tells signers apart; a signer of whom nothing else is known is its name."""
    proof = (signer.key_id, signer.identity, signer.issuer)
    return proof if any(proof) else ("", "", signer.name)
