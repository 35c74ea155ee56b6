"""`rephase data show` as it is typed: tables, figures, and words that do not fit."""

from pathlib import Path

import numpy as np
import PeptideBuilder
import pytest
from matplotlib.image import imread

from rephase.cli.main import run
from rephase.data.crystals.placement import Placement, placement_of
from rephase.data.crystals.placements import placements_from
from rephase.data.crystals.recipes import CrystalRecipe, GrowingCell, draw_crystal
from rephase.data.fragments import Fragments
from rephase.data.sets.fragment_set import FragmentSet
from rephase.data.sets.set_record import SetOrigin, SkippedFile
from rephase.data.sets.set_writer import SetPart, write_set

SEQUENCES = ("GAVSK", "LIWMC", "DERTPY", "NQHFG", "AAGK", "SSTVL")
RECIPE = CrystalRecipe(cell=GrowingCell(spacegroups=("P 1", "P 1 21 1")))
ORIGIN = SetOrigin(
    command="rephase data build",
    sources=3,
    rejected={"windows": {"chain break": 12}, "entries": {"resolution": 4}},
    skipped=(SkippedFile(name="bad.pdb", reason="no atoms"),),
    notes={"clusters": "by pyswrd"},
)


@pytest.fixture(scope="module")
def fragments() -> Fragments:
    """Helices of ideal geometry."""
    chains = [
        PeptideBuilder.make_structure(s, [-57.0] * (len(s) - 1), [-47.0] * (len(s) - 1)) for s in SEQUENCES
    ]
    atoms = [list(chain.get_atoms()) for chain in chains]
    flat = [atom for chain in atoms for atom in chain]
    return Fragments(
        ids=np.array([f"1AB{number}_1.pd_{number + 1}" for number in range(len(chains))]),
        sequence=np.array(SEQUENCES),
        resolution=np.array([1.5, 1.8, 2.0, 2.2, np.nan, 1.1], np.float32),
        split=np.array([0, 0, 0, 0, 1, 2], np.uint8),
        offset=np.cumsum([0, *(len(chain) for chain in atoms)]),
        xyz_cart=np.array([atom.coord for atom in flat], np.float32),
        atom_name=np.array([atom.name for atom in flat]),
        residue=np.array([atom.parent.id[1] - 1 for atom in flat], np.int16),
    )


@pytest.fixture(scope="module")
def plain(fragments: Fragments, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plain") / "set"
    write_set(path, [SetPart(fragments)], ORIGIN)
    return path


@pytest.fixture(scope="module")
def with_crystals(fragments: Fragments, tmp_path_factory: pytest.TempPathFactory) -> Path:
    placements = []
    for i in range(len(fragments)):
        atoms = fragments.atoms_of(i)
        xyz = fragments.xyz_cart[atoms].astype(np.float64)
        model = draw_crystal(xyz, fragments.elements[atoms], RECIPE, np.random.default_rng(i))
        assert model is not None
        placements.append(placement_of(model, xyz))
    path = tmp_path_factory.mktemp("crystals") / "set"
    write_set(path, [SetPart(fragments, placements=placements_from(placements))], ORIGIN)
    return path


def test_set_is_told_in_tables(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "show", str(plain)]) == 0
    told = capsys.readouterr().out
    rows = [line.split() for line in told.splitlines()]
    assert ["train", "4", "66.7%", "4"] in [row[:4] for row in rows]
    assert ["windows", "chain", "break", "12"] in rows
    assert "bad.pdb: no atoms" in told
    assert "clusters: by pyswrd" in told
    assert "solvent content" not in told
    assert ["resolution", "of", "the", "entry,", "Å", "1.10"] in [row[:6] for row in rows]


def test_stored_crystals_are_told_too(with_crystals: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "show", str(with_crystals)]) == 0
    told = capsys.readouterr().out
    assert "solvent content" in told
    assert "space groups: P 1" in told


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_figure_of_a_set_is_written_in_the_format_of_its_suffix(
    with_crystals: Path, tmp_path: Path, suffix: str
) -> None:
    figure = tmp_path / f"set{suffix}"
    assert run(["data", "show", str(with_crystals), "-o", str(figure)]) == 0
    starts = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}
    assert figure.read_bytes().startswith(starts[suffix])


def test_crystal_is_told_and_drawn(
    with_crystals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figure = tmp_path / "crystal.png"
    assert run(["data", "show", str(with_crystals), "1AB2_1.pd_3", "-o", str(figure)]) == 0
    told = capsys.readouterr().out
    assert "DERTPY" in told
    assert "fixed by the set" in told
    pixels = imread(figure)
    assert min(pixels.shape[:2]) > 1000
    assert pixels[..., :3].std() > 0.05


def test_crystal_that_is_not_stored_is_drawn_from_the_seed(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(seed: str, name: str) -> list[str]:
        words = ["data", "show", str(plain), "1AB0_1.pd_1", "-o", str(tmp_path / name), "--seed", seed]
        assert run(words) == 0
        return [line for line in capsys.readouterr().out.splitlines() if line.startswith("cell")]

    assert told("1", "a.png") == told("1", "b.png") != told("2", "c.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_cell_without_neighbours_in_reach_has_no_infinite_contact(
    fragments: Fragments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide = Placement(
        np.array([99.0, 99.0, 99.0, 90.0, 90.0, 90.0]), "P 1", np.array([0, 0, 0, 1.0]), np.zeros(3)
    )
    crystals = placements_from([wide] * len(fragments))
    write_set(tmp_path / "set", [SetPart(fragments, placements=crystals)], ORIGIN)
    assert run(["data", "show", str(tmp_path / "set"), "1AB0_1.pd_1", "--d-min", "8"]) == 0
    assert "contacts     above 50.00 Å" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "suggestion"), [("1AB2_1.pd_4", "1AB2_1.pd_3"), ("1ab2", "1AB2_1.pd_3"), ("1AB", "6 begin")]
)
def test_unknown_id_is_answered_with_the_nearest(
    plain: Path, capsys: pytest.CaptureFixture[str], word: str, suggestion: str
) -> None:
    assert run(["data", "show", str(plain), word]) == 2
    assert suggestion in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-o", "figure.gif"], ".png"),
        (["-o", "nowhere/figure.png"], "nowhere"),
        (["--d-min", "0.1"], "--d-min"),
        (["--d-min", "nan"], "--d-min"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    plain: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(plain.parent)
    assert run(["data", "show", str(plain), *words]) == 2
    assert told in capsys.readouterr().err


def test_figure_is_not_replaced_without_force(plain: Path, tmp_path: Path) -> None:
    figure = tmp_path / "set.png"
    figure.write_bytes(b"mine")
    assert run(["data", "show", str(plain), "-o", str(figure)]) == 2
    assert figure.read_bytes() == b"mine"
    assert run(["data", "show", str(plain), "-o", str(figure), "--force"]) == 0
    assert figure.read_bytes() != b"mine"


def test_no_set_is_the_users_to_put_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "show", str(tmp_path / "absent")]) == 2
    assert "absent" in capsys.readouterr().err


def test_suggested_next_command_works(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["data", "show", str(plain)])
    first = str(FragmentSet.open(plain).manifest["id"][0].as_py())
    assert f"rephase data show {plain} {first}" in capsys.readouterr().out
    assert run(["data", "show", str(plain), first]) == 0
