"""An audit as one page that needs no network: verdicts, values, and the agreement of the judges."""

from pathlib import Path

from pandas import DataFrame

from ganbench.audit.verdicts import Audit
from ganbench.reports.figures.audit import audit_lines, verdict_map
from ganbench.reports.figures.colours import looks
from ganbench.reports.frames import glossary
from ganbench.reports.frames.audit import (
    AGREEING,
    DIFFERS,
    TERMS,
    agreement_text,
    audit_conditions,
    spoken,
    strengths,
    verdict_words,
)
from ganbench.reports.html.layout import script_json, whole_page
from ganbench.reports.html.sections import PlacedFigure
from ganbench.store.whole import write_bytes


def write_audit_page(audit: Audit, file: Path) -> None:
    """Write the page to a file, which is there whole or not at all."""
    write_bytes(file, render_audit(audit).encode())


def render_audit(audit: Audit) -> str:
    """The page as one string of HTML."""
    two = len(audit.judges) == 2
    return whole_page(
        "audit.html",
        title=f"audit of {', '.join(audit.judges)}",
        subtitle=f"{audit.conditions['samples']:,} fresh real samples of {audit.conditions['dataset']}, spoilt step by "
        f"step, judged by {' and '.join(audit.judges)}.",
        links={f"#{judge}": judge for judge in audit.judges},
        judges=[
            (judge, _map_of(audit, judge), _lines_of(audit, judge), _words(audit, judge)) for judge in audit.judges
        ],
        differs=DIFFERS,
        terms=TERMS,
        disturbances=[(one, spoken(one), look) for one, look in looks(list(audit.meanings)).items()],
        agreeing=AGREEING,
        agreement=agreement_text(audit) if two else None,
        strengths=strengths(audit),
        left_out=DataFrame(audit.left_out.items(), columns=["metric", "why"]),
        conditions=audit_conditions(audit),
    )


def _map_of(audit: Audit, judge: str) -> PlacedFigure:
    what = "Verdicts by metric and disturbance. The table of verdicts below has the same words."
    return PlacedFigure(f"map-{judge}", script_json(verdict_map(audit, judge)), what, still=False)


def _lines_of(audit: Audit, judge: str) -> PlacedFigure:
    what = "Each metric over strength, a line per disturbance."
    return PlacedFigure(f"lines-{judge}", script_json(audit_lines(audit, judge)), what, still=False)


def _words(audit: Audit, judge: str) -> DataFrame:
    """The verdicts under the titles of metrics and disturbances."""
    wide, metrics = verdict_words(audit, judge), glossary.read(audit.values)
    wide.insert(0, "metric", [metrics[str(metric)].title for metric in wide.index])
    return wide.rename(columns=lambda column: spoken(str(column)))
