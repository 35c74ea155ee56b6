"""The report in a real browser: it draws, obeys the mouse, and asks the network for nothing."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from headless_browser import BROWSER, Browser

from rephase.report.html import write_report
from rephase.report.map_view import Atoms, MapForReport
from rephase.report.results import read_results

EXAMPLE = Path(__file__).parents[1] / "unit" / "data" / "report_results.json"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BROWSER, reason="no chromium on PATH (Debian: apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with the density of a helix of Gaussian atoms, and the helix."""
    turn = np.deg2rad(100.0) * np.arange(16)
    helix = np.stack([10 + 2.3 * np.cos(turn), 12 + 2.3 * np.sin(turn), 3 + 1.5 * np.arange(16)], axis=1)
    cell = np.array([20.0, 24.0, 30.0])
    points = np.stack(np.meshgrid(*(np.arange(n) * 0.5 for n in (40, 48, 60)), indexing="ij"), axis=-1)
    density = np.zeros((40, 48, 60), np.float32)
    for atom in helix:
        delta = points - atom
        delta -= cell * np.round(delta / cell)
        density += np.exp(-0.5 * np.sum((delta / 0.7) ** 2, axis=-1)).astype(np.float32)
    labels = tuple(f"A {i + 1} ALA CA" for i in range(16))
    bonds = np.stack([np.arange(15), np.arange(1, 16)], axis=1)
    atoms = Atoms(helix, ("C", "N", "O", "S") * 4, labels, bonds)
    path = tmp_path_factory.mktemp("report") / "report.html"
    density -= density.mean()
    map_ = MapForReport(density, (20.0, 24.0, 30.0, 90.0, 90.0, 90.0), "P 21 21 21", atoms)
    write_report(read_results(EXAMPLE), map_, path)
    return path


def box_of(browser: Browser, selector: str) -> dict[str, float]:
    return browser.value(
        f"(() => {{ const b = document.querySelector('{selector}').getBoundingClientRect();"
        "return {x: b.x + scrollX, y: b.y + scrollY, width: b.width, height: b.height}; })()"
    )


def to_map(browser: Browser) -> tuple[float, float]:
    """Scroll to the map and return the middle of its picture in the window."""
    browser.value("document.getElementById('map').scrollIntoView({behavior: 'instant'})")
    x, y = browser.value(
        "(() => { const b = document.querySelector('#map-figure .view').getBoundingClientRect();"
        "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
    )
    return x, y


def segments(browser: Browser) -> int:
    return int(browser.value("document.getElementById('map-figure').dataset.segments"))


def test_the_report_opens_without_errors_and_without_the_network(browser: Browser, page: Path) -> None:
    browser.open(page)
    heading = browser.value("document.getElementById('verdict').innerText")
    assert heading == "✓Solved"
    assert browser.value("document.getElementById('map-figure').dataset.rendered") == "yes"
    assert browser.value("document.body.dataset.plots") == "7"
    assert browser.value("document.querySelectorAll('.plots svg.main-svg').length") >= 7
    kinds = [event.get("method") for event in browser.events]
    trouble = {"Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"}
    assert not trouble & set(kinds), [e for e in browser.events if e.get("method") in trouble]
    asked = [
        e["params"]["request"]["url"] for e in browser.events if e["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in asked if not url.startswith("data:")] == [page.as_uri()]


def test_the_map_is_drawn_blue_with_the_model_in_it(browser: Browser, page: Path) -> None:
    browser.open(page)
    picture = browser.picture(box_of(browser, "#map-figure .view"))
    red, green, blue = np.moveaxis(picture, -1, 0)
    mesh = (blue > red + 0.25) & (blue > green + 0.1)
    carbon = (red > blue + 0.3) & (green > blue + 0.2)
    assert mesh.mean() > 0.01
    assert carbon.mean() > 0.0003
    assert (picture.min(axis=-1) > 0.98).mean() > 0.3  # background


def test_moving_the_slider_contours_the_map_again(browser: Browser, page: Path) -> None:
    browser.open(page)
    counts = []
    for level in (1.0, 1.5, 3.0, 6.0):
        browser.value(
            "(() => { const slider = document.getElementById('map-level');"
            f"slider.value = {level}; slider.dispatchEvent(new Event('input')); }})()"
        )
        browser.wait("Number(document.getElementById('map-figure').dataset.level)", lambda v, w=level: v == w)
        counts.append(segments(browser))
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 1.2 * counts[2] > 0
    assert f"{6.0:.1f} r.m.s." in browser.value("document.getElementById('map-level-text').textContent")


def test_every_contour_point_lies_at_the_level(browser: Browser, page: Path) -> None:
    """Trilinear interpolation of the page's own density, at points of the page's own contour."""
    browser.open(page)
    ends = browser.value(
        "Array.from(contourMesh(mapView.map, 2.0, mapView.centre, 8.0).filter((_, i) => i % 300 < 3))"
    )
    scene = browser.value(
        "({shape: mapView.map.shape, origin: mapView.map.origin, steps: mapView.map.steps})"
    )
    coded = browser.value("JSON.parse(document.getElementById('map-data').textContent).density")
    low, step = browser.value("[mapView.map.low, mapView.map.step]")
    density = low + step * np.frombuffer(base64.b64decode(coded), np.uint8).reshape(scene["shape"])
    index = (np.array(ends).reshape(-1, 3) - scene["origin"]) @ np.linalg.inv(scene["steps"])
    below = np.floor(index + 1e-4).astype(int)
    part = index - below
    value = np.zeros(len(index))
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1.0 - part), axis=1)
        at = np.minimum(below + corner, np.array(scene["shape"]) - 1)
        value += weight * density[tuple(at.T)]
    assert len(index) > 20
    np.testing.assert_allclose(value, 2.0, atol=0.01)


def test_dragging_turns_and_the_wheel_zooms_after_a_click(browser: Browser, page: Path) -> None:
    browser.open(page)
    x, y = to_map(browser)
    state = "JSON.stringify([mapView.rotation, mapView.field, mapView.centre])"
    rotation, field, centre = json.loads(browser.value(state))
    browser.mouse("mouseWheel", x, y, deltaX=0, deltaY=-1)
    assert json.loads(browser.value(state))[1] == field  # nothing was clicked: the page scrolls
    browser.mouse("mousePressed", x, y, button="left", buttons=1, clickCount=1)
    browser.mouse("mouseMoved", x + 80, y + 10, button="left", buttons=1)
    browser.mouse("mouseReleased", x + 80, y + 10, button="left", clickCount=1)
    turned = browser.wait(state, lambda v: json.loads(v)[0] != rotation)
    r = np.array(json.loads(turned)[0]).reshape(3, 3)
    np.testing.assert_allclose(r @ r.T, np.eye(3), atol=1e-9)
    assert json.loads(turned)[2] == centre
    browser.mouse("mouseWheel", x, y, deltaX=0, deltaY=-100)
    browser.wait("mapView.field", lambda v: v < field)


def test_shift_and_the_wheel_change_the_contour_level(browser: Browser, page: Path) -> None:
    browser.open(page)
    x, y = to_map(browser)
    browser.value("document.querySelector('#map-figure .view').focus()")
    before = segments(browser)
    for _ in range(10):
        browser.mouse("mouseWheel", x, y, deltaX=0, deltaY=-100, modifiers=8)
    browser.wait("Number(document.getElementById('map-figure').dataset.level)", lambda v: v > 2.0)
    assert segments(browser) != before


def test_clicking_an_atom_centres_on_it_and_names_it(browser: Browser, page: Path) -> None:
    browser.open(page)
    to_map(browser)
    x, y = browser.value(
        "(() => { const b = document.querySelector('#map-figure .view').getBoundingClientRect();"
        "const r = mapView.rotation, d = mapView.atoms.xyz[0].map((v, i) => v - mapView.centre[i]);"
        "const s = Math.min(b.width, b.height) / (2 * mapView.field);"
        "const along = (row) => r[row] * d[0] + r[3 + row] * d[1] + r[6 + row] * d[2];"
        "return [b.x + b.width / 2 + s * along(0), b.y + b.height / 2 - s * along(1)]; })()"
    )
    browser.mouse("mousePressed", x, y, button="left", buttons=1, clickCount=1)
    browser.mouse("mouseReleased", x, y, button="left", clickCount=1)
    browser.wait("document.getElementById('map-atom').textContent", lambda v: v == "A 1 ALA CA")
    assert browser.value("mapView.centre") == browser.value("mapView.atoms.xyz[0]")


def test_in_the_dark_the_map_and_the_page_are_dark(browser: Browser, page: Path) -> None:
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.open(page)
    whole = browser.picture({"x": 0, "y": 0, "width": 1280, "height": 1500})
    canvas = browser.picture(box_of(browser, "#map-figure .view"))
    browser.call("Emulation.setEmulatedMedia", features=[])
    assert np.median(whole) < 0.2
    assert np.median(canvas) < 0.2


def test_without_webgl_the_page_says_so_and_keeps_the_rest(browser: Browser, page: Path) -> None:
    hide = "HTMLCanvasElement.prototype.getContext = () => null"
    script = browser.call("Page.addScriptToEvaluateOnNewDocument", source=hide)["identifier"]
    browser.open(page)
    browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
    assert browser.value("document.getElementById('map-figure').dataset.rendered") == "no"
    assert browser.value("document.getElementById('map-unavailable').checkVisibility()")
    assert browser.value("document.body.dataset.plots") == "7"


def test_on_paper_the_page_is_light_and_the_plots_fit(browser: Browser, page: Path) -> None:
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.open(page)
    paper = (
        "(() => { const c = document.querySelector('#map-figure .paper');"
        "const corner = c.getContext('2d').getImageData(0, 0, 1, 1).data; return [...corner, c.width]; })()"
    )
    widths = "Math.max(...[...document.querySelectorAll('.plots .main-svg')].map((svg) => svg.clientWidth))"
    on_screen = browser.value(widths)
    browser.value("dispatchEvent(new Event('beforeprint'))")
    assert browser.value(paper)[:3] == [255, 255, 255]
    assert browser.value(paper)[4] > 500
    assert browser.value(widths) == 310
    browser.value("dispatchEvent(new Event('afterprint'))")
    browser.wait(widths, lambda width: width == on_screen)
    browser.call("Emulation.setEmulatedMedia", features=[])
    assert browser.value(paper)[0] < 60


def test_it_can_be_printed(browser: Browser, page: Path) -> None:
    browser.open(page)
    pdf = base64.b64decode(browser.call("Page.printToPDF", printBackground=True)["data"])
    assert pdf.startswith(b"%PDF")
