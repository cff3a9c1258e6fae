"""An upload: received, looked at by its first bytes, and queued."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from hierclf.data.dicom import is_dicom, refuse_bare_dicom
from hierclf.data.raster import raster_format
from hierclf.foundation.errors import ResourceError, ScanError
from hierclf.foundation.files import explain_os_error
from hierclf.web.account_rows import SignedIn
from hierclf.web.dependencies import Services, check_csrf, services_of
from hierclf.web.study_rows import StudyRow
from hierclf.web.wording import why_no_score

ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm", ".dicom")
"""Endings that browsers offer first; what is inside decides, as on the command line."""
_TAKEN = frozenset({"PNG", "JPEG", "TIFF", "DICOM"})
_LOOKED_AT = 1024
_LONGEST_NAME = 255
_PART = 1 << 20
_LONGEST_KEY = 64


class NotTaken(HTTPException):
    """A file that is no scan of a kind that is read here: 422.

    Parameters
    ----------
    code : str
        Why, by which pages say it in their language.
    """

    def __init__(self, code: str) -> None:
        super().__init__(422, why_no_score("en", code))
        self.code = code


async def receive(request: Request, signed: SignedIn) -> StudyRow:
    """Take one scan of a form, and queue it.

    Parameters
    ----------
    request : Request
        ``multipart/form-data`` with one part ``file``, maybe a field ``batch``; a
        header ``Idempotency-Key`` makes a second try the first one's study.
    signed : SignedIn
        Whose study it will be.

    Returns
    -------
    study : StudyRow
        Queued; its file is on disk.

    Raises
    ------
    HTTPException
        422 if it is not one file, `NotTaken` if it is no scan, 413 if it is too large,
        403 without the token of the form.
    QueueFull, QuotaReached
        See `hierclf.web.studies.Studies.accept`.
    """
    async with request.form(max_files=1, max_fields=8) as form:
        check_csrf(request, signed, form)
        upload = _one_file(form)
        name = clean_name(upload.filename or "")
        told = (name, _batch_of(form), _key_of(request))
        return await run_in_threadpool(_keep, request, signed, upload.file, told)


def _one_file(form: FormData) -> UploadFile:
    strangers = set(form) - {"file", "batch", "csrf"}
    files = [one for one in form.getlist("file") if isinstance(one, UploadFile)]
    if strangers or len(files) != 1 or not files[0].filename:
        raise HTTPException(422, "Expected one file, in the part 'file'.")
    return files[0]


def clean_name(told: str) -> str:
    """Keep what may be shown of a file's name: no folders, no control characters.

    Examples
    --------
    >>> clean_name("../../etc/scan" + chr(0) + ".png")
    'scan.png'
    """
    last = told.replace("\\", "/").rpartition("/")[2]
    return "".join(one for one in last if one.isprintable())[-_LONGEST_NAME:]


def _batch_of(form: FormData) -> str:
    told = form.get("batch", "")
    if not isinstance(told, str) or not told:
        return ""
    try:
        return str(UUID(told))
    except ValueError:
        raise HTTPException(422, "Expected a UUID in the field 'batch'.") from None


def _key_of(request: Request) -> str:
    key = request.headers.get("idempotency-key", "")
    if len(key) > _LONGEST_KEY or not key.isascii():
        raise HTTPException(
            422, f"Expected an Idempotency-Key of at most {_LONGEST_KEY} characters."
        )
    return key


def _keep(
    request: Request, signed: SignedIn, source: BinaryIO, told: tuple[str, str, str]
) -> StudyRow:
    """Write the upload beside the studies, and hand it over."""
    name, batch, key = told
    _check_kind(source)
    services, number = services_of(request), str(uuid4())
    folder = services.options.folder / "studies"
    with tempfile.TemporaryDirectory(dir=folder, prefix=".incoming-") as place:
        path = Path(place) / "upload"
        digest, size = _copy(source, path)
        study = services.studies.accept(
            signed.account.id,
            name,
            path,
            sha256=digest,
            size=size,
            batch=batch,
            request_key=key,
            study=number,
        )
    if study.id == number:  # and not what an earlier try made
        _note(services, signed, study)
        services.supervisor.wake()
    return study


def _note(services: Services, signed: SignedIn, study: StudyRow) -> None:
    """Write an upload down; what cannot be written down is not kept."""
    told = {"study": study.id, "sha256": study.sha256}
    try:
        services.audit.write(signed.account.name, "upload", **told)
    except ResourceError:
        services.studies.delete(signed.account.id, study.id)
        raise


def _check_kind(source: BinaryIO) -> None:
    """Refuse what is no scan by its first bytes, whatever its name is."""
    start = source.read(_LOOKED_AT)
    source.seek(0)
    if is_dicom(start) or raster_format(start) in _TAKEN:
        return
    try:
        refuse_bare_dicom(start)
    except ScanError as error:
        raise NotTaken(error.code) from error
    raise NotTaken("E_FORMAT" if start else "E_EMPTY")


def _copy(source: BinaryIO, path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as target:
            while part := source.read(_PART):
                digest.update(part)
                size += target.write(part)
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        raise explain_os_error("keep an upload", error) from error
    return digest.hexdigest(), size
