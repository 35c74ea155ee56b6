"""Partial files of downloads: which version of which address they belong to, and how to ask for the rest.

Beside a partial file lies a record of its address and of its validator (ETag or Last-Modified), so that a
later attempt can ask for the rest of that version only (RFC 9110, sections 13.1.5 and 14).
"""

import json
import re
from pathlib import Path

from urllib3 import BaseHTTPResponse


class BadBodyError(Exception):
    """What arrived is not the file that was asked for, and another attempt may do better."""


def origin_path(part: Path) -> Path:
    """Return where the address and the validator of a partial file are kept."""
    return part.with_name(f"{part.name}.origin.json")


def range_headers(url: str, part: Path) -> dict[str, str]:
    """Ask for the bytes that are lacking, or for the whole file where nothing sure is known of the part."""
    size, origin = _size(part), _read_origin(part)
    if size > 0 and origin.get("url") == url and origin.get("validator"):
        return {"Range": f"bytes={size}-", "If-Range": origin["validator"]}
    return {}


def _read_origin(part: Path) -> dict[str, str]:
    try:
        record = json.loads(origin_path(part).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # absent, or cut off by a crash: then the part is not used
        return {}
    return (
        record if isinstance(record, dict) and all(isinstance(text, str) for text in record.values()) else {}
    )


def note_origin(part: Path, url: str, response: BaseHTTPResponse) -> None:
    """Note which version of which address the part, empty by now, will hold."""
    record = {"url": url, "validator": _validator(response)}
    origin_path(part).write_text(json.dumps(record), encoding="utf-8")


def _validator(response: BaseHTTPResponse) -> str:
    """Return what tells versions apart; a weak ETag must not be used for ranges."""
    etag = response.headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")


def check_continues(response: BaseHTTPResponse, part: Path) -> int | None:
    """Return the full length; a response that does not continue the part makes it worthless."""
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    validator = _validator(response)
    known = _read_origin(part).get("validator", "")
    if span is None or int(span[1]) != _size(part) or (validator and validator != known):
        discard(part)
        raise BadBodyError("the server sent another part of the file than was asked for")
    return None if span[2] == "*" else int(span[2])


def discard(part: Path) -> None:
    """Drop a partial file and its record."""
    part.unlink(missing_ok=True)
    origin_path(part).unlink(missing_ok=True)


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0
