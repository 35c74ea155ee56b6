"""Downloads from a server that fails in every usual way: each file ends up whole, or is reported."""

import gzip
import hashlib
import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from failing_server import (
    Behaviour,
    Server,
    body,
    chunked,
    cut_off,
    failing_server,
    slowly,
    status,
    without_ranges,
    wrong_range,
)

from rephase.errors import UserError
from rephase.io.checksums import SUMS
from rephase.io.download import Manners
from rephase.io.download_entries import GIVE_UP_AFTER, Outcome, fetch_entries
from rephase.io.download_sources import Source, read_source

QUICK = Manners(rate=1000.0, attempts=5, backoff=0.01, connect_timeout=2.0, read_timeout=0.5)
NOISE = "".join(random.Random(1).choices("ACDEFGHIKLMNPQRSTVWY", k=4000))
TEXT = f"data_1ABC\n#\n_entity.id {NOISE}\n".encode()
FILE = gzip.compress(TEXT, mtime=0)
OTHER = gzip.compress(TEXT.replace(b"A", b"G", 900), mtime=0)
PATH = "/1abc.cif.gz"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the proxies of the machine out of it."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[Server]:
    with failing_server() as running:
        yield running


def fetch_one(server: Server, directory: Path, **options: object) -> Outcome:
    (outcome,) = fetch_entries(["1abc"], directory, "mmcif", [source_of(server)], manners=QUICK, **options)  # type: ignore[arg-type]
    return outcome


def source_of(server: Server) -> Source:
    return read_source(f"{server.url}/{{id}}.cif.gz")


def assert_whole(directory: Path, content: bytes = FILE) -> None:
    """The file is there, its sum noted, and nothing else lies about."""
    assert (directory / "1abc.cif.gz").read_bytes() == content
    assert (directory / SUMS).read_text() == f"{hashlib.sha256(content).hexdigest()}  1abc.cif.gz\n"
    assert sorted(path.name for path in directory.iterdir()) == ["1abc.cif.gz", SUMS]


def leave_part(directory: Path, content: bytes, url: str, validator: str) -> None:
    """Leave what an interrupted download leaves."""
    (directory / "1abc.cif.gz.part").write_bytes(content)
    origin = directory / "1abc.cif.gz.part.origin.json"
    origin.write_text(json.dumps({"url": url, "validator": validator}))


@pytest.mark.parametrize(
    ("behaviours", "requests"),
    [
        pytest.param([body(FILE)], 1, id="well"),
        pytest.param([status(500), status(503), body(FILE)], 3, id="server error twice"),
        pytest.param([status(429, Retry_After="0"), body(FILE)], 2, id="too many requests"),
        pytest.param([status(429, Retry_After="soon"), body(FILE)], 2, id="unreadable Retry-After"),
        pytest.param([cut_off(FILE, 700), body(FILE)], 2, id="truncated"),
        pytest.param([cut_off(FILE, 700, reset=True), body(FILE)], 2, id="reset"),
        pytest.param([cut_off(FILE, 700), without_ranges(FILE)], 2, id="ranges ignored"),
        pytest.param([cut_off(FILE, 700), wrong_range(FILE, 699), body(FILE)], 3, id="wrong range"),
        pytest.param([cut_off(FILE, 700), body(OTHER, '"2"'), body(OTHER, '"2"')], 2, id="new version"),
        pytest.param(
            [cut_off(FILE, 700), wrong_range(OTHER, 700, '"2"'), body(OTHER, '"2"')], 3, id="If-Range ignored"
        ),
        pytest.param([cut_off(FILE, 700, etag='W/"1"'), body(FILE)], 2, id="weak validator"),
        pytest.param([cut_off(FILE, 700, etag=""), body(FILE)], 2, id="no validator"),
        pytest.param([slowly(FILE, 500, 2.0), body(FILE)], 2, id="stalls"),
        pytest.param([chunked(FILE)], 1, id="in chunks"),
        pytest.param([chunked(FILE, whole=False), body(FILE)], 2, id="chunks end early"),
        pytest.param([chunked(TEXT, whole=False), body(FILE)], 2, id="chunks of plain text end early"),
        pytest.param([body(b"<!DOCTYPE html><html>busy</html>"), body(FILE)], 2, id="HTML with status 200"),
        pytest.param([body(b""), body(FILE)], 2, id="empty"),
        pytest.param([body(gzip.compress(b"")), body(FILE)], 2, id="empty in gzip"),
        pytest.param([body(FILE[:-9]), body(FILE)], 2, id="gzip ends early"),
        pytest.param([body(FILE[:900] + b"\0" + FILE[901:]), body(FILE)], 2, id="corrupt gzip"),
        pytest.param([body(FILE + b"junk"), body(FILE)], 2, id="bytes after gzip"),
        pytest.param([body(gzip.compress(b"{}")), body(FILE)], 2, id="another format"),
    ],
)
def test_file_is_whole_in_the_end(
    server: Server, tmp_path: Path, behaviours: list[Behaviour], requests: int
) -> None:
    server.at(PATH, *behaviours)
    assert fetch_one(server, tmp_path).status == "fetched"
    assert_whole(tmp_path, OTHER if (tmp_path / "1abc.cif.gz").read_bytes() == OTHER else FILE)
    assert len(server.requests) == requests


def test_redirect_is_followed(server: Server, tmp_path: Path) -> None:
    server.at(PATH, status(302, Location="/elsewhere"))
    server.at("/elsewhere", body(FILE))
    assert fetch_one(server, tmp_path).here
    assert_whole(tmp_path)


def test_redirects_in_a_circle_are_reported(server: Server, tmp_path: Path) -> None:
    server.at(PATH, status(302, Location=PATH))
    outcome = fetch_one(server, tmp_path)
    assert (outcome.status, outcome.reason.partition(": ")[2]) == ("failed", "too many redirects")


def test_only_the_rest_is_asked_for_after_a_cut(server: Server, tmp_path: Path) -> None:
    server.at(PATH, cut_off(FILE, 700), body(FILE))
    fetch_one(server, tmp_path)
    first, second = server.requests
    assert first.headers["Range"] is None
    assert (second.headers["Range"], second.headers["If-Range"]) == ("bytes=700-", '"1"')


def test_server_learns_who_asks(server: Server, tmp_path: Path) -> None:
    server.at(PATH, body(FILE))
    fetch_one(server, tmp_path)
    assert server.requests[0].headers["User-Agent"].startswith("rephase/")


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (status(500), "status 500 Internal Server Error"),
        (status(403), "status 403 Forbidden"),
        (status(503, Retry_After="86400"), "the server asks to wait for more than 120 s"),
        (cut_off(FILE, 0), "the connection broke before the end of the file"),
        (body(b"<html>maintenance</html>"), "a page of HTML that is not mmcif"),
        (body(FILE[:-9]), "a broken gzip stream"),
        (body(b""), "an empty file"),
    ],
)
def test_file_that_never_comes_is_reported_with_its_reason(
    server: Server, tmp_path: Path, first: Behaviour, reason: str
) -> None:
    server.at(PATH, first)
    outcome = fetch_one(server, tmp_path)
    assert outcome.status == "failed"
    assert reason in outcome.reason
    assert not (tmp_path / "1abc.cif.gz").exists()


def test_refusal_is_not_asked_again(server: Server, tmp_path: Path) -> None:
    server.at(PATH, status(403))
    fetch_one(server, tmp_path)
    assert len(server.requests) == 1


def test_missing_entry_is_reported_and_the_others_come(server: Server, tmp_path: Path) -> None:
    for entry in ("2abc", "3abc"):
        server.at(f"/{entry}.cif.gz", body(FILE))
    found = fetch_entries(["2abc", "1abc", "3abc"], tmp_path, "mmcif", [source_of(server)], manners=QUICK)
    assert [(outcome.entry, outcome.status) for outcome in found] == [
        ("2abc", "fetched"),
        ("1abc", "missing"),
        ("3abc", "fetched"),
    ]
    assert "404" in found[1].reason
    assert len([request for request in server.requests if request.path == PATH]) == 1


def test_second_source_is_asked_when_the_first_fails(server: Server, tmp_path: Path) -> None:
    server.at(PATH, cut_off(FILE, 700))  # of every attempt
    server.at("/mirror/ab/1ABC", body(OTHER))
    mirror = read_source(f"{server.url}/mirror/{{middle}}/{{ID}}")
    (outcome,) = fetch_entries(["1abc"], tmp_path, "mmcif", [source_of(server), mirror], manners=QUICK)
    assert outcome.here
    assert_whole(tmp_path, OTHER)


def test_plain_text_is_kept_gzipped_and_always_the_same(server: Server, tmp_path: Path) -> None:
    server.at(PATH, body(TEXT))
    sums = {fetch_one(server, tmp_path / name).sha256 for name in ("a", "b")}
    assert gzip.decompress((tmp_path / "a" / "1abc.cif.gz").read_bytes()) == TEXT
    assert len(sums) == 1


@pytest.mark.parametrize(
    ("kind", "name", "content"),
    [
        ("pdb", "1abc.pdb.gz", gzip.compress(b"HEADER    HYDROLASE\nATOM  \nEND\n")),
        ("bcif", "1abc.bcif.gz", b"\x83\xa7encoder\xa1x\xa7version\xa50.3.0\xaadataBlocks\x90"),
    ],
)
def test_other_formats_are_recognised(
    server: Server, tmp_path: Path, kind: str, name: str, content: bytes
) -> None:
    server.at("/1abc", body(content))
    source = read_source(f"{server.url}/{{id}}")
    (outcome,) = fetch_entries(["1abc"], tmp_path, kind, [source], manners=QUICK)  # type: ignore[arg-type]
    assert (outcome.status, outcome.name) == ("fetched", name)


def test_whole_files_are_left_alone(server: Server, tmp_path: Path) -> None:
    server.at(PATH, body(FILE))
    assert fetch_one(server, tmp_path).status == "fetched"
    assert fetch_one(server, tmp_path).status == "kept"
    assert len(server.requests) == 1
    assert_whole(tmp_path)


def test_altered_file_is_fetched_again(server: Server, tmp_path: Path) -> None:
    server.at(PATH, body(FILE))
    fetch_one(server, tmp_path)
    (tmp_path / "1abc.cif.gz").write_bytes(OTHER)  # whole, but not what was noted
    assert fetch_one(server, tmp_path).status == "replaced"
    assert_whole(tmp_path)


@pytest.mark.parametrize(
    ("content", "expected"), [(FILE, "kept"), (FILE[:-20], "replaced"), (b"", "replaced")]
)
def test_file_without_a_sum_is_kept_only_when_whole(
    server: Server, tmp_path: Path, content: bytes, expected: str
) -> None:
    server.at(PATH, body(FILE))
    (tmp_path / "1abc.cif.gz").write_bytes(content)
    assert fetch_one(server, tmp_path).status == expected
    assert_whole(tmp_path)


def test_part_of_an_earlier_run_is_continued(server: Server, tmp_path: Path) -> None:
    server.at(PATH, body(FILE))
    leave_part(tmp_path, FILE[:1000], f"{server.url}{PATH}", '"1"')
    fetch_one(server, tmp_path)
    assert server.requests[0].headers["Range"] == "bytes=1000-"
    assert_whole(tmp_path)


@pytest.mark.parametrize(
    ("content", "origin"),
    [
        (OTHER[:1000], '{"url": "http://other.org/1abc.cif.gz", "validator": "\\"1\\""}'),
        (OTHER[:1000], '{"url": "htt'),
        (OTHER[:1000], "[]"),
        (b"", '{"url": "URL", "validator": "\\"1\\""}'),
        (FILE, '{"url": "URL", "validator": "\\"1\\""}'),
        (FILE + b"more", '{"url": "URL", "validator": "\\"1\\""}'),
    ],
    ids=["another address", "record cut off", "no record", "empty", "whole", "too long"],
)
def test_part_of_no_use_is_not_mixed_in(server: Server, tmp_path: Path, content: bytes, origin: str) -> None:
    server.at(PATH, body(FILE))
    (tmp_path / "1abc.cif.gz.part").write_bytes(content)
    record = origin.replace("URL", f"{server.url}{PATH}")
    (tmp_path / "1abc.cif.gz.part.origin.json").write_text(record)
    assert fetch_one(server, tmp_path).here
    assert_whole(tmp_path)


def test_interrupted_download_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    """An interrupt in the middle of two files leaves the first one noted and the second one to continue."""
    server.at("/2abc.cif.gz", body(FILE))
    server.at(PATH, slowly(FILE, 200, 0.05), body(FILE))

    def interrupt(outcome: Outcome) -> None:
        while not (tmp_path / "1abc.cif.gz.part").exists():
            time.sleep(0.01)
        raise KeyboardInterrupt

    before, started = set(threading.enumerate()), time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        fetch_entries(
            ["2abc", "1abc"], tmp_path, "mmcif", [source_of(server)], manners=QUICK, jobs=2, tell=interrupt
        )
    assert time.monotonic() - started < 0.05 * len(FILE) / 200
    assert not [one for one in set(threading.enumerate()) - before if "ThreadPoolExecutor" in one.name]
    assert "2abc.cif.gz" in (tmp_path / SUMS).read_text()
    there = (tmp_path / "1abc.cif.gz.part").stat().st_size
    assert 0 < there < len(FILE)
    assert [
        found.status
        for found in fetch_entries(["2abc", "1abc"], tmp_path, "mmcif", [source_of(server)], manners=QUICK)
    ] == ["kept", "fetched"]
    assert server.requests[-1].headers["Range"] == f"bytes={there}-"


def test_requests_keep_their_distance(server: Server, tmp_path: Path) -> None:
    names = [f"{i}abc" for i in range(1, 7)]
    for name in names:
        server.at(f"/{name}.cif.gz", status(500), body(FILE))
    manners = Manners(rate=50.0, backoff=0.0)
    found = fetch_entries(names, tmp_path, "mmcif", [source_of(server)], manners=manners, jobs=6)
    assert all(outcome.here for outcome in found)
    times = [request.time for request in server.requests]
    assert len(times) == 12
    assert max(times) - min(times) >= 0.95 * 11 / 50.0


def test_pause_that_the_server_asks_for_is_kept(server: Server, tmp_path: Path) -> None:
    server.at(PATH, status(503, Retry_After="1"), body(FILE))
    assert fetch_one(server, tmp_path).here
    assert server.requests[1].time - server.requests[0].time >= 0.99


def test_two_runs_do_not_write_the_same_files(server: Server, tmp_path: Path) -> None:
    server.at(PATH, body(FILE))

    def run_again(outcome: Outcome) -> None:
        with pytest.raises(UserError, match="another process"):
            fetch_one(server, tmp_path)

    assert fetch_one(server, tmp_path, tell=run_again).here
    assert fetch_one(server, tmp_path).status == "kept"


def test_dead_connection_ends_the_run_early(tmp_path: Path) -> None:
    with failing_server() as server:
        source = source_of(server)
    names = [f"1{i:03d}" for i in range(100)]
    found = fetch_entries(names, tmp_path, "mmcif", [source], manners=QUICK, jobs=4)
    statuses = [outcome.status for outcome in found]
    assert GIVE_UP_AFTER <= statuses.count("failed") <= GIVE_UP_AFTER + 8
    assert statuses.count("not tried") == 100 - statuses.count("failed")
    assert "does not accept connections" in found[0].reason


def test_number_of_connections_changes_nothing(server: Server, tmp_path: Path) -> None:
    names = [f"{i}abc" for i in range(1, 10)]
    for name in names:
        server.at(f"/{name}.cif.gz", body(FILE))
    for jobs in (1, 5):
        fetch_entries(names, tmp_path / str(jobs), "mmcif", [source_of(server)], manners=QUICK, jobs=jobs)
    assert (tmp_path / "1" / SUMS).read_bytes() == (tmp_path / "5" / SUMS).read_bytes()


def test_sums_of_other_files_stay(server: Server, tmp_path: Path) -> None:
    server.at(PATH, body(FILE))
    (tmp_path / "zzz.cif.gz").write_bytes(b"x")
    (tmp_path / SUMS).write_text(f"{'1' * 64}  gone.cif.gz\n{'0' * 64} *zzz.cif.gz\n")
    fetch_one(server, tmp_path)
    lines = (tmp_path / SUMS).read_text().splitlines()
    assert [line.split("  ")[1] for line in lines] == ["1abc.cif.gz", "zzz.cif.gz"]


def test_damaged_list_of_sums_is_the_users_to_put_right(server: Server, tmp_path: Path) -> None:
    (tmp_path / SUMS).write_text("\x00\xff garbage\n")
    with pytest.raises(UserError, match=f"line 1 of .*{SUMS}"):
        fetch_one(server, tmp_path)


def test_file_in_place_of_the_directory_is_the_users_to_put_right(server: Server, tmp_path: Path) -> None:
    (tmp_path / "structures").write_text("")
    with pytest.raises(UserError, match="a file in its place"):
        fetch_one(server, tmp_path / "structures")


def test_proxy_of_the_environment_is_used(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url.replace("//", "//user:word@"))
    server.at("http://archive.invalid/1abc", body(FILE))
    source = read_source("http://archive.invalid/{id}")
    (outcome,) = fetch_entries(["1abc"], tmp_path, "mmcif", [source], manners=QUICK)
    assert outcome.here
    assert server.requests[0].headers["Proxy-Authorization"].startswith("Basic ")
