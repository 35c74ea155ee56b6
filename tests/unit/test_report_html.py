"""The page is complete in itself, says the verdict in words, and cannot be broken by its content."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from rephase.report.data_record import DataQuality
from rephase.report.html import render_report, write_report
from rephase.report.map_view import Atoms, MapForReport
from rephase.report.notes import data_notes
from rephase.report.results import Results, read_results

EXAMPLE = Path(__file__).parent / "data" / "report_results.json"
CELL = (20.0, 24.0, 30.0, 90.0, 90.0, 90.0)


class Page(HTMLParser):
    """Collects what a browser would load, the headings, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.data: dict[str, str] = {}
        self._script: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        self.tags.append((tag, named))
        self.loads += [v for k, v in attributes if k in {"src", "srcset", "data"} and v]
        if tag == "link":
            self.loads.append(named["href"] or "")
        self._script = named.get("id") or "" if tag in {"script", "style"} else None

    def handle_data(self, data: str) -> None:
        if self._script is None:
            self.text += data
        elif self._script:
            self.data[self._script] = data

    def handle_endtag(self, tag: str) -> None:
        self._script = None


@pytest.fixture(scope="module")
def results() -> Results:
    return read_results(EXAMPLE)


@pytest.fixture(scope="module")
def map_() -> MapForReport:
    grid = np.random.default_rng(0).normal(size=(40, 48, 60)).astype(np.float32)
    atoms = Atoms(np.array([[1.0, 2.0, 3.0], [2.4, 2.0, 3.0]]), ("C", "N"), ("A 1 ALA CA", "A 1 ALA N"))
    return MapForReport(grid, CELL, "P 21 21 21", atoms)


def test_nothing_is_loaded_from_elsewhere(results: Results, map_: MapForReport, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(results, map_, path)
    page = Page(path.read_text(encoding="utf-8"))
    assert page.loads == ["data:,"]  # the empty icon, so that no browser asks for one
    policy = next(a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    assert not re.search("https?:", policy)
    assert path.stat().st_size < 8_000_000


@pytest.mark.parametrize(
    ("word", "shown"), [("solved", "✓Solved"), ("doubtful", "?Doubtful"), ("not solved", "✗Not solved")]
)
def test_the_verdict_comes_first_and_in_words(word, shown, results: Results, map_: MapForReport) -> None:
    verdict = results.verdict.model_copy(update={"word": word})
    page = Page(render_report(results.model_copy(update={"verdict": verdict}), map_))
    text = " ".join(page.text.split())
    assert text.index(shown) < text.index("Map and model") < text.index("Measured data")
    assert results.verdict.sentence in text
    assert f"{results.verdict.figure.value:.3g}" in text
    assert "97 %" in text


def test_the_parts_a_user_looks_for_are_there(results: Results, map_: MapForReport) -> None:
    page = Page(render_report(results, map_))
    headings = [a["id"] for tag, a in page.tags if tag == "h2"]
    assert headings == [
        "verdict", "warnings", "map-heading", "data-heading", "phasing-heading",
        "shells-heading", "files-heading", "run-heading",
    ]  # fmt: skip
    for wanted in (*results.warnings, results.command, "overall", "gemmi 0.7.5", "Cα chirality"):
        assert wanted in page.text
    for file in results.files:
        assert file.name in page.text
        assert file.how_to_open in page.text


def test_pictures_are_described_for_those_who_cannot_see_them(results: Results, map_: MapForReport) -> None:
    page = Page(render_report(results, map_))
    pictures = [a for _, a in page.tags if a.get("role") == "img"]
    assert len(pictures) == 8
    assert all(len(a["aria-label"] or "") > 30 for a in pictures)
    labelled = [a for tag, a in page.tags if tag == "html"]
    assert labelled[0]["lang"] == "en"


def test_text_from_files_cannot_become_markup(results: Results, map_: MapForReport) -> None:
    evil = "</script><script>alert(1)</script>"
    atoms = Atoms(np.zeros((1, 3)), ("C",), (evil,))
    hostile = results.model_copy(update={"title": evil, "warnings": (evil,), "command": evil})
    page = Page(render_report(hostile, MapForReport(map_.grid, CELL, "P 1", atoms)))
    harmless = Page(render_report(results, map_))
    assert [tag for tag, _ in page.tags].count("script") == [t for t, _ in harmless.tags].count("script")
    assert page.text.count(evil) >= 3
    assert json.loads(page.data["map-data"])["atoms"]["labels"] == [evil]


def test_a_bare_record_makes_a_page_with_dashes(results: Results, map_: MapForReport) -> None:
    shells = tuple(type(s)(d_max=s.d_max, d_min=s.d_min, n=s.n) for s in results.shells)
    bare = results.model_copy(
        update={
            "data_quality": DataQuality(),
            "shells": shells,
            "overall": shells[0],
            "verdict": results.verdict.model_copy(update={"probability": None}),
            "warnings": (),
            "citations": (),
        }
    )
    page = Page(render_report(bare, MapForReport(map_.grid, CELL, "P 21 21 21")))
    assert "not calibrated" in page.text
    assert page.text.count("–") > 4 * len(shells)
    assert "highest peaks" in page.text


@pytest.mark.parametrize(
    ("quality", "said"),
    [
        (DataQuality(completeness=0.7), "Missing reflections blur the map."),
        (DataQuality(completeness_low=0.5, low_limit_d=8.0), "low-resolution reflections are missing"),
        (DataQuality(mean_i_over_sigma=3.0), "noise limits the phases"),
        (DataQuality(second_moment_acentric=1.6), "perfect twin"),
        (DataQuality(mean_abs_l=0.39), "0.375"),
        (DataQuality(anisotropy_delta_b=25.0), "much better in one direction"),
        (DataQuality(n_absences_violated=4), "is the space group right?"),
    ],
)
def test_what_is_wrong_with_the_data_is_said_in_words(quality: DataQuality, said: str) -> None:
    (note,) = data_notes(quality)
    assert note.attention
    assert said in note.meaning


def test_good_data_call_for_no_attention(results: Results) -> None:
    quality = results.data_quality.model_copy(update={"completeness_low": 1.0})
    notes = data_notes(quality)
    assert len(notes) == 12
    assert not any(note.attention for note in notes)
