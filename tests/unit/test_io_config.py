"""Settings in YAML: overrides, and messages that name the right key."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, model_validator

from rephase.errors import UserError
from rephase.io.config import Config, dump_config, read_config


class Windows(Config):
    length: int = Field(default=15, ge=1)
    step: int = 10


class Cubic(Config):
    kind: Literal["cubic"] = "cubic"
    edge: float = 20.0


class Growing(Config):
    kind: Literal["growing"] = "growing"
    solvent: float | None = None


class Settings(Config):
    windows: Windows = Windows()
    cell: Cubic | Growing = Field(default=Growing(), discriminator="kind")
    seed: int = 0


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_fills_in_and_the_rest_stays_at_its_default(tmp_path: Path) -> None:
    found = read_config(Settings, write(tmp_path, "windows:\n  length: 2\n"))
    assert found == Settings(windows=Windows(length=2))


def test_an_empty_file_and_no_file_give_the_defaults(tmp_path: Path) -> None:
    assert read_config(Settings, write(tmp_path, "# nothing\n")) == read_config(Settings) == Settings()


def test_overrides_reach_into_nested_settings_and_win_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "windows: {length: 2}\nseed: 1\n")
    found = read_config(Settings, path, ["windows.step=3", "seed=7", "cell.kind=cubic", "cell.edge=12"])
    assert found == Settings(windows=Windows(length=2, step=3), cell=Cubic(edge=12.0), seed=7)


def test_what_is_dumped_reads_back_the_same(tmp_path: Path) -> None:
    settings = Settings(cell=Cubic(edge=12.5), seed=3)
    assert read_config(Settings, write(tmp_path, dump_config(settings))) == settings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("windows: {lenght: 2}", ["windows.lenght", "did you mean length?"]),
        ("sed: 1", ["sed in", "did you mean seed?"]),
        ("cell: {kind: cubic, egde: 2}", ["cell.egde", "did you mean edge?"]),
        ("cell: {kind: cubic, solvent: 0.5}", ["the keys edge, kind\n", "cell.solvent", "remove it"]),
        ("windows: {length: 0}", ["windows.length", "greater than or equal to 1"]),
        ("windows: {length: two}", ["windows.length", "'two'"]),
        ("windows: 3", ["windows", "3 in"]),
        ("- a\n- b", ["holds a list"]),
        ("a: [", ["settings in YAML"]),
        ("cell: {kind: hexagonal}", ["cell", "hexagonal"]),
    ],
)
def test_mistakes_are_told_with_what_to_type(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        read_config(Settings, write(tmp_path, text))
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("override", ["seed", "=3", "windows..length=2", "seed=[1"])
def test_a_malformed_override_is_told(override: str) -> None:
    with pytest.raises(UserError):
        read_config(Settings, overrides=[override])


def test_a_missing_file_and_a_directory_are_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(UserError, match="settings in YAML"):
            read_config(Settings, path)


class Range(Config):
    low: float = 0.0
    high: float = 1.0

    @model_validator(mode="after")
    def _ordered(self) -> "Range":
        if self.low > self.high:
            raise ValueError("low and high: the smaller first")
        return self


def test_what_a_rule_over_several_settings_wants_is_said_in_its_own_words() -> None:
    with pytest.raises(UserError) as caught:
        read_config(Range, None, ["low=2"])
    assert caught.value.wanted == "low and high: the smaller first"
    assert caught.value.do == "correct the settings"
