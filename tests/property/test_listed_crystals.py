"""The crystals that the fixed lists stand for: as listed, sound, and within the limits of their sets."""

from pathlib import Path

import numpy as np
import pytest

from rephase.data.crystals.contacts import MIN_CONTACT, closest_contact
from rephase.data.crystals.crystal_model import mass_centre, solvent_fraction
from rephase.data.crystals.recipes import CubicCell
from rephase.data.lists.crystal_lists import CrystalList, quick, read_list, write_list
from rephase.data.lists.list_drawing import draw_list
from rephase.data.lists.listed_crystals import check_sum, crystals_of
from rephase.data.lists.listed_fragments import check_splits, read_listed
from rephase.data.structures.split_table import read_split_table

SETS = Path(__file__).resolve().parents[2] / "benchmarks" / "sets"
NAMES = sorted(path.stem for path in SETS.glob("*.json"))
DRAWN = [name for name in NAMES if read_list(SETS / f"{name}.json").choice is not None]
STARTS = {"p15-wide": (0.80, 1.0), "p15-tight-start": (0.0, 0.74)}
SMALL = "dev-dialanine-10"


@pytest.fixture(scope="module")
def files(shared: Path) -> list[Path]:
    return [shared / "data" / "fragments15.npz", *sorted((shared / "data" / "structures").glob("*.gz"))]


def drawn_bytes(crystals: CrystalList, files: list[Path], table: Path, folder: Path) -> bytes:
    drawn, _ = draw_list(crystals.model_copy(update={"entries": ()}), files[1:], read_split_table(table))
    write_list(folder / "list.json", drawn)
    return (folder / "list.json").read_bytes()


@pytest.mark.parametrize(
    "name", [name if name == SMALL else pytest.param(name, marks=pytest.mark.slow) for name in DRAWN]
)
def test_drawing_a_list_anew_gives_the_same_file(
    name: str, files: list[Path], shared: Path, tmp_path: Path
) -> None:
    table = shared / "data" / "structures" / "manifest.tsv"
    file = SETS / f"{name}.json"
    assert drawn_bytes(read_list(file), files, table, tmp_path) == file.read_bytes()


@pytest.mark.parametrize(
    "name", [name if name == SMALL else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_the_crystals_of_a_list_have_its_sum(name: str, files: list[Path]) -> None:
    crystals = read_list(SETS / f"{name}.json")
    check_sum(crystals, crystals_of(crystals, read_listed(crystals, files)))


def test_every_entry_is_held_out_by_the_table(shared: Path) -> None:
    splits = read_split_table(shared / "data" / "structures" / "manifest.tsv")
    for name in NAMES:
        check_splits(read_list(SETS / f"{name}.json"), splits)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_crystals_keep_to_the_limits_of_their_set(name: str, files: list[Path]) -> None:
    crystals = quick(read_list(SETS / f"{name}.json"))
    least, most = STARTS.get(name.removeprefix("dev-"), (0.0, 1.0))
    for one in crystals_of(crystals, read_listed(crystals, files)):
        cell = one.model.cell
        assert closest_contact(one.model, limit=50.0) > MIN_CONTACT
        assert least <= solvent_fraction(one.model) <= most
        assert crystals.d_min[0] <= one.d_min <= crystals.d_min[1]
        if isinstance(crystals.crystal.cell, CubicCell):
            assert cell.parameters == (*[crystals.crystal.cell.edge] * 3, 90.0, 90.0, 90.0)
        if one.model.spacegroup.hm == "P 1":
            assert cell.a >= cell.b >= cell.c
            centre = mass_centre(one.model.xyz_frac, one.model.elements)
            assert np.allclose(centre, 0.5, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["", "dev-"])
def test_the_tight_set_has_less_solvent_than_the_rest_of_its_pool(prefix: str, files: list[Path]) -> None:
    var, tight = (read_list(SETS / f"{prefix}{name}.json") for name in ("p15-var", "p15-tight"))
    chosen = {entry.id for entry in tight.entries}
    solvent = {
        one.id: solvent_fraction(one.model)
        for crystals in (var, tight)
        for one in crystals_of(crystals, read_listed(crystals, files))
    }
    assert max(solvent[one] for one in chosen) <= min(solvent[one] for one in solvent.keys() - chosen)
