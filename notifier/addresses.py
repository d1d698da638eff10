"""Where a webhook may go: which URLs, which hosts, which addresses. And nowhere else.

A URL given by a customer must not reach what only this machine can reach. So its host is resolved
once, every address it has is checked, and the connection goes to a checked address itself: a name
that answers differently the second time (DNS rebinding) gains nothing. The name stays in the Host
header and is what TLS asks for and verifies. No signing, no retries and no database in here.
"""

import asyncio
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from types import TracebackType
from typing import Final, Self

import httpx

Address = IPv4Address | IPv6Address

# What Python's own flags do not know, or not in every version that we run on.
_REFUSED_4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers; also cloud metadata at 100.100.100.200
        "168.63.129.16/32",  # a cloud's host agent, answering inside its machines only
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "240.0.0.0/4",
    )
)
_REFUSED_6: Final = tuple(
    IPv6Network(text)
    for text in (
        "::/96",  # IPv4-compatible, with the loopback and the unspecified address
        "64:ff9b:1::/48",  # NAT64 within a site
        "100::/64",
        "2001::/23",  # Teredo, benchmarking, ORCHID: special purposes all
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries any IPv4 address
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
# The interface identifiers by which ISATAP carries an IPv4 address.
_ISATAP: Final = (0x00005EFE, 0x02005EFE)

PORT_MAX: Final = 65535
CONNECT_TIMEOUT_S: Final = 10.0
_RESOLVER_THREADS: Final = 64


class ForbiddenTargetError(ValueError):
    """The URL leads where no webhook may go; the message says why."""


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the open internet, whatever dress an IPv4 address wears."""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        inner = address.ipv4_mapped
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if any(address in network for network in _REFUSED_6):
            return False
        if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
            return False
    elif any(address in network for network in _REFUSED_4):
        return False
    return address.is_global and not (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
    )


def check_url(url: str) -> httpx.URL:
    """Return the parsed URL; ForbiddenTargetError unless it is plain http(s) with a host."""
    try:
        parsed = httpx.URL(url)
        host = parsed.raw_host
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise ForbiddenTargetError(f"not a URL: {error}") from error
    if parsed.scheme not in ("http", "https"):
        raise ForbiddenTargetError("the URL must begin with https:// or http://")
    if not host or b"%" in host:
        raise ForbiddenTargetError("the URL has no host that can be asked for")
    if parsed.port is not None and not 0 < parsed.port <= PORT_MAX:
        raise ForbiddenTargetError("the URL has a port that does not exist")
    if parsed.userinfo:
        raise ForbiddenTargetError("the URL must not contain a user name or password")
    if parsed.fragment:
        raise ForbiddenTargetError("the URL must not contain a fragment (#)")
    return parsed


def check_addresses(host: str, addresses: list[Address]) -> None:
    """Raise ForbiddenTargetError if any one of a host's addresses is not public."""
    for address in addresses:
        if not is_public(address):
            raise ForbiddenTargetError(
                f"{host} is at {address}, which is not a public address"
                " (XP_WEBHOOK_ALLOW_PRIVATE=true allows private ones)"
            )


class Resolver:
    """Resolves names, each at most once at a time, so that a slow name server holds one thread."""

    def __init__(self) -> None:
        """Prepare threads of its own: the event loop's few are not to be used up by one host."""
        self._threads = ThreadPoolExecutor(_RESOLVER_THREADS, thread_name_prefix="xp-resolve")
        self._asked: dict[tuple[str, int], asyncio.Future[list[Address]]] = {}

    def close(self) -> None:
        """Let the threads end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def resolve(self, host: str, port: int) -> list[Address]:
        """Return the addresses of a host, in the order to try them; OSError if there are none."""
        asked = self._asked.get((host, port))
        if asked is None:
            loop = asyncio.get_running_loop()
            asked = loop.run_in_executor(self._threads, _lookup, host, port)
            self._asked[host, port] = asked
            asked.add_done_callback(lambda done: self._forget((host, port), done))
        # Shielded: others may wait for the same answer when one of them is out of time.
        return await asyncio.shield(asked)

    def _forget(self, key: tuple[str, int], done: asyncio.Future[list[Address]]) -> None:
        self._asked.pop(key, None)
        if not done.cancelled():
            done.exception()  # Seen: nobody may be waiting for it any more.


def _lookup(host: str, port: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(entry[4][0])) for entry in found))


class CheckedTransport(httpx.AsyncBaseTransport):
    """Sends a request to a checked address of its host.

    Connections are not kept: every request goes to an address that was checked for it, and none is
    shared between two names at one address.
    """

    def __init__(self, resolver: Resolver, *, allow_private: bool, ca_file: str | None) -> None:
        """Trust `ca_file` (PEM) instead of the public authorities where it is given."""
        self._resolver = resolver
        self._allow_private = allow_private
        self._inner = httpx.AsyncHTTPTransport(
            verify=_tls(ca_file),
            trust_env=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def __aenter__(self) -> Self:
        """Open."""
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Close every connection."""
        await self._inner.__aexit__(exc_type, exc_value, traceback)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it.

        Raises ForbiddenTargetError for a forbidden URL or address, OSError for an unknown host.
        """
        url = check_url(str(request.url))
        host = url.raw_host.decode("ascii")
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = await self._resolver.resolve(host, port)
        if not self._allow_private:
            check_addresses(host, addresses)
        failure: httpx.ConnectError | httpx.ConnectTimeout | None = None
        for address in addresses:
            try:
                return await self._inner.handle_async_request(_to(address, request, host))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                # Nothing was sent: the next address may answer.
                failure = error
        raise failure or httpx.ConnectError(f"{host} has no address")


def _tls(ca_file: str | None) -> ssl.SSLContext:
    if ca_file is None:
        return httpx.create_ssl_context(trust_env=False)
    return ssl.create_default_context(cafile=ca_file)


def _to(address: Address, request: httpx.Request, host: str) -> httpx.Request:
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )
