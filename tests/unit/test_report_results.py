"""`results.json`: it survives being written and read, and refuses what it does not know."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from rephase.errors import UserError
from rephase.report.results import Results, json_schema, read_results, write_results

EXAMPLE = Path(__file__).parent / "data" / "report_results.json"


@pytest.fixture(scope="module")
def results() -> Results:
    """A file written by version 1 of the schema: it must stay readable."""
    return read_results(EXAMPLE)


def test_results_survive_writing_and_reading(results: Results, tmp_path: Path) -> None:
    write_results(results, tmp_path / "results.json")
    assert read_results(tmp_path / "results.json") == results
    assert json.loads((tmp_path / "results.json").read_text()) == json.loads(EXAMPLE.read_text())


def test_nan_becomes_null_where_a_value_may_be_missing(results: Results) -> None:
    quality = results.data_quality.model_copy(update={"wilson_b": float("nan")})
    again = type(quality).model_validate(quality.model_dump())
    assert again.wilson_b is None
    assert '"wilson_b":null' in again.model_dump_json()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_infinity_nor_nan_where_a_value_is_needed(results: Results, value: float) -> None:
    record = results.model_dump()
    record["verdict"]["figure"]["value"] = value
    with pytest.raises(ValidationError, match="finite"):
        Results.model_validate(record)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda r: r.update(colour="blue"), "colour"),
        (lambda r: r["verdict"].update(word="perfect"), "verdict.word"),
        (lambda r: r["verdict"].update(probability=1.2), "verdict.probability"),
        (lambda r: r["shells"].reverse(), "low to high"),
        (lambda r: r["data_quality"]["l_test"]["abs_l"].pop(), "l_test"),
        (lambda r: r["phasing"]["convergence"][0]["value"].pop(), "convergence of start 0"),
        (lambda r: r.update(schema_version="2"), "schema_version"),
    ],
)
def test_a_file_that_breaks_the_schema_is_refused_by_name(change, complaint, tmp_path: Path) -> None:
    record = json.loads(EXAMPLE.read_text())
    change(record)
    path = tmp_path / "results.json"
    path.write_text(json.dumps(record))
    with pytest.raises(UserError) as refused:
        read_results(path)
    assert complaint in refused.value.found
    assert str(path) in refused.value.found


@pytest.mark.parametrize("text", ["", "not JSON", '{"schema_version": "1"'])
def test_a_file_that_is_no_json_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(UserError, match="Invalid JSON"):
        read_results(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        read_results(tmp_path / "results.json")


def test_a_record_cannot_be_changed(results: Results) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        results.title = "another"  # type: ignore[misc]


def test_the_json_schema_names_every_part_and_forbids_others() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == set(json.loads(EXAMPLE.read_text()))
    assert schema["additionalProperties"] is False
    assert all(part["additionalProperties"] is False for part in schema["$defs"].values())
