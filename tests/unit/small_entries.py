"""Small entries of the Protein Data Bank, made of extended chains, in all formats."""

import gzip
import io
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import biotite.structure.io.pdbx as pdbx
import gemmi
import numpy as np

from rephase.data.peptides.peptide import Peptide, chain_from_torsions
from rephase.io.structure_file import StructureFile, read_structure_file

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLS"  # 49 residues
HEADER = """\
HEADER    HYDROLASE                               13-DEC-97   4AZ3
COMPND    MOL_ID: 1;
COMPND   2 MOLECULE: TEST;
COMPND   3 CHAIN: A;
EXPDTA    X-RAY DIFFRACTION
REVDAT   2   24-FEB-09 4AZ3    1       VERSN
REVDAT   1   08-APR-98 4AZ3    0
REMARK   2
REMARK   2 RESOLUTION.    1.80 ANGSTROMS.
REMARK   3   BIN FREE R VALUE                 : 0.999
REMARK   3   FREE R VALUE                     : 0.215
"""
CIF_FACTS = """
_pdbx_database_status.entry_id 4AZ3
_pdbx_database_status.recvd_initial_deposition_date 1997-12-13
loop_
_pdbx_audit_revision_history.ordinal
_pdbx_audit_revision_history.revision_date
1 1998-04-08
2 2009-02-24
_refine.entry_id 4AZ3
_refine.pdbx_refine_id 'X-RAY DIFFRACTION'
_refine.ls_d_res_high 1.80
_refine.ls_R_factor_R_free 0.215
"""


@cache
def _extended(sequence: str) -> Peptide:
    return chain_from_torsions(sequence, [(-120.0, 140.0)] * len(sequence))


def strand(sequence: str, name: str = "A", shift: float = 0.0) -> gemmi.Chain:
    """An extended chain with its OXT, moved by `shift` Å along x."""
    peptide = _extended(sequence)
    chain = gemmi.Chain(name)
    for number, letter in enumerate(sequence):
        residue = gemmi.Residue()
        residue.name = gemmi.expand_one_letter(letter, gemmi.ResidueKind.AA)
        residue.seqid, residue.entity_type = gemmi.SeqId(str(number + 1)), gemmi.EntityType.Polymer
        for row in np.flatnonzero(peptide.residue == number):
            x, y, z = peptide.xyz_cart[row].tolist()
            add_atom(residue, str(peptide.atom_names[row]), (x + shift, y, z))
        chain.add_residue(residue)
    return chain


def add_atom(
    residue: gemmi.Residue,
    name: str,
    xyz: Iterable[float],
    element: str = "",
    altloc: str = "\0",
    occ: float = 1.0,
) -> gemmi.Atom:
    atom = gemmi.Atom()
    atom.name, atom.element = name, gemmi.Element(element or name[0])
    atom.pos, atom.altloc, atom.occ, atom.b_iso = gemmi.Position(*xyz), altloc, occ, 20.0
    return residue.add_atom(atom)


def structure_of(*chains: gemmi.Chain, seqres: bool = True) -> gemmi.Structure:
    """A crystal structure; SEQRES is what is modelled."""
    structure = gemmi.Structure()
    structure.name, structure.cell = "4AZ3", gemmi.UnitCell(90, 90, 90, 90, 90, 90)
    structure.spacegroup_hm = "P 1"
    model = gemmi.Model(1)
    for chain in chains:
        model.add_chain(chain)
    structure.add_model(model)
    structure.setup_entities()
    if seqres:
        for entity in structure.entities:
            if entity.entity_type == gemmi.EntityType.Polymer:
                span = structure[0].get_subchain(entity.subchains[0])
                entity.full_sequence = [residue.name for residue in span.first_conformer()]
        structure.deduplicate_entities()
    return structure


def pdb_text(structure: gemmi.Structure, header: str = HEADER) -> str:
    written = structure.make_pdb_string(gemmi.PdbWriteOptions(minimal=True, seqres_records=True))
    return header + written


def cif_text(structure: gemmi.Structure, facts: str = CIF_FACTS) -> str:
    structure = structure.clone()
    structure.info["_exptl.method"] = "X-RAY DIFFRACTION"
    structure.info["_entry.id"] = "4AZ3"
    structure.assign_label_seq_id()
    groups = gemmi.MmcifOutputGroups(False)
    for group in (
        "atoms",
        "block_name",
        "entry",
        "entity",
        "entity_poly",
        "entity_poly_seq",
        "struct_asym",
        "cell",
    ):
        setattr(groups, group, True)
    groups.exptl = groups.symmetry = True
    return structure.make_mmcif_document(groups).as_string() + facts


def binary_cif(text: str) -> bytes:
    source, block = pdbx.CIFFile.read(io.StringIO(text)).block, pdbx.BinaryCIFBlock()
    for name in source:
        block[name] = pdbx.BinaryCIFCategory(
            {
                key: pdbx.BinaryCIFColumn(
                    pdbx.BinaryCIFData(column.as_array()),
                    None if column.mask is None else pdbx.BinaryCIFData(column.mask.array),
                )
                for key, column in source[name].items()
            }
        )
    file, written = pdbx.BinaryCIFFile(), io.BytesIO()
    file["4AZ3"] = block
    file.write(written)
    return written.getvalue()


WRITERS: dict[str, Callable[[gemmi.Structure], bytes]] = {
    "pdb": lambda structure: pdb_text(structure).encode(),
    "cif": lambda structure: cif_text(structure).encode(),
    "bcif": lambda structure: binary_cif(cif_text(structure)),
    "pdb.gz": lambda structure: gzip.compress(pdb_text(structure).encode()),
    "cif.gz": lambda structure: gzip.compress(cif_text(structure).encode()),
    "bcif.gz": lambda structure: gzip.compress(binary_cif(cif_text(structure))),
}


def entry_of(tmp_path: Path, structure: gemmi.Structure, header: str = HEADER) -> StructureFile:
    """Write a PDB file and read it again."""
    path = tmp_path / "entry.pdb"
    path.write_text(pdb_text(structure, header), encoding="ascii")
    return read_structure_file(path)
