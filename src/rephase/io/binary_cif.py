"""BinaryCIF as `gemmi.cif.Block`: the same categories and items that the text would hold."""

import io
from collections.abc import Iterator

import gemmi
import numpy as np
from biotite import DeserializationError
from biotite.structure.io.pdbx import BinaryCIFFile
from numpy.typing import NDArray

CATEGORIES = (
    *("entry", "exptl", "refine", "reflns", "cell", "symmetry"),
    *("pdbx_database_status", "pdbx_audit_revision_history", "database_PDB_rev"),
    *("entity", "entity_poly", "entity_poly_seq", "struct_asym", "atom_site"),
)
"""Categories that are read; the others (annotations, anisotropic factors) would only take time."""
_MAPS = (*range(0x80, 0x90), 0xDE, 0xDF)  # first bytes of a MessagePack map


def looks_binary(content: bytes) -> bool:
    """Tell whether `content` can be BinaryCIF: a MessagePack map that names its data blocks."""
    return content[:1] != b"" and content[0] in _MAPS and b"dataBlocks" in content


def binary_cif_block(content: bytes) -> gemmi.cif.Block:
    """Decode the first data block, only the `CATEGORIES`.

    Source: BinaryCIF specification 0.3 (Sehnal et al. 2020); the encodings are decoded by biotite.

    Raises
    ------
    ValueError
        When the content is damaged or has no data block.
    """
    try:
        blocks = BinaryCIFFile.read(io.BytesIO(content))
        name = next(iter(blocks))
        source = blocks[name]
        block = gemmi.cif.Block(str(name))
        for category in CATEGORIES:
            if category in source:
                _add(block, category, dict(_columns(source[category])))
    except StopIteration:
        raise ValueError("no data block") from None
    except _DAMAGE as error:
        raise ValueError(
            f"damaged BinaryCIF: {' '.join(str(error).split()) or type(error).__name__}"
        ) from None
    return block


_DAMAGE = (
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError, EOFError, OSError),
    *(NotImplementedError, RecursionError, RuntimeError, DeserializationError),
)
"""What msgpack, the encodings and biotite raise when bytes were lost or changed."""


def _columns(category: object) -> Iterator[tuple[str, NDArray[np.str_]]]:
    """Yield item names and values as text, with ``.`` and ``?`` where there is no value."""
    for name, column in category.items():  # type: ignore[attr-defined]  # biotite is not typed
        yield str(name), column.as_array(str)


def _add(block: gemmi.cif.Block, category: str, columns: dict[str, NDArray[np.str_]]) -> None:
    if not columns:
        return
    loop = block.init_loop(f"_{category}.", list(columns))
    loop.set_all_values([[_quoted(value) for value in values] for values in columns.values()])


def _quoted(value: str) -> str:
    """Quote what CIF would misread; a lone ``.`` or ``?`` means that there is no value."""
    return value if value in (".", "?") else gemmi.cif.quote(value)
