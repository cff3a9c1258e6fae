"""The process that holds the model: studies from the queue to results.

It is a process of its own so that pages answer while networks compute, and so that it
can die: what it had begun is put back when the next one starts.
"""

from __future__ import annotations

import logging
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic

import numpy as np

from hierclf.bundle.machine import load_for_machine
from hierclf.bundle.measured import read_measured
from hierclf.bundle.store import Bundle
from hierclf.data.child import Decoder
from hierclf.explaining.cases import Case, Look, make_viewer
from hierclf.explaining.explained import Explained, Explainer
from hierclf.explanation.boxes import boxes_of, heat_in_scan, region_in_scan
from hierclf.explanation.stage_map import SCREEN, StageMap
from hierclf.foundation.errors import (
    BundleError,
    HierclfError,
    ResourceError,
    ScanError,
)
from hierclf.foundation.files import write_bytes
from hierclf.networks.choices import RuntimeChoice
from hierclf.pictures.overlays import layer, to_png
from hierclf.scoring.reading import UNREAD
from hierclf.web.clock import now_ms
from hierclf.web.database import Database, Unavailable
from hierclf.web.queue import Outcome, Queue
from hierclf.web.result import About, Box, Result, StageShown
from hierclf.web.studies import ORIGINAL, Studies
from hierclf.web.study_rows import Status, StudyRow

_log = logging.getLogger(__name__)
AT_ONCE = 8
METHOD = "gradcam"
_LOOK_S = 1.0
"""The queue is looked at so often although nobody said that there is something."""


@dataclass(frozen=True)
class Work:
    """What a worker is given; all of it can be sent to a process.

    Parameters
    ----------
    bundle : Path
        What scores.
    url : str
        Of the database.
    state : Path
        The state folder; studies are in ``studies``.
    threads : int or None
        That compute; the cores if None.
    runtime : str, optional
        What runs the networks; see `hierclf.bundle.machine.load_for_machine`.
    """

    bundle: Path
    url: str
    state: Path
    threads: int | None = None
    runtime: RuntimeChoice | None = None


def run_worker(work: Work, pipe: Connection) -> None:
    """Work until the other end of a pipe is closed.

    Parameters
    ----------
    work : Work
        What to do it with.
    pipe : Connection
        First `About` goes through it, or a BundleError; then anything that comes
        means that there may be work.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server ends it
    try:
        bundle = load_for_machine(
            work.bundle, runtime=work.runtime, threads=work.threads
        )
        scorer = Scorer(bundle)
    except HierclfError as error:
        pipe.send(BundleError(str(error)))
        return
    database = Database(work.url)
    queue = Queue(database, clock=now_ms)
    studies = Studies(database, work.state / "studies", clock=now_ms)
    with Decoder() as decoder:
        desk = Desk(queue, studies, scorer, decoder)
        decoder.start()
        desk.begin()
        pipe.send(about(bundle))
        while _may_go_on(pipe):
            desk.work()
    database.close()


def _may_go_on(pipe: Connection) -> bool:
    """Wait for a call; False where nobody is there any more."""
    try:
        if pipe.poll(_LOOK_S):
            while pipe.poll():
                pipe.recv()
    except (EOFError, OSError):
        return False
    return True


def about(bundle: Bundle) -> About:
    """Tell what scores."""
    info = bundle.info
    return About(
        digest=bundle.digest,
        labels=tuple(map(str, info.labels)),
        ordered=info.ordered,
        cut_point=info.cut_point,
        rule=info.choice.rule if info.choice else "",
        guards=bundle.guards.columns,
        lungs=bundle.lungs is not None,
        data=info.data.name,
        phantom=info.data.phantom,
        n_scans=info.data.n_scans,
        created_utc=info.created_utc,
        version=info.versions.get("hierclf", ""),
        card=_card_of(bundle),
        measured=read_measured(info.card),
        is_moved=bool(info.revisions),
    )


def _card_of(bundle: Bundle) -> str:
    from hierclf.bundle.card import render_card

    return render_card(bundle.info)


class Desk:
    """Takes studies from the queue and writes what came of them.

    Parameters
    ----------
    queue : Queue
        Where studies come from.
    studies : Studies
        Where their files are.
    scorer : Scorer
        What decides.
    decoder : Decoder
        What reads.
    """

    def __init__(
        self, queue: Queue, studies: Studies, scorer: Scorer, decoder: Decoder
    ) -> None:
        self._queue = queue
        self._studies = studies
        self._scorer = scorer
        self._decoder = decoder
        self._has_begun = False

    def begin(self) -> None:
        """Put back what another had begun; later, where the database is away."""
        try:
            self._queue.requeue()
            self._has_begun = True
        except Unavailable:
            _log.warning("the database does not answer; tried again")

    def work(self) -> int:
        """Work until nothing waits.

        Returns
        -------
        n_done : int
            Studies that were finished. Where the database is away, what was claimed
            stays ``running`` and is put back with the next call.
        """
        n_done = 0
        try:
            if not self._has_begun:
                self._queue.requeue()
                self._has_begun = True
            while claimed := self._queue.claim(AT_ONCE):
                n_done += self._finish(claimed)
        except Unavailable:
            self._has_begun = False
            _log.warning("the database does not answer; tried again")
        return n_done

    def _finish(self, claimed: Sequence[StudyRow]) -> int:
        start = monotonic()
        looks = [self._look(study) for study in claimed]
        told = self._scorer.score([look for look, _ in looks])
        n_done = 0
        for study, one, (_, warnings) in zip(claimed, told, looks, strict=True):
            n_done += self._write(study, one, warnings, monotonic() - start)
        return n_done

    def _look(self, study: StudyRow) -> tuple[Look, tuple[str, ...]]:
        """Read a study in the child."""
        case = Case(scan=study.id, path="", patient="")
        try:
            scan = self._decoder.decode(self._studies.path(study.id, ORIGINAL))
            look = self._scorer.view(case, scan.sha256, scan.pixels)
        except ScanError as error:
            return Look(case, code=error.code, message=str(error)), ()
        if scan.sha256 != study.sha256:
            told = "expected the file that was uploaded, got another. Upload it again."
            return Look(case, code="E_CHANGED", message=told), ()
        return look, scan.warnings

    def _write(
        self,
        study: StudyRow,
        one: Explained | Look,
        warnings: tuple[str, ...],
        seconds: float,
    ) -> bool:
        if isinstance(one, Look):
            return self._queue.finish(study.id, failed(one))
        result, pictures = self._scorer.tell(one, warnings, seconds)
        folder = self._studies.path(study.id, ORIGINAL).parent
        try:
            self._keep(study, pictures)
        except (ResourceError, OSError) as error:
            if not folder.is_dir():
                return False  # deleted meanwhile
            _log.error("%s", error)
            return self._queue.finish(study.id, _NO_ROOM)
        done = self._queue.finish(study.id, scored(result))
        if not done:
            shutil.rmtree(folder, ignore_errors=True)
        return done

    def _keep(self, study: StudyRow, pictures: Mapping[str, bytes]) -> None:
        """Write all pictures of a study, or none: half of them take room, too."""
        places = {self._studies.path(study.id, name): name for name in pictures}
        try:
            for path, name in places.items():
                write_bytes(path, pictures[name], sync=False)
        except (ResourceError, OSError):
            for path in places:
                path.unlink(missing_ok=True)
            raise


_NO_ROOM = Outcome(
    status="error",
    code="E_DISK",
    message="pictures: expected room on the disk of the server, got none. Free some "
    "space there, then upload the scan again.",
)
"""The next study may find room: a full disk ends no worker."""


def failed(look: Look) -> Outcome:
    """Say why a study has no score; status as ``hierclf score`` has it."""
    ours = look.code in UNREAD or look.code in {"E_SCORE"}
    status: Status = "error" if ours else "rejected"
    return Outcome(status=status, code=look.code, message=look.message)


def scored(result: Result) -> Outcome:
    """Say what came of a study, so that it can be searched for."""
    return Outcome(
        status="done",
        result=result.model_dump(mode="json"),
        decision=result.decision,
        label=result.label,
        action=result.action,
        screen_score=result.screen_score,
        bundle=result.bundle,
    )


class Scorer:
    """A bundle that decides on scans and shows why.

    Parameters
    ----------
    bundle : Bundle
        Of networks.

    Raises
    ------
    InputError
        If its screen looks at nothing that can be shown.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._explainer = Explainer(bundle.cascade, guards=bundle.guards)
        self.view = make_viewer(bundle.cascade)
        self._labels = tuple(map(str, bundle.cascade.hierarchy_.labels))

    def score(self, looks: Sequence[Look]) -> list[Explained | Look]:
        """Decide on scans; what is none stays a `Look` that says why."""
        return self._explainer.explain(looks)

    def tell(
        self, one: Explained, warnings: tuple[str, ...], seconds: float
    ) -> tuple[Result, dict[str, bytes]]:
        """Write a result, and its pictures as PNG by their names.

        Parameters
        ----------
        one : Explained
            Of one scan.
        warnings : tuple of str
            What was odd about its file.
        seconds : float
            That it took.
        """
        picture = np.asarray(one.look.picture)
        shape = (picture.shape[0], picture.shape[1])
        pictures = {"scan.png": to_png(picture)}
        shown = []
        for stage in one.stages:
            told = _stage(stage, one.look.shape)
            pictures[f"{told.picture}.png"] = to_png(layer(stage.heats[METHOD], shape))
            shown.append(told)
        values = zip(self._labels, one.probabilities, strict=True)
        result = Result(
            decision=one.decision,
            label=one.label,
            screen_score=_share(one.screen_score),
            cut_point=self._bundle.info.cut_point,
            probabilities={label: _share(value) for label, value in values},
            action=one.action,
            label_set=one.label_set,
            view_spread=one.view_spread,
            lungs_found=one.look.lungs_found,
            warnings=warnings,
            stages=tuple(shown),
            height=one.look.shape[0],
            width=one.look.shape[1],
            bundle=self._bundle.digest,
            sha256=one.look.sha256,
            seconds=round(seconds, 3),
        )
        return result, pictures


def _share(value: float) -> float:
    """Keep a probability in [0, 1], whatever was rounded."""
    return min(max(float(value), 0.0), 1.0)


def _stage(stage: StageMap, shape: tuple[int, int]) -> StageShown:
    heat = heat_in_scan(stage.heats[METHOD], shape)
    boxes = boxes_of(region_in_scan(stage.regions[METHOD], shape), heat)
    screen = stage.stage == SCREEN
    return StageShown(
        stage="screen" if screen else "refine",
        asked=stage.asked,
        score=_share(stage.score),
        picture="heat-screen" if screen else "heat-refine",
        boxes=tuple(
            Box(
                left=box.left,
                top=box.top,
                right=box.right,
                bottom=box.bottom,
                energy=_share(box.energy),
            )
            for box in boxes
        ),
    )
