"""Download a large file over a connection that may break off."""

import contextlib
import http.client
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tqdm.auto import tqdm

RETRY_SECONDS = (1, 5, 15)
"""Pauses before the second, third and last attempt."""
TRY_AGAIN = (408, 416, 429)
"""Answers of a server, besides 500 and more, after which another attempt may succeed."""


class DownloadFailed(RuntimeError):
    """`str()` says why, and what helps; `url` is not in it."""


class _Broken(Exception):
    """The network failed; the cause is the only argument."""


def download(url: str, to: Path, title: str) -> None:
    """Download a file. If `to` has its beginning already, only the rest is requested.

    Raises:
        DownloadFailed: the last of several attempts failed, or another one cannot succeed. What came is kept.
        OSError: `to` cannot be written.
    """
    for seconds in (*RETRY_SECONDS, None):
        try:
            return _download_rest(url, to, title)
        except _Broken as broken:
            (error,) = broken.args
            code = getattr(error, "code", None)
            if code == 416:  # what is there is no beginning of this file
                to.unlink()
            refused = code is not None and code < 500 and code not in TRY_AGAIN
            if seconds is None or refused or _is_certificate(error) or _is_offline(error):
                raise DownloadFailed(f"{_in_words(error)}. {_what_helps(error)}") from None
            print(f"Download of {title}: {_in_words(error)}; trying again in {seconds} s")
            time.sleep(seconds)


def _download_rest(url: str, to: Path, title: str) -> None:
    have = to.stat().st_size if to.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with _network():
        response = urllib.request.urlopen(request, timeout=30)
    with response:
        if response.status != 206:  # not the rest: the server sends the whole file
            have = 0
        size = None if response.length is None else have + response.length
        with (
            to.open("ab" if have else "wb") as file,
            tqdm(total=size, initial=have, unit="B", unit_scale=True, desc=title) as bar,
        ):
            while chunk := _read(response):
                file.write(chunk)
                file.flush()  # what came is kept if this process is killed
                bar.update(len(chunk))
        if response.length:
            raise _Broken(ConnectionError("the connection broke off"))


def _read(response: http.client.HTTPResponse) -> bytes:
    with _network():
        return response.read(1 << 18)


@contextlib.contextmanager
def _network() -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(error) from None


def _in_words(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return str(error)
    reason = getattr(error, "reason", error)
    return getattr(reason, "strerror", None) or str(reason)


def _is_certificate(error: Exception) -> bool:
    return isinstance(getattr(error, "reason", error), ssl.SSLCertVerificationError)


def _is_offline(error: Exception) -> bool:
    """Whether the server's name is not known, as without internet: seconds later it is not known either."""
    return isinstance(getattr(error, "reason", error), socket.gaierror)


def _what_helps(error: Exception) -> str:
    if _is_certificate(error):
        return "The server's certificate cannot be verified: on macOS, run Python's `Install Certificates.command`."
    if not isinstance(error, urllib.error.HTTPError):
        return "Is there internet here?"
    if error.code >= 500:
        return "The server has a problem: try again later."
    return "The server does not give this file: try another address."
