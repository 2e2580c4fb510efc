"""The tables of accounts. What is secret in them is hashed, sealed or wrapped before it gets here."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID_CHARACTERS = 32


class Base(DeclarativeBase):
    """Tables of accounts."""


class User(Base):
    """An account. Times are Unix seconds."""

    __tablename__ = "accounts_users"

    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    name_key: Mapped[str] = mapped_column(String(256), unique=True)
    role: Mapped[str] = mapped_column(String(32))
    password_hash: Mapped[str] = mapped_column(String(128))
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    totp_secret: Mapped[bytes] = mapped_column(LargeBinary)
    totp_last_step: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[int] = mapped_column(BigInteger)


class RecoveryCode(Base):
    """A keyed hash of one recovery code; a used one stays, so that it can't be used again."""

    __tablename__ = "accounts_recovery_codes"

    user_id: Mapped[str] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    used_at: Mapped[int | None] = mapped_column(BigInteger)


class SessionRow(Base):
    """A session, known by the SHA-256 of its token: who reads this table can't sign in with it."""

    __tablename__ = "accounts_sessions"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    created_at: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[int] = mapped_column(BigInteger, index=True)


class Disabled(Base):
    """An account that may not sign in; no row means that it may."""

    __tablename__ = "accounts_disabled"

    user_id: Mapped[str] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    since: Mapped[int] = mapped_column(BigInteger)


class StepUp(Base):
    """When the holder of a session last gave password and code again; it goes with the session."""

    __tablename__ = "accounts_step_ups"

    digest: Mapped[bytes] = mapped_column(ForeignKey(SessionRow.digest, ondelete="CASCADE"), primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger)


class LinkRow(Base):
    """A one-time link, known by the SHA-256 of its token: to a new account, or to a new password.

    `user_id` is empty for an invitation; `name` is empty where the invited person chooses it.
    """

    __tablename__ = "accounts_links"

    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    role: Mapped[str] = mapped_column(String(32))
    name: Mapped[str | None] = mapped_column(String(64))
    user_id: Mapped[str | None] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    expires_at: Mapped[int] = mapped_column(BigInteger)
    tries: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[int | None] = mapped_column(BigInteger)


class Passkey(Base):
    """A WebAuthn credential (W3C Web Authentication Level 3). Only its public half is here.

    `user_verified` says whether the authenticator looked at face, finger or PIN when it was enrolled;
    `sign_count` is the highest counter seen (0: the authenticator has none); `transports` is separated by
    commas.
    """

    __tablename__ = "accounts_passkeys"

    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    credential: Mapped[bytes] = mapped_column(LargeBinary(1023), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(64))
    transports: Mapped[str] = mapped_column(String(128))
    user_verified: Mapped[bool]
    backed_up: Mapped[bool]
    created_at: Mapped[int] = mapped_column(BigInteger)
    used_at: Mapped[int | None] = mapped_column(BigInteger)


class Consent(Base):
    """Which edition of the privacy text a person has agreed to, and when."""

    __tablename__ = "accounts_consents"

    user_id: Mapped[str] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)
    edition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(BigInteger)


class RolePolicy(Base):
    """Which factors a role must have; no row means the least: password and any second factor."""

    __tablename__ = "accounts_role_policies"

    role: Mapped[str] = mapped_column(String(32), primary_key=True)
    passkey_required: Mapped[bool]
    passkey_alone: Mapped[bool]


class Uncleared(Base):
    """A deleted account of which files may be left; the row goes when they are gone. See erasure.py."""

    __tablename__ = "accounts_uncleared"

    former: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    since: Mapped[int] = mapped_column(BigInteger)


class Foundation(Base):
    """One row, once: the first administrator. Its primary key is what closes set-up for ever."""

    __tablename__ = "accounts_foundation"
    __table_args__ = (CheckConstraint("id = 1", name="only_one_foundation"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    administrator: Mapped[str] = mapped_column(ForeignKey(User.id))
    founded_at: Mapped[int] = mapped_column(BigInteger)


class AttemptRow(Base):
    """Failures that were counted under a keyed hash of a name, an address or a device. Times in ms."""

    __tablename__ = "accounts_attempts"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    failures: Mapped[int] = mapped_column(BigInteger)
    free_at_ms: Mapped[int] = mapped_column(BigInteger)
    seen_at_ms: Mapped[int] = mapped_column(BigInteger, index=True)


class InstallationSecret(Base):
    """A secret of the whole installation, wrapped under the key-encryption key; see keyring.py."""

    __tablename__ = "accounts_installation_secrets"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
