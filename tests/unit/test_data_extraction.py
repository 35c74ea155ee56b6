"""From a file to fragments: what comes out, and what every rule left out."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from small_entries import HEADER, SEQUENCE, WRITERS, pdb_text, strand, structure_of

from rephase.data.fragments import UNASSIGNED
from rephase.data.structures.build_config import BuildConfig, ChainRules, WindowRules
from rephase.data.structures.extraction import Extraction, extract
from rephase.errors import UserError

CONFIG = BuildConfig()


def extracted(
    tmp_path: Path, *sequences: str, config: BuildConfig = CONFIG, header: str = HEADER
) -> Extraction:
    chains = [strand(sequence, "ABCDEF"[i], 40.0 * i) for i, sequence in enumerate(sequences)]
    path = tmp_path / "entry.pdb"
    path.write_text(pdb_text(structure_of(*chains), header), encoding="ascii")
    return extract(path, config)


def test_what_comes_out(tmp_path: Path) -> None:
    found = extracted(tmp_path, SEQUENCE, SEQUENCE)
    fragments = found.fragments
    assert (found.source, found.entry) == ("entry.pdb", "4AZ3")
    assert fragments.ids.tolist() == [f"4AZ3_1.pd_{start}" for start in (1, 11, 21, 31)]
    assert fragments.sequence.tolist() == [SEQUENCE[start : start + 15] for start in (0, 10, 20, 30)]
    assert set(fragments.split) == {UNASSIGNED}
    np.testing.assert_allclose(fragments.resolution, 1.8)
    assert fragments.offset[0] == 0
    assert (
        fragments.offset[-1] == len(fragments.xyz_cart) == len(fragments.atom_name) == len(fragments.residue)
    )
    assert [(e.key, e.sequence, e.fragments) for e in found.entities] == [("4AZ3_1", SEQUENCE, 4)]
    assert found.rejected == {"entries": {}, "chains": {"duplicate chain": 1}, "windows": {}}


def test_overlapping_windows_share_their_atoms(tmp_path: Path) -> None:
    fragments = extracted(tmp_path, SEQUENCE).fragments
    first, second = fragments.atoms_of(0), fragments.atoms_of(1)
    tail = fragments.xyz_cart[first][fragments.residue[first] >= 10]
    head = fragments.xyz_cart[second][fragments.residue[second] < 5]
    np.testing.assert_array_equal(tail, head)


@pytest.mark.parametrize("form", ["cif", "bcif.gz"])
def test_every_format_gives_the_same_fragments(tmp_path: Path, form: str) -> None:
    expected = extracted(tmp_path, SEQUENCE)
    path = tmp_path / f"entry.{form}"
    path.write_bytes(WRITERS[form](structure_of(strand(SEQUENCE))))
    found = extract(path, BuildConfig())
    np.testing.assert_allclose(found.fragments.xyz_cart, expected.fragments.xyz_cart, atol=1e-3)
    np.testing.assert_array_equal(found.fragments.atom_name, expected.fragments.atom_name)
    assert found.fragments.sequence.tolist() == expected.fragments.sequence.tolist()
    assert found.rejected == expected.rejected


def test_a_rejected_entry_gives_its_reason_and_nothing_else(tmp_path: Path) -> None:
    found = extracted(tmp_path, SEQUENCE, header=HEADER.replace("X-RAY DIFFRACTION", "SOLUTION NMR"))
    assert (len(found.fragments), found.entities) == (0, ())
    assert found.rejected == {"entries": {"experiment": 1}, "chains": {}, "windows": {}}
    assert found.fragments.offset.tolist() == [0]


def test_entries_without_chains_or_windows(tmp_path: Path) -> None:
    assert extracted(tmp_path, SEQUENCE[:39]).rejected == {
        "entries": {"no chain": 1},
        "chains": {"short sequence": 1},
        "windows": {},
    }
    config = BuildConfig(windows=WindowRules(length=50))
    assert extracted(tmp_path, SEQUENCE, config=config).rejected["entries"] == {"no window": 1}


def test_windows_of_an_entry_are_drawn_alike_whatever_else_is_read(tmp_path: Path) -> None:
    def drawn(seed: int, most: int) -> list[str]:
        windows = WindowRules(length=2, step=1, per_entry=most)
        config = BuildConfig(seed=seed, windows=windows, chains=ChainRules(residues=1))
        found = extracted(tmp_path, SEQUENCE, SEQUENCE[::-1], config=config)
        assert found.rejected["windows"].get("not drawn", 0) == 96 - len(found.fragments)
        assert sum(entity.fragments for entity in found.entities) == len(found.fragments)
        return found.fragments.ids.tolist()

    assert len(drawn(0, 10)) == len(set(drawn(0, 10))) == 10
    assert drawn(0, 10) == drawn(0, 10)
    assert drawn(0, 10) != drawn(1, 10)
    assert len(drawn(0, 1000)) == 96


def test_results_travel_between_processes(tmp_path: Path) -> None:
    found = pickle.loads(pickle.dumps(extracted(tmp_path, SEQUENCE)))
    assert len(found.fragments) == 4


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.pdb").write_bytes(b"\x1f\x8b\x08\x00")
    with pytest.raises(UserError, match=r"broken\.pdb"):
        extract(tmp_path / "broken.pdb", BuildConfig())
