"""Where a webhook may go: URLs and addresses as tables, names that resolve to forbidden ones."""

import asyncio
import ssl
import subprocess
from ipaddress import IPv4Address, IPv6Address, ip_address

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.addresses import (
    CheckedTransport,
    ForbiddenTargetError,
    Resolver,
    check_url,
    is_public,
)
from notifier.webhooks import Messenger, messenger

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "223.255.255.1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]

FORBIDDEN = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.1.2.3",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.1.2.3",
    "64:ff9b:1::808:808",
    "100::1",
    "2001::1",
    "2001:0:4136:e378::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "2606:4700::5efe:7f00:1",
    "2606:4700::200:5efe:a00:1",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_an_address_of_the_open_internet_is_public(text):
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", FORBIDDEN)
def test_any_other_address_is_not(text):
    assert not is_public(ip_address(text))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_as_public_in_ipv6_dress_as_without(address):
    mapped = IPv6Address(f"::ffff:{address}")
    translated = IPv6Address((0x64FF9B << 96) | int(address))
    assert is_public(mapped) == is_public(translated) == is_public(address)


@given(st.ip_addresses())
def test_nothing_that_python_calls_private_is_public(address):
    if isinstance(address, IPv4Address) and not address.is_global:
        assert not is_public(address)
    if address.is_multicast or address.is_link_local or address.is_loopback:
        assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "http://example.com",
        "https://example.com:8443/a?b=c",
        "https://[2606:4700:4700::1111]/",
        "https://bücher.example/",
    ],
)
def test_a_plain_http_url_is_accepted(url):
    assert check_url(url).host


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/hook",
        "//example.com/hook",
        "ftp://example.com",
        "file:///etc/passwd",
        "unix:///run/docker.sock",
        "gopher://example.com",
        "https://",
        "https:///path",
        "https://user@example.com",
        "https://user:secret@example.com",
        "https://:secret@example.com",
        "https://example.com/#part",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://example.com/\n",
    ],
)
def test_any_other_url_is_refused(url):
    with pytest.raises(ForbiddenTargetError):
        check_url(url)


class Names(Resolver):
    """A name server of our own: its answers are given, one after the other."""

    def __init__(self, *answers):
        super().__init__()
        self.answers = [[ip_address(text) for text in answer] for answer in answers]
        self.questions = 0

    async def resolve(self, _host, _port):
        self.questions += 1
        return self.answers[min(self.questions, len(self.answers)) - 1]


async def attempt(names, url, *, allow_private=False, ca_file=None):
    transport = CheckedTransport(names, allow_private=allow_private, ca_file=ca_file)
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        secret = "whsec_c2VjcmV0"
        return await Messenger(client, timeout_s=60).send(url, secret, "0-0-1:0", b"{}")


@pytest.fixture
async def listening():
    """A server on 127.0.0.1 that says yes; it gives its port and the requests that it got."""
    got = []

    async def serve(reader, writer):
        got.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], got


@pytest.mark.parametrize(
    "answer",
    [["127.0.0.1"], ["::1"], ["93.184.216.34", "127.0.0.1"], ["127.0.0.1", "93.184.216.34"]],
)
async def test_a_name_with_any_private_address_is_refused_before_anything_is_sent(
    listening, answer
):
    port, got = listening
    outcome = await attempt(Names(answer), f"http://rebind.example:{port}/")
    assert not outcome.success
    assert "not a public address" in outcome.error
    assert got == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0", "localhost"])
async def test_an_address_is_refused_however_it_is_written(listening, host):
    port, got = listening
    async with messenger(allow_private=False) as sender:
        outcome = await sender.send(f"http://{host}:{port}/", "whsec_c2VjcmV0", "0-0-1:0", b"{}")
    assert not outcome.success
    assert got == []


async def test_a_host_is_resolved_once_and_the_checked_address_is_the_one_connected_to(listening):
    port, got = listening
    # 127.0.0.1 stands for the checked address: a second question would be answered with another.
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    outcome = await attempt(names, f"http://rebind.example:{port}/hook", allow_private=True)
    assert outcome.success
    assert names.questions == 1
    assert f"host: rebind.example:{port}".encode() in got[0].lower()


async def test_the_next_address_is_tried_when_one_does_not_answer(listening):
    port, got = listening
    names = Names(["::1", "127.0.0.1"])
    assert (await attempt(names, f"http://two.example:{port}/", allow_private=True)).success
    assert len(got) == 1


async def test_private_addresses_are_reached_where_the_setting_allows_it(listening):
    port, got = listening
    async with messenger(allow_private=True) as sender:
        outcome = await sender.send(f"http://localhost:{port}/", "whsec_c2VjcmV0", "1:0", b"{}")
    assert outcome.success
    assert len(got) == 1


async def test_a_name_that_nobody_knows_is_a_failed_attempt():
    async with messenger(allow_private=False) as sender:
        outcome = await sender.send("http://no.invalid/", "whsec_c2VjcmV0", "0-0-1:0", b"{}")
    assert outcome.status is None
    assert outcome.error


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for hook.example alone, its own authority."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    try:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=hook.example",
             "-addext", "subjectAltName=DNS:hook.example"],
            check=True, capture_output=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("needs the openssl command to make a certificate")
    return cert, key


@pytest.mark.parametrize(("host", "expected"), [("hook.example", True), ("other.example", False)])
async def test_tls_asks_for_the_name_and_verifies_it_though_an_address_is_connected_to(
    certificate, host, expected
):
    cert, key = certificate
    asked = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        outcome = await attempt(
            Names(["127.0.0.1"]), f"https://{host}:{port}/", allow_private=True, ca_file=str(cert)
        )
    assert asked == [host]
    assert outcome.success == expected
