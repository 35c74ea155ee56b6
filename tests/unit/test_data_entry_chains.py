"""Which entries and chains are used, and under which number."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import gemmi
import pytest
from small_entries import HEADER, SEQUENCE, cif_text, entry_of, strand, structure_of

from rephase.data.structures.build_config import ChainRules, EntryRules
from rephase.data.structures.entry_chains import protein_chains
from rephase.data.structures.entry_rules import entry_rejection
from rephase.io.structure_file import StructureFile, read_structure_file

OTHER = SEQUENCE[::-1]


@pytest.fixture
def good(tmp_path: Path) -> StructureFile:
    return entry_of(tmp_path, structure_of(strand(SEQUENCE)))


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({}, None),
        ({"methods": ("SOLUTION NMR",)}, "experiment"),
        ({"methods": ("ELECTRON MICROSCOPY",)}, "experiment"),
        ({"methods": ()}, "experiment"),
        ({"methods": ("X-RAY DIFFRACTION", "NEUTRON DIFFRACTION")}, None),
        ({"released": date(1995, 12, 31)}, "date"),
        ({"released": date(1996, 1, 1)}, None),
        ({"released": None, "deposited": date(1990, 1, 1)}, "date"),
        ({"released": date(1996, 1, 1), "deposited": date(1995, 6, 1)}, None),  # the release counts
        ({"released": None, "deposited": None}, "no date"),
        ({"resolution": 2.75}, None),
        ({"resolution": 2.76}, "resolution"),
        ({"resolution": None}, "no resolution"),
        ({"r_free": 0.28}, None),
        ({"r_free": 0.281}, "R-free"),
        ({"r_free": None}, "no R-free"),
        ({"resolution": 3.0, "r_free": 0.4}, "resolution"),  # only the first broken rule counts
    ],
)
def test_rules_of_entries(good: StructureFile, changes: dict[str, object], rule: str | None) -> None:
    assert entry_rejection(replace(good, **changes), EntryRules()) == rule  # type: ignore[arg-type]


def test_rules_can_be_switched_off(good: StructureFile) -> None:
    silent = replace(good, released=None, deposited=None, resolution=None, r_free=None)
    off = EntryRules(released_after=None, resolution=None, r_free=None)
    assert entry_rejection(silent, off) is None
    keep = EntryRules(released_after=None, resolution=None, r_free_missing="keep")
    assert entry_rejection(silent, keep) is None
    assert entry_rejection(replace(silent, r_free=0.3), keep) == "R-free"


def test_one_chain_of_each_entity(tmp_path: Path) -> None:
    copies = [strand(SEQUENCE, "A"), strand(OTHER, "B", 30.0), strand(SEQUENCE, "C", 60.0)]
    chains, rejected = protein_chains(entry_of(tmp_path, structure_of(*copies), ""), ChainRules())
    assert [(chain.entity, chain.sequence) for chain in chains] == [("1", SEQUENCE), ("2", OTHER)]
    assert chains[0].residues[0]["CA"][0].pos.x < 10.0  # the first copy of the file
    assert rejected == {"duplicate chain": 1}


def test_copies_are_found_without_seqres(tmp_path: Path) -> None:
    structure = structure_of(strand(SEQUENCE, "A"), strand(SEQUENCE, "B", 30.0), seqres=False)
    chains, rejected = protein_chains(entry_of(tmp_path, structure, ""), ChainRules())
    assert [chain.sequence for chain in chains] == [SEQUENCE]
    assert rejected == {"duplicate chain": 1}


@pytest.mark.parametrize("length", [39, 40])
def test_length_is_that_of_the_crystallised_sequence(tmp_path: Path, length: int) -> None:
    structure = structure_of(strand(SEQUENCE[:20]))
    structure.entities[0].full_sequence = ["ALA"] * (length - 20) + structure.entities[0].full_sequence
    chains, rejected = protein_chains(entry_of(tmp_path, structure), ChainRules())
    assert (len(chains), rejected["short sequence"]) == ((1, 0) if length == 40 else (0, 1))


def nucleic(name: str) -> gemmi.Chain:
    chain = gemmi.Chain(name)
    for number in range(12):
        residue = gemmi.Residue()
        residue.name, residue.seqid = "DA", gemmi.SeqId(str(number + 1))
        residue.entity_type = gemmi.EntityType.Polymer
        atom = gemmi.Atom()
        atom.name, atom.element, atom.pos = "P", gemmi.Element("P"), gemmi.Position(0, 0, 7.0 * number)
        residue.add_atom(atom)
        chain.add_residue(residue)
    return chain


def test_nucleic_acids_are_counted_and_left_out(tmp_path: Path) -> None:
    structure = structure_of(nucleic("A"), strand(SEQUENCE, "B"))
    chains, rejected = protein_chains(entry_of(tmp_path, structure, ""), ChainRules())
    assert [chain.entity for chain in chains] == ["2"]  # the DNA is entity 1
    assert rejected == {"no protein": 1}


def test_the_number_is_that_of_compnd(tmp_path: Path) -> None:
    header = HEADER.replace("COMPND    MOL_ID: 1;", "COMPND    MOL_ID: 7;")
    chains, _ = protein_chains(entry_of(tmp_path, structure_of(strand(SEQUENCE)), header), ChainRules())
    assert [chain.entity for chain in chains] == ["7"]


def test_several_molecules_in_compnd(tmp_path: Path) -> None:
    header = HEADER.replace(
        "COMPND   3 CHAIN: A;\n",
        "COMPND   3 CHAIN: A, C;\nCOMPND   4 MOL_ID: 2;\nCOMPND   5 MOLECULE: X;\nCOMPND   6 CHAIN: B\n",
    )
    copies = [strand(OTHER, "B"), strand(SEQUENCE, "A", 30.0), strand(SEQUENCE, "C", 60.0)]
    chains, _ = protein_chains(entry_of(tmp_path, structure_of(*copies), header), ChainRules())
    assert [(chain.entity, chain.sequence) for chain in chains] == [("2", OTHER), ("1", SEQUENCE)]


def test_a_compnd_that_gives_two_sequences_one_number_is_not_believed(tmp_path: Path) -> None:
    header = HEADER.replace("CHAIN: A;", "CHAIN: A, B;")
    structure = structure_of(strand(SEQUENCE, "A"), strand(OTHER, "B", 30.0))
    chains, _ = protein_chains(entry_of(tmp_path, structure, header), ChainRules())
    assert [chain.entity for chain in chains] == ["1", "2"]


def test_sixty_chains_with_names_of_two_letters(tmp_path: Path) -> None:
    chains = [strand(SEQUENCE, f"{'ABCDEF'[i // 10]}{i % 10}", 30.0 * i) for i in range(60)]
    path = tmp_path / "capsid.cif"
    path.write_text(cif_text(structure_of(*chains)), encoding="utf-8")
    used, rejected = protein_chains(read_structure_file(path), ChainRules())
    assert [chain.sequence for chain in used] == [SEQUENCE]
    assert rejected == {"duplicate chain": 59}
