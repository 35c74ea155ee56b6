"""Download one file over HTTP: politely, with retries, and going on where an earlier attempt stopped."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.request import getproxies, proxy_bypass

from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager, Retry, Timeout, make_headers
from urllib3.exceptions import (
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    TimeoutError,
)
from urllib3.util import parse_url

from rephase import __version__
from rephase.io.download_parts import BadBodyError, check_continues, discard, note_origin, range_headers

_HEADERS = {"User-Agent": f"rephase/{__version__} (crystallographic phasing)", "Accept-Encoding": "identity"}
MISSING = (404, 410)
"""Statuses of a file that the server does not have."""
_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_CHUNK = 1 << 16
_REDIRECTS = Retry(total=None, connect=0, read=0, status=0, other=0, redirect=5)  # attempts are counted here
_IN_WORDS = {
    NameResolutionError: "the name of the server is not known here",
    NewConnectionError: "the server does not accept connections",
    TimeoutError: "no answer in time",
    ProtocolError: "the connection broke before the end of the file",
}


@dataclass(frozen=True)
class Manners:
    """How a server is treated.

    Attributes
    ----------
    rate
        Requests per second, retries included, over all connections.
    attempts
        Of each file at each source.
    backoff
        Seconds before the third attempt, twice as long before each later one; the second is made at once.
    longest_pause
        Seconds: a server that asks for a longer pause is left alone.
    connect_timeout, read_timeout
        Seconds without a connection, or without a byte, after which an attempt has failed.
    """

    rate: float = 4.0
    attempts: int = 5
    backoff: float = 1.0
    longest_pause: float = 120.0
    connect_timeout: float = 10.0
    read_timeout: float = 30.0


POLITE = Manners()


class DownloadError(Exception):
    """A file that could not be had from one source; `missing` when the server says that there is none."""

    def __init__(self, reason: str, missing: bool = False) -> None:
        super().__init__(reason)
        self.missing = missing


class _BusyError(Exception):
    """The server is out of order or asks for patience; `pause` in seconds when it says how much."""

    def __init__(self, reason: str, pause: float | None) -> None:
        super().__init__(reason)
        self.pause = pause


class Stopped(Exception):  # noqa: N818 - no error: somebody asked for it
    """The download was told to stop; what has arrived is kept."""


class Downloader:
    """Connections to servers, with the clock that spaces the requests; one for all threads of a run.

    Parameters
    ----------
    manners
        How the servers are treated.
    connections
        Kept open to each server.
    """

    def __init__(self, manners: Manners, connections: int = 1) -> None:
        self.manners = manners
        self._connections = connections
        self._pools: dict[str | None, PoolManager] = {}
        self._lock = threading.Lock()
        self._next_request = time.monotonic()
        self._stop = threading.Event()

    def stop(self) -> None:
        """Let every download end with `Stopped` at its next chunk or pause."""
        self._stop.set()

    def close(self) -> None:
        """Close the idle connections."""
        for pool in self._pools.values():
            pool.clear()

    def download(self, url: str, part: Path, check: Callable[[Path], None]) -> None:
        """Download `url` into the partial file `part`, going on where that ends if it is of the same version.

        Parameters
        ----------
        url
            Address, http or https.
        part
            File that holds the whole body afterwards; on failure it holds what can be used next time.
        check
            Raises `BadBodyError` when the file is not what was wanted; the file is then dropped.

        Raises
        ------
        DownloadError
            When the server refuses, or every attempt failed.
        Stopped
            After `stop`.
        """
        for pause in (*self._pauses(), None):
            try:
                self._attempt(url, part, check)
                return
            except (HTTPError, BadBodyError, _BusyError) as error:
                if pause is None:
                    raise DownloadError(_explain(error)) from error
                asked = error.pause if isinstance(error, _BusyError) else None
                self._sleep(pause if asked is None else asked)

    def _pauses(self) -> list[float]:
        """Seconds between attempts: none before the second, as most faults are brief, then twice as long."""
        later = [self.manners.backoff * 2.0**i for i in range(self.manners.attempts - 2)]
        return [0.0, *later][: self.manners.attempts - 1]

    def _attempt(self, url: str, part: Path, check: Callable[[Path], None]) -> None:
        self._wait_for_turn()
        with self._pool(url).request(
            "GET", url, headers=_HEADERS | range_headers(url, part), retries=_REDIRECTS, preload_content=False
        ) as response:
            if response.status in _AGAIN:
                raise _BusyError(_refusal(response), self._asked_pause(response))
            self._receive(response, url, part)
        try:
            check(part)
        except BadBodyError:
            discard(part)
            raise

    def _pool(self, url: str) -> PoolManager:
        """Return the connections that lead to `url`, through the proxy that the environment names."""
        address = parse_url(url)
        proxy = getproxies().get(address.scheme or "")
        if proxy is not None and proxy_bypass(address.host or ""):
            proxy = None
        with self._lock:
            if proxy not in self._pools:
                self._pools[proxy] = self._new_pool(proxy)
            return self._pools[proxy]

    def _new_pool(self, proxy: str | None) -> PoolManager:
        timeout = Timeout(connect=self.manners.connect_timeout, read=self.manners.read_timeout)
        if proxy is None:
            return PoolManager(maxsize=self._connections, timeout=timeout)
        login = parse_url(proxy).auth
        headers = make_headers(proxy_basic_auth=login) if login else None
        return ProxyManager(proxy, maxsize=self._connections, timeout=timeout, proxy_headers=headers)

    def _asked_pause(self, response: BaseHTTPResponse) -> float | None:
        """Seconds that a busy server asks for, None when it leaves them to us."""
        try:
            asked = _REDIRECTS.get_retry_after(response)
        except HTTPError:  # a header that is neither a number nor a date
            return None
        if asked is not None and asked > self.manners.longest_pause:
            longest = f"{self.manners.longest_pause:g} s"
            raise DownloadError(f"the server asks to wait for more than {longest} ({_refusal(response)})")
        return asked

    def _receive(self, response: BaseHTTPResponse, url: str, part: Path) -> None:
        """Write the body to the partial file, behind what is there when it is the rest of that."""
        if response.status not in (200, 206):
            if response.status == 416:  # the part is longer than the file: start again
                discard(part)
                raise BadBodyError("status 416, range not satisfiable")
            raise DownloadError(_refusal(response), missing=response.status in MISSING)
        rest = response.status == 206
        total = check_continues(response, part) if rest else None
        with part.open("ab" if rest else "wb") as handle:
            if not rest:
                note_origin(part, url, response)
            self._write_body(response, handle)
        if total is not None and part.stat().st_size != total:
            raise BadBodyError(f"{part.stat().st_size} of {total} bytes")

    def _write_body(self, response: BaseHTTPResponse, handle: BinaryIO) -> None:
        while chunk := response.read1(_CHUNK, decode_content=False):
            handle.write(chunk)
            if self._stop.is_set():
                raise Stopped

    def _wait_for_turn(self) -> None:
        """Take the next free moment of the request rate and wait for it."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next_request)
            self._next_request = turn + 1.0 / self.manners.rate
        self._sleep(turn - now)

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(max(seconds, 0.0)):
            raise Stopped


def _explain(error: Exception) -> str:
    """Say in a few words why the last attempt failed."""
    reason = error.reason if isinstance(error, MaxRetryError) and error.reason is not None else error
    for kind, words in _IN_WORDS.items():
        if isinstance(reason, kind):
            return words
    return str(reason) or type(reason).__name__


def _refusal(response: BaseHTTPResponse) -> str:
    status = f"status {response.status}{f' {response.reason}' if response.reason else ''}"
    return f"not there ({status})" if response.status in MISSING else status
