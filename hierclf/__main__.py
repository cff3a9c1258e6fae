"""``hierclf <verb>``: one entry to all commands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module

from hierclf import __version__
from hierclf.console import run
from hierclf.foundation.choices import nearest
from hierclf.foundation.errors import InputError

VERBS = {
    "phantom": "make a cohort of synthetic chest radiographs",
    "check": "what is wrong with a data set, before anything is trained on it",
    "segment": "a network that finds lungs, from masks of them",
    "train": "from labelled scans to a tuned, evaluated, saved cascade",
    "sweep": "every cut point of a bundle on labelled scans",
    "evaluate": "figures and a report of a bundle on labelled scans",
    "explain": "where in scans the evidence for the decisions lies",
    "shift": "the cut point on scans of a new ward without labels, or why not",
    "score": "a folder of scans to a table of scores",
    "merge": "the tables of scores of all shards of a folder to one",
    "export": "a bundle, or a part of it, for other software",
    "serve": "a bundle as a web application with sign-in",
}
"""Commands; each is a module with a function ``main``."""


def _usage() -> str:
    lines = [f"hierclf {__version__}", "", "usage: hierclf VERB [options]", ""]
    lines += [f"  {verb:<10}{purpose}" for verb, purpose in VERBS.items()]
    return "\n".join([*lines, "", "'hierclf VERB --help' lists the options of a verb."])


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in {"-h", "--help"}:
        print(_usage())  # noqa: T201
        return 0
    verb, *rest = argv
    if verb == "--version":
        print(__version__)  # noqa: T201
        return 0
    if verb not in VERBS:
        raise InputError(
            f"hierclf: expected a verb, got {verb!r}. {nearest(verb, VERBS)}"
        )
    command: Callable[[list[str]], int] = import_module(f"hierclf.{verb}").main
    return command(rest)


def main() -> int:
    """Run the command line of this process.

    Returns
    -------
    code : int
        See `hierclf.console.run`.
    """
    return run(_dispatch)


if __name__ == "__main__":
    sys.exit(main())
