"""The protein chains of an entry: one copy of each entity, under the number of the entity."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import gemmi

from rephase.data.structures.build_config import ChainRules
from rephase.io.structure_file import StructureFile

_NUMBERED = (gemmi.CoorFormat.Mmcif, gemmi.CoorFormat.Mmjson)


@dataclass(frozen=True, eq=False)
class EntryChain:
    """A chain that is used.

    Attributes
    ----------
    entity
        Its number: of the mmCIF file, MOL_ID of the PDB file, or its place among the different polymers.
    sequence
        One-letter codes of what was crystallised (SEQRES), X for unknown residues; what was modelled where
        the file does not state it.
    residues
        Modelled residues of the polymer, in order; alternative residues of one place follow one another.
    """

    entity: str
    sequence: str
    residues: gemmi.ResidueSpan


def protein_chains(entry: StructureFile, rules: ChainRules) -> tuple[list[EntryChain], Counter[str]]:
    """Choose the chains of the first model that are cut into windows.

    Of chains with one sequence the first of the file is used: in a crystal they are near copies, and the ids
    of RecCrysFormer know only entities.

    Returns
    -------
    The chains in the order of the file, and how many of the others broke which rule.
    """
    chains: list[EntryChain] = []
    rejected: Counter[str] = Counter()
    seen: set[str] = set()
    for chain, is_protein in _polymers(entry):
        if not is_protein:
            rejected["no protein"] += 1
        elif chain.sequence in seen:
            rejected["duplicate chain"] += 1
        elif len(chain.sequence) < rules.residues:
            rejected["short sequence"] += 1
        else:
            chains.append(chain)
        seen.add(chain.sequence)
    return chains, rejected


def _polymers(entry: StructureFile) -> Iterator[tuple[EntryChain, bool]]:
    """Yield polymers in the order of the file, and whether they are chains of L-amino acids."""
    spans = [(chain.name, span) for chain in entry.structure[0] for span in chain.subchains()]
    polymers = [(name, span, entity) for name, span in spans if (entity := _polymer_entity(entry, span))]
    sequences = [_sequence(entity, span) for _, span, entity in polymers]
    numbers = _entity_numbers(entry, [(name, entity) for name, _, entity in polymers], sequences)
    for number, sequence, (_, span, entity) in zip(numbers, sequences, polymers, strict=True):
        yield EntryChain(number, sequence, span), entity.polymer_type == gemmi.PolymerType.PeptideL


def _polymer_entity(entry: StructureFile, span: gemmi.ResidueSpan) -> gemmi.Entity | None:
    entity = entry.structure.get_entity_of(span)
    if entity is None or entity.entity_type != gemmi.EntityType.Polymer:
        return None
    if entity.polymer_type == gemmi.PolymerType.Unknown:
        entity.polymer_type = span.check_polymer_type()
    return entity


def _sequence(entity: gemmi.Entity, span: gemmi.ResidueSpan) -> str:
    names = [gemmi.Entity.first_mon(name) for name in entity.full_sequence] or span.extract_sequence()
    return gemmi.one_letter_code(names).upper()


def _entity_numbers(
    entry: StructureFile, polymers: list[tuple[str, gemmi.Entity]], sequences: list[str]
) -> list[str]:
    """Return the number of each polymer's entity, the same for the same sequence."""
    stated = [
        entity.name if entry.structure.input_format in _NUMBERED else entry.molecule_of_chain.get(chain, "")
        for chain, entity in polymers
    ]
    if all(number.isalnum() for number in stated) and _one_to_one(stated, sequences):
        return stated
    places = {sequence: str(place) for place, sequence in enumerate(dict.fromkeys(sequences), 1)}
    return [places[sequence] for sequence in sequences]


def _one_to_one(numbers: list[str], sequences: list[str]) -> bool:
    """Tell whether no number stands for two sequences."""
    return len(set(zip(numbers, sequences, strict=True))) == len(set(numbers))
