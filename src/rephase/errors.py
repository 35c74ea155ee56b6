"""The one error a user is meant to see."""


class UserError(Exception):
    """Something the user can put right: what was wanted, what was found, and what to type.

    The command line prints it without a traceback and exits with status 2.

    Parameters
    ----------
    wanted
        What the program was looking for.
    found
        What it met instead.
    do
        What to type or change; may be empty where nothing can be done.
    """

    def __init__(self, wanted: str, found: str, do: str = "") -> None:
        self.wanted = wanted
        self.found = found
        self.do = do
        lines = [f"wanted: {wanted}", f"found:  {found}"]
        if do:
            lines.append(f"do:     {do}")
        super().__init__("\n".join(lines))
