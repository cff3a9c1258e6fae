"""The command line: options from a file and from flags, errors in one line.

argparse is used rather than a library that draws boxes around errors: its
``error`` can be replaced, and one line on stderr is what a log and a person can
both read. Types and bounds are pydantic's business, for flags and files alike.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from hierclf.foundation.choices import nearest
from hierclf.foundation.errors import (
    HierclfError,
    InputError,
    ResourceError,
    join_troubles,
)
from hierclf.foundation.files import explain_os_error

_log = logging.getLogger(__name__)
Options = TypeVar("Options", bound=BaseModel)
Place = tuple[str, ...]
_INTERRUPTED, _BROKEN_PIPE = 130, 141


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{self.prog}: {message}. Try --help.")


def _leaves(
    model: type[BaseModel], prefix: Place = ()
) -> Iterator[tuple[Place, FieldInfo]]:
    """Walk over the options that are no groups of options."""
    for name, field in model.model_fields.items():
        inner = _group_in(field)
        if inner is None:
            yield (*prefix, name), field
        else:
            yield from _leaves(inner, (*prefix, name))


def _group_in(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return None


def flag_of(place: Place) -> str:
    """Name the flag of an option.

    Parameters
    ----------
    place : tuple of str
        Where the option stands, for example ``("network", "batch_size")``.

    Returns
    -------
    flag : str
        Options of a network have no prefix: they are meant for every stage.

    Examples
    --------
    >>> flag_of(("network", "batch_size")), flag_of(("network", "augment", "crop"))
    ('--batch-size', '--augment.crop')
    """
    shown = place[1:] if place[0] == "network" else place
    return "--" + ".".join(shown).replace("_", "-")


def _describe(field: FieldInfo) -> str:
    text = (field.description or "").replace("%", "%%")
    silent = field.is_required() or field.default in (None, (), "", False)
    default = _written(field.default).replace("%", "%%")
    if field.is_required():
        return f"{text} (required)"
    return text if silent else f"{text} [{default}]"


def _written(default: object) -> str:
    """Write a default as one would write it behind the flag."""
    if isinstance(default, tuple):
        return ",".join(map(_written, default))
    return "yes" if default is True else str(default)


def _add(parser: argparse._ActionsContainer, place: Place, field: FieldInfo) -> None:
    flag, dest = flag_of(place), ".".join(place)
    told = _describe(field)
    if field.annotation is bool:
        switch = argparse.BooleanOptionalAction
        parser.add_argument(flag, dest=dest, help=told, action=switch)
        return
    metavar = _metavar(field)
    several = Path in get_args(field.annotation) and _is_tuple(field)
    action = "append" if several else "store"
    parser.add_argument(flag, dest=dest, help=told, metavar=metavar, action=action)


def _is_tuple(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is tuple


def _metavar(field: FieldInfo) -> str:
    choices = [arg for arg in get_args(field.annotation) if isinstance(arg, str)]
    if choices:
        return "{" + ",".join(choices) + "}"
    names = {int: "N", float: "X", Path: "PATH"}
    kinds = (field.annotation, *get_args(field.annotation))
    return next((names[kind] for kind in kinds if kind in names), "TEXT")


def _parser(kind: type[BaseModel], verb: str, purpose: str) -> _Parser:
    parser = _Parser(
        prog=f"hierclf {verb}",
        description=purpose,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("--config", metavar="PATH", help="YAML file with options")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    groups: dict[str, argparse._ArgumentGroup] = {}
    for place, field in _leaves(kind):
        if get_origin(field.annotation) is dict:
            continue
        title = _group_title(kind, place)
        group = groups.setdefault(title, parser.add_argument_group(title))
        _add(group, place, field)
    return parser


def _group_title(kind: type[BaseModel], place: Place) -> str:
    if len(place) == 1:
        return "options of this command"
    described = kind.model_fields[place[0]].description
    return described or place[0]


def parse(kind: type[Options], verb: str, purpose: str, argv: Sequence[str]) -> Options:
    """Resolve options: default, then file, then flag.

    Parameters
    ----------
    kind : type of pydantic model
        What is to be resolved. A field that holds a model is a group; a field
        ``network`` is one whose flags have no prefix; a field that holds a
        dict takes flags ``--field.key VALUE``.
    verb : str
        Name of the command.
    purpose : str
        One or two sentences for ``--help``.
    argv : sequence of str
        Arguments after the verb.

    Returns
    -------
    options : instance of `kind`
        Checked.

    Raises
    ------
    InputError
        If a flag, a key or a value is wrong; it names the nearest known one.
    """
    parser = _parser(kind, verb, purpose)
    known, unknown = parser.parse_known_args(list(argv))
    given = dict(vars(known))
    given.pop("debug", None)
    config = given.pop("config", None)
    values = _read_yaml(Path(config)) if config else {}
    flags = [option for option in parser._option_string_actions if option[:2] == "--"]
    for dest, value in [*given.items(), *_overrides(kind, unknown, verb, flags)]:
        _put(values, tuple(dest.split(".")), value)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise InputError(_explain(error, kind)) from error


def _overrides(
    kind: type[BaseModel], unknown: list[str], verb: str, flags: list[str]
) -> list[tuple[str, str]]:
    """Read ``--screen.epochs 5`` and ``--screen.epochs=5`` of dict fields."""
    found: list[tuple[str, str]] = []
    rest = [part for token in unknown for part in _halves(token)]
    while rest:
        flag = rest.pop(0)
        place = flag.removeprefix("--").replace("-", "_")
        owner = kind.model_fields.get(place.split(".")[0])
        if (
            "." not in place
            or owner is None
            or get_origin(owner.annotation) is not dict
        ):
            raise InputError(
                f"hierclf {verb}: expected a known flag, got {flag!r}. "
                f"{nearest(flag, flags)}"
            )
        if not rest:
            raise InputError(
                f"hierclf {verb}: expected a value after {flag}, got nothing. Add one."
            )
        found.append((place, rest.pop(0)))
    return found


def _halves(token: str) -> list[str]:
    return token.split("=", 1) if token.startswith("--") and "=" in token else [token]


def _put(values: dict[str, Any], place: Place, value: Any) -> None:
    for name in place[:-1]:
        inner = values.setdefault(name, {})
        if not isinstance(inner, dict):
            raise InputError(
                f"{name}: expected options by name in the YAML file, got {inner!r}. "
                f"Write '{name}: {{{place[-1]}: ...}}'."
            )
        values = inner
    values[place[-1]] = value


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"--config {path}: expected a YAML file, got '{reason}'. Check the file."
        ) from error
    if not isinstance(values, dict):
        raise InputError(
            f"--config {path}: expected options by name, got {type(values).__name__}. "
            "Write lines like 'seed: 1'."
        )
    return values


def _explain(error: ValidationError, kind: type[BaseModel]) -> str:
    troubles = []
    for item in error.errors():
        place = tuple(str(part) for part in item["loc"])
        name = ".".join(place) or "options"
        if item["type"] == "missing":
            troubles.append(
                f"{name}: expected a value, got none. Add {flag_of(place)}."
            )
        elif item["type"] == "extra_forbidden":
            hint = nearest(place[-1], _siblings(kind, place))
            troubles.append(f"{name}: expected a known option, got {name!r}. {hint}")
        else:
            rule = (
                item["msg"]
                .removeprefix("Value error, ")
                .removeprefix("Input should be ")
            )
            troubles.append(_state(name, rule, item["input"]))
    return join_troubles(troubles)


def _state(name: str, rule: str, value: object) -> str:
    if ": expected " in rule:
        return rule  # a validator of ours has said it all
    return f"{name}: expected {rule}, got {value!r}. See --help."


def _siblings(kind: type[BaseModel], place: Place) -> list[str]:
    for name in place[:-1]:
        field = kind.model_fields.get(name)
        inner = _group_in(field) if field else None
        if inner is None:
            break
        kind = inner
    return list(kind.model_fields)


def announce(verb: str) -> None:
    """Say on stderr that a command has begun: what it imports next takes seconds."""
    _log.info("hierclf %s: loading ...", verb)


def run(command: Callable[[list[str]], int], argv: Sequence[str] | None = None) -> int:
    """Run a command and turn what goes wrong into one line and an exit code.

    Parameters
    ----------
    command : callable
        Takes the arguments and gives an exit code.
    argv : sequence of str, optional
        Those of the process where it is not given.

    Returns
    -------
    code : int
        0: all well; 2: the user's options, manifest or labels; 3: some scans
        failed; 4: a bundle was refused; 5: disk, memory, permission, lock; 130:
        interrupted. A defect of the package shows its traceback.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("hierclf").setLevel(logging.INFO)
    try:
        return command(arguments)
    except KeyboardInterrupt:
        return _say(_INTERRUPT, _INTERRUPTED)
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except (HierclfError, MemoryError, OSError) as error:
        if "--debug" in arguments:
            traceback.print_exc()
        told = _told(error)
        return _say(str(told), told.exit_code)


_INTERRUPT = (
    "interrupted: what was finished is kept; train and score go on with --resume."
)


def _told(error: HierclfError | MemoryError | OSError) -> HierclfError:
    if isinstance(error, HierclfError):
        return error
    if isinstance(error, OSError):
        return explain_os_error("the system", error)
    return ResourceError("memory: expected enough, got none. Lower --batch-size.")


def _say(message: str, code: int) -> int:
    line = " ".join(message.split())
    sys.stderr.write(line.encode("utf-8", "backslashreplace").decode() + "\n")
    return code
