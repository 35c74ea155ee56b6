"""`rephase weights`: the commands for trained networks in files."""

from cyclopts import App

COMMANDS = {
    "show": "Show the networks and density priors that come with the program, or any others.",
    "release": "Make the file of a released network from the weights of a run.",
    "card": "Write the card of a network or prior: its range, training, figures and failures.",
}
_LISTED = "\n".join(f"- {name}: {does}" for name, does in COMMANDS.items())

app = App(name="weights", help=f"Trained networks, known by their name or their file.\n\n{_LISTED}")
for _order, _name in enumerate(COMMANDS):
    app.command(f"rephase.cli.weights.{_name}:{_name}", name=_name, sort_key=_order)
