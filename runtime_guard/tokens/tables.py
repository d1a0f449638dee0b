"""The tables of the vault, for SQLite and PostgreSQL alike. docs/how-to/pseudonymise.md tells what they show."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table
from sqlmodel import Field, SQLModel

NAME_LENGTH: Final = 512
"""Characters of a tenant's or a key's name."""


class _Base(SQLModel):
    metadata = MetaData()


def _bytes(length: int | None = None, *, key: bool = False) -> Column[bytes]:
    return Column(LargeBinary(length), primary_key=key, nullable=False)


class EntryRow(_Base, table=True):
    """A sealed entry; see :class:`runtime_guard.tokens.entry.Row`."""

    __tablename__ = "vault_entry"
    __table_args__ = (
        Index("vault_entry_surrogate", "tenant", "conversation", "surrogate_hash", unique=True),
        Index("vault_entry_series", "tenant", "conversation", "series", "number"),
        Index("vault_entry_expiry", "expires_at"),
    )

    tenant: str = Field(sa_column=Column(String(NAME_LENGTH), primary_key=True))
    conversation: bytes = Field(sa_column=_bytes(16, key=True))
    value_hash: bytes = Field(sa_column=_bytes(16, key=True))
    surrogate_hash: bytes = Field(sa_column=_bytes(16))
    series: bytes = Field(sa_column=_bytes(16))
    number: int = Field(sa_column=Column(Integer, nullable=False))
    sent: bool = Field(sa_column=Column(Boolean, nullable=False))
    key_id: bytes = Field(sa_column=_bytes(16))
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    sealed: bytes = Field(sa_column=_bytes())


class KeyRow(_Base, table=True):
    """A tenant's wrapped keys; see :class:`runtime_guard.tokens.entry.WrappedKey`."""

    __tablename__ = "vault_key"

    tenant: str = Field(sa_column=Column(String(NAME_LENGTH), primary_key=True))
    serial: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    key_id: bytes = Field(sa_column=_bytes(16))
    wrapper: str = Field(sa_column=Column(String(NAME_LENGTH), nullable=False))
    wrapped: bytes = Field(sa_column=_bytes())


METADATA: Final = _Base.metadata
ENTRY: Final[Table] = METADATA.tables["vault_entry"]
KEY: Final[Table] = METADATA.tables["vault_key"]
