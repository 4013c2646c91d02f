"""Webhook calls: to the checked address, with the registered name, within the timeout."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.notifications.addresses import TargetPolicy
from services.notifications.gateways import WebhookCaller

NAME = "hooks.example.com"
LOCAL = TargetPolicy(loopback=True)
NO_CONTENT = b"HTTP/1.1 204 No Content\r\nretry-after: 7\r\n\r\n"


def loopback(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


class Stranger:
    """A server that takes one connection after the other, reads a request, and runs a script."""

    def __init__(self, answer: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.names: list[str | None] = []
        self._answer, self._context = answer, context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        if context:
            context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            try:
                with self._context.wrap_socket(connection, server_side=True) if self._context else connection as line:
                    self.requests.append(_request(line))
                    self._answer(line)
            except OSError:
                continue

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _request(line: socket.socket) -> bytes:
    found = b""
    while not found.endswith(b"BODY"):
        more = line.recv(4096)
        if not more:
            break
        found += more
    return found


@pytest.fixture
def stranger() -> Iterator[Callable[..., Stranger]]:
    made: list[Stranger] = []

    def make(answer: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> Stranger:
        made.append(Stranger(answer, context))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for ``NAME``, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def accept(line: socket.socket) -> None:
    line.sendall(NO_CONTENT)


def test_the_checked_address_is_called_by_the_registered_name(
    stranger: Callable[..., Stranger], server_context: ssl.SSLContext, certificate: Path
) -> None:
    server = stranger(accept, server_context)
    trusting = ssl.create_default_context(cafile=str(certificate))
    asked = []

    def resolver(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    reply = WebhookCaller(LOCAL, resolver, trusting).post(f"https://{NAME}:{server.port}/a?b=c", b"BODY", {"x-y": "z"})

    assert (reply.status, reply.retry_after, reply.error) == (204, "7", None)
    assert asked == [NAME], "a name that is asked for twice may answer otherwise the second time"
    assert server.names == [NAME]
    head = server.requests[0].split(b"\r\n")
    assert head[0] == b"POST /a?b=c HTTP/1.1"
    assert f"Host: {NAME}:{server.port}".encode() in head
    assert b"x-y: z" in head


def test_a_wrong_or_untrusted_certificate_is_rejected(
    stranger: Callable[..., Stranger], server_context: ssl.SSLContext, certificate: Path
) -> None:
    server = stranger(accept, server_context)
    trusting = ssl.create_default_context(cafile=str(certificate))

    for name, context in (("other.example.com", trusting), (NAME, ssl.create_default_context())):
        reply = WebhookCaller(LOCAL, loopback, context).post(f"https://{name}:{server.port}/", b"BODY", {})
        assert reply.status is None
        assert (reply.error or "").startswith("TLS: ")
    assert server.requests == []


def test_a_redirect_is_not_followed(stranger: Callable[..., Stranger]) -> None:
    server = stranger(lambda line: line.sendall(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n\r\n"))

    assert WebhookCaller(LOCAL, loopback).post(f"http://{NAME}:{server.port}/", b"BODY", {}).status == 302
    assert len(server.requests) == 1


def test_a_name_with_an_internal_address_is_not_called(stranger: Callable[..., Stranger]) -> None:
    server = stranger(accept)

    reply = WebhookCaller(TargetPolicy(), loopback).post(f"https://{NAME}:8443/", b"BODY", {})
    assert (reply.status, reply.error) == (None, "the URL resolves to an address that is not public")
    assert server.requests == []


def test_a_very_slow_response_is_aborted(stranger: Callable[..., Stranger]) -> None:
    def drip(line: socket.socket) -> None:
        never = Event()
        while not never.wait(0.05):  # until the client closes the connection
            line.sendall(b"x")

    server = stranger(drip)
    started = time.monotonic()
    reply = WebhookCaller(LOCAL, loopback, limit=0.3).post(f"http://{NAME}:{server.port}/", b"BODY", {})

    assert reply.status is None
    assert reply.error
    assert time.monotonic() - started < 5


def test_an_endless_response_is_not_read_completely(stranger: Callable[..., Stranger]) -> None:
    def flood(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        while True:
            line.sendall(b"x" * 65_536)

    server = stranger(flood)
    assert WebhookCaller(LOCAL, loopback).post(f"http://{NAME}:{server.port}/", b"BODY", {}).status == 200


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 999999 What\r\n\r\n"])
def test_a_response_that_is_not_http_is_reported(stranger: Callable[..., Stranger], answer: bytes) -> None:
    server = stranger(lambda line: line.sendall(answer))
    reply = WebhookCaller(LOCAL, loopback).post(f"http://{NAME}:{server.port}/", b"BODY", {})

    assert reply.status is None
    assert reply.error


def test_a_refused_connection_and_an_unknown_name_differ() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def nowhere(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert WebhookCaller(LOCAL, loopback).post(f"http://{NAME}:{port}/", b"BODY", {}).error == "Connection refused"
    assert "does not resolve" in str(WebhookCaller(LOCAL, nowhere).post(f"http://{NAME}/", b"BODY", {}).error)
