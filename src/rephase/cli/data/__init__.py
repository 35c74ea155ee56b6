"""`rephase data`: the commands that make, look at and check sets of fragments."""

from cyclopts import App

COMMANDS = {
    "build": "Make a set of fragments from structure files.",
    "import": "Make a set from a compressed file of fragments.",
    "fetch": "Download structure files from RCSB or PDBe.",
    "peptides": "Make a set of random peptides, with no download at all.",
    "show": "Show what a set holds, or one crystal of it.",
    "check": "Verify the files of sets, and that no test entry leaks into training.",
    "build-tests": "Build the fixed test sets from their lists of ids.",
}
_LISTED = "\n".join(f"- {name}: {does}" for name, does in COMMANDS.items())
_FUNCTIONS = {"import": "import_"}  # a keyword of Python cannot be a module's name

app = App(
    name="data",
    help=f"Sets of fragments to train and test on: atoms on disk, never maps.\n\n{_LISTED}",
)
for _order, _name in enumerate(COMMANDS):
    _function = _FUNCTIONS.get(_name, _name.replace("-", "_"))
    app.command(f"rephase.cli.data.{_function}:{_function}", name=_name, sort_key=_order)
