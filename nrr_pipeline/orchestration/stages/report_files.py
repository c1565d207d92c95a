"""The files of a board report: made from what was frozen, and written to a folder or object store.

What they look like is decided in ``reporting``; where they are is noted by ``reports``.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import fsspec.core
from fsspec.implementations.local import LocalFileSystem

from nrr_pipeline.errors import NrrError, SettingsError
from nrr_pipeline.reporting.board_report import FrozenReport

_EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gs",
    "gcs": "gs",
    "abfs": "az",
    "abfss": "az",
    "az": "az",
}


class ReportFilesError(NrrError):
    """Some files of a report could not be made or written; the others are there."""


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A file of a report.

    Attributes:
        name: Its name, without the folder.
        location: Where it is.
        sha256: Of its content.
        is_new: Whether it was written just now.
        is_as_issued: Whether it is what was written when the report was issued. Another version
            of nrr-pipeline may lay the same figures out otherwise.
    """

    name: str
    location: str
    sha256: str
    is_new: bool
    is_as_issued: bool


class ReportStore:
    """A folder, or a place in an object store, below which reports are kept.

    Args:
        address: A path, or any address that fsspec knows.

    Raises:
        SettingsError: Nothing is known that reads such an address.
    """

    def __init__(self, address: str) -> None:
        self._secret = _user_of(address)
        protocol = address.split("://", maxsplit=1)[0] if "://" in address else "file"
        try:
            found: tuple[Any, str] = fsspec.core.url_to_fs(address)
        except ImportError:
            extra = _EXTRAS.get(protocol)
            package = f"nrr-pipeline[{extra}]" if extra else f"what fsspec needs for {protocol}"
            raise SettingsError(
                f"NRR_REPORTS is {self.shown(address)}, which needs a package that is not "
                f"installed. Install it: pip install '{package}'"
            ) from None
        except ValueError as error:
            raise SettingsError(
                f"NRR_REPORTS is {self.shown(address)}, which cannot be used: {self.shown(error)}. "
                "Give it a folder, or an address such as s3://bucket/reports"
            ) from None
        self._files, self._root = found
        self.address = self.shown(self._files.unstrip_protocol(self._root))
        if isinstance(self._files, LocalFileSystem):
            self.address = self._root

    def shown(self, text: object) -> str:
        """Text without the name and password that the address holds."""
        return str(text).replace(self._secret, "") if self._secret else str(text)

    def location(self, name: str) -> str:
        """Where a file is, for people."""
        return f"{self.address.rstrip('/')}/{name}"

    def read(self, name: str) -> bytes | None:
        """Return what a file holds; ``None`` where there is none, or nobody may look."""
        try:
            return self._files.cat_file(self._path(name))
        except (FileNotFoundError, PermissionError):
            return None

    def write(self, name: str, content: bytes) -> None:
        """Write a file; nobody ever sees a part of it."""
        path = self._path(name)
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        if isinstance(self._files, LocalFileSystem):
            part = f"{path}.part"
            self._files.pipe_file(part, content)
            os.replace(part, path)  # noqa: PTH105 - fsspec's path is text
        else:
            self._files.pipe_file(path, content)

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"


Renderer = Callable[[FrozenReport], bytes]


def _figures_csv(frozen: FrozenReport) -> bytes:
    from nrr_pipeline.reporting.report_csv import render_figures_csv  # noqa: PLC0415

    return render_figures_csv(frozen.report)


def _customers_csv(frozen: FrozenReport) -> bytes:
    from nrr_pipeline.reporting.report_csv import render_customers_csv  # noqa: PLC0415

    return render_customers_csv(frozen.report)


def _workbook(frozen: FrozenReport) -> bytes:
    from nrr_pipeline.reporting.workbook import render_workbook  # noqa: PLC0415

    return render_workbook(frozen.report, frozen.presentation)


def _pdf(frozen: FrozenReport) -> bytes:
    from nrr_pipeline.reporting.pdf import render_pdf  # noqa: PLC0415

    return render_pdf(frozen.report, frozen.presentation)


def _preview(frozen: FrozenReport) -> bytes:
    from nrr_pipeline.reporting.pdf import render_preview_png  # noqa: PLC0415

    return render_preview_png(frozen.report, frozen.presentation)


PREVIEW = "-page-1.png"
"""The end of the name of the picture of page one."""

RENDERERS: Mapping[str, Renderer] = {
    ".pdf": _pdf,
    PREVIEW: _preview,
    ".xlsx": _workbook,
    "-figures.csv": _figures_csv,
    "-customers.csv": _customers_csv,
}
"""What makes each file, by the end of its name; each imports what it needs only when asked."""


def folder_of(frozen: FrozenReport) -> str:
    """The folder of a report's files below where all reports are."""
    return frozen.report.month.period.key


def write_files(
    store: ReportStore, frozen: FrozenReport, issued: Mapping[str, str], *, folder: str
) -> list[ReportFile]:
    """Make and write the files of a report that are missing; one that fails stops no other.

    Args:
        store: Where to.
        frozen: All that they are made of.
        issued: By name the SHA-256 that each had when the report was issued; a file that has
            another one is written again.
        folder: Where below the store.

    Raises:
        ReportFilesError: Files are missing; the message names them and the others.
    """
    written: list[ReportFile] = []
    failed: list[str] = []
    for end, render in RENDERERS.items():
        name = f"nrr-board-report-{folder_of(frozen)}-edition-{frozen.report.edition}{end}"
        path = f"{folder}/{name}" if folder else name
        try:
            content, is_new = _written(store, path, issued.get(name), render, frozen)
        except Exception as error:
            failed.append(f"{name} ({type(error).__name__}: {store.shown(error)})")
        else:
            digest = _sha256(content)
            is_as_issued = issued.get(name, digest) == digest
            written.append(ReportFile(name, store.location(path), digest, is_new, is_as_issued))
    if failed:
        there = ", ".join(each.name for each in written) or "none"
        raise ReportFilesError(
            f"Files of the board report could not be made or written in {store.address}: "
            f"{'; '.join(failed)}. The others are there: {there}. The report itself is kept; once "
            f"the cause is gone, write what is missing: nrr report {folder_of(frozen)}"
        )
    return written


def _written(
    store: ReportStore, path: str, issued: str | None, render: Renderer, frozen: FrozenReport
) -> tuple[bytes, bool]:
    """The content of a file, and whether it had to be written."""
    content = store.read(path)
    if content is not None and _sha256(content) == issued:
        return content, False
    content = render(frozen)
    store.write(path, content)
    return content, True


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _user_of(address: str) -> str:
    """The part of an address that names a user and a password, with its ``@``.

    >>> _user_of("s3://key:secret@bucket/reports"), _user_of("s3://bucket/a@b")
    ('key:secret@', '')
    """
    found = re.match(r"[^:/]+://([^/@]*@)", address)
    return found[1] if found else ""
