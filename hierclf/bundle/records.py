"""What the file of a stage says: its kind, its description, its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from hierclf.bundle.info import Label, Price
from hierclf.bundle.strict_json import parse, refuse
from hierclf.metalearners.recipes import MOST_NETWORKS
from hierclf.training.state import NetworkDescription

Files = Mapping[str, bytes]
Role = Literal["screen", "refine"]
MOST_RUNGS = 8
"""The files of a bundle are numbered by one digit."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkRecord(_Record):
    """A network: its description and the files of its weights."""

    kind: Literal["network"] = "network"
    network: NetworkDescription
    trunk: str
    head: str
    costs: tuple[Price, ...] | None = None


class LearnerRecord(_Record):
    """A scikit-learn classifier on feature tables."""

    kind: Literal["learner"] = "learner"
    file: str
    classes: tuple[Label, ...]
    costs: tuple[Price, ...] | None = None


class TrialRecord(_Record):
    """What was chosen for a learner."""

    components: int | None
    params: dict[str, float | int | str | bool | None]
    loss: float


class FeatureRecord(_Record):
    """Features of a network, and the files of its weights."""

    feature: str
    views: str | None
    network: NetworkDescription
    trunk: str
    head: str | None


class MetaRecord(_Record):
    """A scikit-learn learner on features of scans."""

    kind: Literal["meta"] = "meta"
    features: tuple[FeatureRecord, ...] = Field(min_length=1, max_length=MOST_NETWORKS)
    learner: str
    file: str
    classes: tuple[Label, ...]
    best: TrialRecord
    costs: tuple[Price, ...] | None = None


RungRecord = Annotated[
    NetworkRecord | MetaRecord | LearnerRecord, Field(discriminator="kind")
]


class OrdinalRecord(_Record):
    """A ladder of binary classifiers, or the one that knows the order."""

    kind: Literal["ordinal"] = "ordinal"
    rungs: tuple[RungRecord, ...] = Field(min_length=1, max_length=MOST_RUNGS)
    order: tuple[Label, ...] = Field(min_length=2)


MemberRecord = Annotated[
    NetworkRecord | MetaRecord | OrdinalRecord, Field(discriminator="kind")
]


class StackRecord(_Record):
    """Several networks or learners, and what combines their probabilities."""

    kind: Literal["stack"] = "stack"
    members: tuple[MemberRecord, ...] = Field(min_length=1, max_length=MOST_NETWORKS)
    names: tuple[str, ...]
    combine: Literal["logistic", "mean", "geometric"]
    file: str | None
    classes: tuple[Label, ...]
    costs: tuple[Price, ...] | None = None


class ConstantRecord(_Record):
    """A classifier that saw one class."""

    kind: Literal["constant"] = "constant"
    label: Label


class EmptyRecord(_Record):
    """No stage: there is one diseased label only."""

    kind: Literal["none"] = "none"


StageRecord = (
    NetworkRecord
    | LearnerRecord
    | MetaRecord
    | OrdinalRecord
    | StackRecord
    | ConstantRecord
    | EmptyRecord
)
_SCHEMA: TypeAdapter[StageRecord] = TypeAdapter(
    Annotated[StageRecord, Field(discriminator="kind")]
)


def read_record(role: Role, files: Files) -> StageRecord:
    """Read what a stage is, without building it.

    Parameters
    ----------
    role : {"screen", "refine"}
        Which stage.
    files : mapping of str to bytes
        Verified files of a bundle.

    Returns
    -------
    record : StageRecord
        Validated.

    Raises
    ------
    BundleError
        If there is none, or it is not of the format.
    """
    return parse(f"{role}.json", content_of(files, f"{role}.json"), _SCHEMA)


def content_of(files: Files, name: str) -> bytes:
    """Give a file, or refuse the bundle that lacks it."""
    if name not in files:
        raise refuse("bundle", f"a file {name!a}", "none")
    return files[name]


def files_of(record: StageRecord) -> tuple[str, ...]:
    """Name the files of weights that a record needs."""
    if isinstance(record, NetworkRecord):
        return (record.trunk, record.head)
    if isinstance(record, StackRecord):
        of_members = [name for one in record.members for name in files_of(one)]
        return (*of_members, *(() if record.file is None else (record.file,)))
    if isinstance(record, OrdinalRecord):
        return tuple(name for one in record.rungs for name in files_of(one))
    if isinstance(record, MetaRecord):
        weights = [name for one in record.features for name in (one.trunk, one.head)]
        return (record.file, *(name for name in weights if name is not None))
    return (record.file,) if isinstance(record, LearnerRecord) else ()


def members_in(record: StageRecord) -> tuple[StageRecord, ...]:
    """List what stacks and ladders are made of; any other is one by itself."""
    parts: tuple[StageRecord, ...] = ()
    if isinstance(record, StackRecord):
        parts = record.members
    if isinstance(record, OrdinalRecord):
        parts = record.rungs
    return tuple(one for part in parts for one in members_in(part)) or (record,)


def trunks_of(record: StageRecord) -> dict[str, str]:
    """Give the file of each trunk by the name of its network."""
    found = {}
    for member in members_in(record):
        if isinstance(member, NetworkRecord):
            found[member.network.options.backbone] = member.trunk
        if isinstance(member, MetaRecord):
            told = {one.network.options.backbone: one.trunk for one in member.features}
            found |= told
    return found
