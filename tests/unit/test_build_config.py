"""The settings of builds: the files that come with the program, and what they refuse."""

from pathlib import Path

import pytest

from rephase.data.crystals.recipes import CubicCell
from rephase.data.structures.build_config import BuildConfig
from rephase.errors import UserError
from rephase.io.config import read_config

NAMES = ("reccrysformer15", "unet-dipeptide", "unet-dialanine")


@pytest.mark.parametrize("name", NAMES)
def test_the_files_that_come_along_are_valid(repository: Path, name: str) -> None:
    config = read_config(BuildConfig, repository / "configs" / "data" / f"{name}.yaml")
    assert config.crystals is not None
    assert config.entries == BuildConfig().entries  # both papers share one curated list


def test_the_defaults_are_those_of_reccrysformer(repository: Path) -> None:
    config = read_config(BuildConfig, repository / "configs" / "data" / "reccrysformer15.yaml")
    assert config.model_copy(update={"crystals": None}) == BuildConfig()


def test_the_cells_of_the_unet_are_cubic(repository: Path) -> None:
    edges = {}
    for name in NAMES[1:]:
        config = read_config(BuildConfig, repository / "configs" / "data" / f"{name}.yaml")
        assert config.crystals is not None
        assert isinstance(config.crystals.cell, CubicCell)
        edges[name] = config.crystals.cell.edge
    assert edges == {"unet-dipeptide": 12.0, "unet-dialanine": 20.0}


def test_fractions_must_add_up() -> None:
    with pytest.raises(UserError, match="add up to 1"):
        read_config(BuildConfig, None, ["splits.train=0.5"])


def test_a_misspelt_rule_is_named() -> None:
    with pytest.raises(UserError, match="resolution"):
        read_config(BuildConfig, None, ["entries.resolutoin=2.0"])


def test_a_limit_can_be_switched_off() -> None:
    config = read_config(BuildConfig, None, ["entries.r_free=null", "entries.released_after=null"])
    assert config.entries.r_free is None
    assert config.entries.released_after is None
