"""The webhook's certificates: made, kept, renewed, somebody else's left alone; and served, with a real handshake."""

from __future__ import annotations

import base64
import socket
import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509

from govkernel.admission.certificates import RENEW_BEFORE, SERVER_LIFE, Certificates, ensure_certificates
from govkernel.admission.tls import LOOK_EVERY, LiveContext
from govkernel.errors import ConfigError

NAMES = ["localhost", "127.0.0.1", "govkernel.govkernel.svc"]
NOW = datetime.now(UTC).replace(microsecond=0)


def certificate(made: Certificates) -> x509.Certificate:
    return x509.load_pem_x509_certificate(made.certificate_path.read_bytes())


def refused(folder: Path, names: list[str] | None = None, now: datetime = NOW) -> str:
    with pytest.raises(ConfigError) as caught:
        ensure_certificates(folder, NAMES if names is None else names, now=now)
    assert caught.value.remedy
    return caught.value.code


def test_keys_are_ours_alone_and_the_bundle_is_the_ca(tmp_path: Path) -> None:
    made = ensure_certificates(tmp_path / "tls", NAMES, now=NOW)
    for name in ("ca.key", "tls.key"):
        assert stat.S_IMODE((tmp_path / "tls" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700
    assert base64.b64decode(made.ca_bundle) == made.ca_path.read_bytes()
    assert made.expires_at == NOW + SERVER_LIFE


def test_what_is_good_is_kept(tmp_path: Path) -> None:
    first = ensure_certificates(tmp_path, NAMES, now=NOW)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert ensure_certificates(tmp_path, [*reversed(NAMES)], now=NOW + timedelta(days=1)).expires_at <= (
        first.expires_at + timedelta(days=1)
    )
    ensure_certificates(tmp_path, NAMES, now=NOW + timedelta(days=2))
    assert (tmp_path / "ca.crt").read_bytes() == before["ca.crt"]


def test_a_certificate_is_renewed_by_the_same_ca_before_it_lapses(tmp_path: Path) -> None:
    first = ensure_certificates(tmp_path, NAMES, now=NOW)
    serial, bundle = certificate(first).serial_number, first.ca_bundle
    just_before = NOW + SERVER_LIFE - RENEW_BEFORE - timedelta(seconds=1)
    assert certificate(ensure_certificates(tmp_path, NAMES, now=just_before)).serial_number == serial
    renewed = ensure_certificates(tmp_path, NAMES, now=just_before + timedelta(seconds=1))
    assert certificate(renewed).serial_number != serial
    assert renewed.ca_bundle == bundle


def test_other_names_make_another_certificate(tmp_path: Path) -> None:
    serial = certificate(ensure_certificates(tmp_path, NAMES, now=NOW)).serial_number
    assert certificate(ensure_certificates(tmp_path, ["localhost"], now=NOW)).serial_number != serial


@pytest.mark.parametrize("damaged", ["tls.crt", "tls.key"])
def test_a_damaged_server_certificate_is_made_anew(tmp_path: Path, damaged: str) -> None:
    ensure_certificates(tmp_path, NAMES, now=NOW)
    (tmp_path / damaged).write_text("-----BEGIN nonsense-----")
    made = ensure_certificates(tmp_path, NAMES, now=NOW)
    assert certificate(made).not_valid_after_utc == NOW + SERVER_LIFE


@pytest.mark.parametrize("damaged", ["ca.crt", "ca.key"])
def test_a_damaged_ca_is_never_replaced_behind_the_cluster_s_back(tmp_path: Path, damaged: str) -> None:
    ensure_certificates(tmp_path, NAMES, now=NOW)
    (tmp_path / damaged).write_text("nonsense")
    assert refused(tmp_path) == "certificates.unreadable"


@pytest.mark.parametrize("names", [[], [""], ["a b"], ["*"], ["x" * 300], ["-a.example"]])
def test_names_that_no_certificate_can_have(tmp_path: Path, names: list[str]) -> None:
    assert refused(tmp_path, names) == "certificates.names"
    assert not any(tmp_path.iterdir())


def test_somebody_else_s_certificate_is_used_and_never_written(tmp_path: Path) -> None:
    ensure_certificates(tmp_path, NAMES, now=NOW)
    (tmp_path / "ca.key").unlink()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    made = ensure_certificates(tmp_path, ["other.example"], now=NOW + SERVER_LIFE - timedelta(days=1))
    assert made.external
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert refused(tmp_path, now=NOW + SERVER_LIFE) == "certificates.expired"


@contextmanager
def serving(context: ssl.SSLContext, connections: int) -> Iterator[int]:
    """A TLS server that says hello to some connections; its port."""

    def serve() -> None:
        for _ in range(connections):
            plain, _ = listener.accept()
            try:
                with context.wrap_socket(plain, server_side=True) as connection:
                    connection.sendall(b"hello")
            except OSError:
                plain.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


def greet(port: int, client: ssl.SSLContext, name: str = "localhost") -> bytes | None:
    """The serial number that the server shows."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        client.wrap_socket(plain, server_hostname=name) as connection,
    ):
        assert connection.recv(5) == b"hello"
        return connection.getpeercert(binary_form=True)


def test_a_client_that_trusts_the_bundle_gets_through_and_no_other(tmp_path: Path) -> None:
    live = LiveContext(tmp_path, NAMES)
    trusting = ssl.create_default_context(cadata=live.certificates.ca_path.read_text())
    old = ssl.create_default_context(cadata=live.certificates.ca_path.read_text())
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with serving(live.context, 4) as port:
        assert greet(port, trusting)
        assert greet(port, old, "127.0.0.1")
        with pytest.raises(ssl.SSLCertVerificationError):
            greet(port, ssl.create_default_context())
        with pytest.raises(ssl.SSLCertVerificationError):
            greet(port, trusting, "other.example")


def test_a_renewed_certificate_is_served_without_a_restart(tmp_path: Path) -> None:
    clock = [0.0]
    live = LiveContext(tmp_path, NAMES, clock=lambda: clock[0])
    trusting = ssl.create_default_context(cadata=live.certificates.ca_path.read_text())
    with serving(live.context, 4) as port:
        first = greet(port, trusting)
        (tmp_path / "tls.crt").unlink()
        assert greet(port, trusting) == first
        clock[0] = LOOK_EVERY
        renewed = greet(port, trusting)
        assert renewed != first
        assert greet(port, trusting) == renewed


def test_files_that_cannot_be_used_leave_the_old_ones(tmp_path: Path) -> None:
    clock = [0.0]
    live = LiveContext(tmp_path, NAMES, clock=lambda: clock[0])
    trusting = ssl.create_default_context(cadata=live.certificates.ca_path.read_text())
    with serving(live.context, 2) as port:
        first = greet(port, trusting)
        (tmp_path / "ca.crt").write_text("half writ")
        clock[0] = LOOK_EVERY
        assert greet(port, trusting) == first
