"""A board report as metadata: what its partition shows on the asset's page.

Nothing is computed here; the files are those that were written.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

import dagster as dg

from nrr_pipeline.orchestration.figures import Metadata, ratios
from nrr_pipeline.orchestration.markdown import Markup, escaped, link, listed
from nrr_pipeline.orchestration.stages.report_files import PREVIEW, ReportFile, ReportStore
from nrr_pipeline.orchestration.stages.reports import Issue
from nrr_pipeline.reporting.links import page_of

LARGEST_PREVIEW_BYTES = 200_000
"""A larger picture would make every page slow that lists the report."""


def issued(issue: Issue, files: Sequence[ReportFile], store: ReportStore, ui_url: str) -> Metadata:
    """An edition: its figures, its files, what it changed, and the page of its month."""
    report, kept = issue.frozen.report, issue.issued
    month = report.month.period
    metadata: Metadata = {
        "Report": dg.MetadataValue.text(f"{month.label}, edition {kept.edition}"),
        "Edition": dg.MetadataValue.int(kept.edition),
        "Issued": dg.MetadataValue.timestamp(kept.issued_at),
        "Data as of": dg.MetadataValue.timestamp(kept.data_as_of),
        "Policy": dg.MetadataValue.text(kept.policy_version),
        "Folder": dg.MetadataValue.path(files[0].location.rpartition("/")[0]),
        "Files": dg.MetadataValue.md(
            listed(Markup(f"{escaped(each.name)}, SHA-256 `{each.sha256}`") for each in files)
        ),
    }
    for name, value in ratios(report.month.whole).items():
        if value is not None:
            metadata[name] = dg.MetadataValue.float(value)
    if kept.changes:
        metadata["What changed"] = dg.MetadataValue.md(listed(kept.changes))
    periods = [month, *([report.quarter.period] if report.quarter else [])]
    pages = [link(each.label, f"{ui_url}/{page_of(each)}") for each in periods]
    metadata["Figures"] = dg.MetadataValue.md(listed(pages))
    picture = next((each for each in files if each.name.endswith(PREVIEW)), None)
    content = store.read(f"{month.key}/{picture.name}") if picture else None
    if content is not None and len(content) <= LARGEST_PREVIEW_BYTES:
        encoded = base64.b64encode(content).decode()
        metadata["Page one"] = dg.MetadataValue.md(f"![page one](data:image/png;base64,{encoded})")
    return metadata
