"""An `Evaluation` as text, as HTML and as plain values."""

from __future__ import annotations

import html
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipeline.evaluation.metrics import BAND_RATIO, BOUNDARY_TOLERANCE, FINE_TOLERANCE, HARM, THIN
from pipeline.evaluation.truth import FIXES
from pipeline.tables import Row, Table

if TYPE_CHECKING:
    from pipeline.evaluation.metrics import MapScores
    from pipeline.evaluation.results import Evaluation, ObjectMeans, ScoredFrame

NAMED_AT_MOST = 10
"""Most unscored frames that are listed; `as_dict` lists all."""
LABELS = {
    "iou": "IoU",
    "boundary_f": f"boundary F, {BOUNDARY_TOLERANCE} px",
    "boundary_f_fine": f"boundary F, {FINE_TOLERANCE} px",
    "boundary_iou": f"boundary IoU, {BAND_RATIO:.0%}",
}


def as_text(evaluation: Evaluation) -> str:
    """Return an evaluation as text for a terminal."""
    tables = [_overall_table(evaluation).as_text(), _scene_table(evaluation).as_text()]
    return "\n\n".join([_headline(evaluation), *tables, *_remarks(evaluation)])


def as_html(evaluation: Evaluation) -> str:
    """Return an evaluation as HTML for a notebook."""
    tables = [_overall_table(evaluation).as_html(), _scene_table(evaluation).as_html()]
    remarks = [_paragraph(remark) for remark in _remarks(evaluation)]
    return "".join(["<div>", _paragraph(_headline(evaluation)), *tables, *remarks, "</div>"])


def as_dict(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation as plain values, down to single objects; NaN becomes None."""
    tree = {
        "truth": evaluation.truth,
        "ids": evaluation.ids,
        "min_area": evaluation.min_area,
        "large_area": evaluation.large_area,
        "n_frames": len(evaluation.frames),
        "objects": _means_as_dict(evaluation.means()),
        "large_objects": _means_as_dict(evaluation.means(evaluation.large_area)),
        "all_objects": _means_as_dict(evaluation.means_of_all()),
        "thin_parts": asdict(evaluation.thin_parts()),
        "invalid_ratio": asdict(evaluation.invalid_ratios()),
        "n_lost": sum(len(frame.scores.lost) for frame in evaluation.frames),
        "n_invented": sum(len(frame.scores.invented) for frame in evaluation.frames),
        "scenes": {
            scene: _means_as_dict(means) for scene, means in evaluation.scene_means().items()
        },
        "frames": [_frame_as_dict(frame) for frame in evaluation.frames],
        "unscored": [asdict(frame) for frame in evaluation.unscored],
    }
    return {key: _without_nan(value) for key, value in tree.items()}


def _headline(evaluation: Evaluation) -> str:
    n_scenes = len({frame.scene for frame in evaluation.frames})
    truth = "their fixes" if evaluation.truth == FIXES else f"{evaluation.truth}/"
    fixed = ", fixes in place of refined ids" if evaluation.ids == "fixed" else ""
    return (
        f"{len(evaluation.frames)} frame(s) of {n_scenes} scene(s) against {truth}, "
        f"objects of {evaluation.min_area} px or more{fixed}"
    )


def _overall_table(evaluation: Evaluation) -> Table:
    objects, large = evaluation.means(), evaluation.means(evaluation.large_area)
    everything = evaluation.means_of_all()
    rows = [
        *_block(f"{objects.n_objects} objects", objects),
        *_block(f"{large.n_objects} of {evaluation.large_area} px or more", large),
    ]
    if n_absent := everything.n_objects - objects.n_objects:
        rows += _block(f"{everything.n_objects} with {n_absent} that coarse lacks", everything)
    thin = evaluation.thin_parts()
    if thin.pixels:
        rows.append((f"thin parts found, {THIN} px", *_compare(thin.coarse, thin.refined)))
    invalid = evaluation.invalid_ratios()
    rows.append(("pixels without object", *_compare(invalid.coarse, invalid.refined, ".1%")))
    rows.append(("  in the truth", "", _show(invalid.truth, ".1%"), ""))
    return Table(("", "coarse", "refined", "change"), rows)


def _block(title: str, means: ObjectMeans) -> list[Row]:
    coarse, refined = asdict(means.coarse), asdict(means.refined)
    return [
        (title, "", "", ""),
        *[(f"  {label}", *_compare(coarse[name], refined[name])) for name, label in LABELS.items()],
        (f"  {means.n_harmed} harmed by over {HARM}", "", _show(means.harmed_ratio, ".1%"), ""),
    ]


def _scene_table(evaluation: Evaluation) -> Table:
    header = "scene,objects,coarse IoU,refined,change,coarse F,refined,change,harmed"
    rows = [
        (
            scene,
            str(means.n_objects),
            *_compare(means.coarse.iou, means.refined.iou),
            *_compare(means.coarse.boundary_f, means.refined.boundary_f),
            _show(means.harmed_ratio, ".1%"),
        )
        for scene, means in evaluation.scene_means().items()
    ]
    return Table(tuple(header.split(",")), rows)


def _compare(coarse: float, refined: float, form: str = ".3f") -> Row:
    return _show(coarse, form), _show(refined, form), _show(refined - coarse, "+z" + form)


def _show(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)


def _remarks(evaluation: Evaluation) -> list[str]:
    lost = [len(frame.scores.lost) for frame in evaluation.frames]
    invented = [len(frame.scores.invented) for frame in evaluation.frames]
    remarks = [
        f"ids lost: {sum(lost)} in {sum(map(bool, lost))} frame(s); "
        f"invented: {sum(invented)} in {sum(map(bool, invented))} frame(s)"
    ]
    if unscored := evaluation.unscored:
        lines = [f"{len(unscored)} frame(s) with truth have no scores:"]
        lines += [f"  {f.scene}/{f.image}: {f.reason}" for f in unscored[:NAMED_AT_MOST]]
        if len(unscored) > NAMED_AT_MOST:
            lines.append(f"  and {len(unscored) - NAMED_AT_MOST} more")
        remarks.append("\n".join(lines))
    return remarks


def _paragraph(text: str) -> str:
    return f'<p style="white-space: pre-wrap">{html.escape(text)}</p>'


def _means_as_dict(means: ObjectMeans) -> dict[str, Any]:
    return asdict(means) | {"harmed_ratio": means.harmed_ratio}


def _frame_as_dict(frame: ScoredFrame) -> dict[str, Any]:
    scores = frame.scores
    return {
        "scene": frame.scene,
        "image": frame.image,
        "invalid_ratio": {
            "truth": scores.truth_invalid_ratio,
            "coarse": scores.coarse.invalid_ratio,
            "refined": scores.refined.invalid_ratio,
        },
        "lost": list(scores.lost),
        "invented": list(scores.invented),
        "objects": [
            {
                "id": int(scores.ids[k]),
                "area": int(scores.areas[k]),
                "thin_area": int(scores.thin_areas[k]),
                "coarse": _object_as_dict(scores.coarse, k),
                "refined": _object_as_dict(scores.refined, k),
            }
            for k in range(len(scores.ids))
        ],
    }


def _object_as_dict(scores: MapScores, k: int) -> dict[str, Any]:
    return {
        "present": bool(scores.present[k]),
        "iou": float(scores.iou[k]),
        "boundary_f": float(scores.boundary_f[k]),
        "boundary_f_fine": float(scores.boundary_f_fine[k]),
        "boundary_iou": float(scores.boundary_iou[k]),
        "thin_found": int(scores.thin_found[k]),
    }


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
