"""The report of a small data set, opened in a real browser."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
import torch

import pipeline
from pipeline.config import Config, load_config
from pipeline.dataset import discover, read_ids, write_ids
from pipeline.errors import DatasetError, StorageError
from pipeline.record.journal import Entry, open_journal
from pipeline.record.opening import open_dataset
from pipeline.records import FrameOutcome, FrameRef
from pipeline.report.write import _frame_command
from pipeline.statistics.count import count_block
from pipeline.statistics.saved import save_tables
from pipeline.statistics.scene import SceneStatistics, from_counts
from tests.browsing import expect
from tests.fixing import fix_frame

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


MakeDataset = Callable[..., Path]

HOSTILE = "<img src=x onerror=alert(1)>\"'&"
SETTINGS = "0123456789abcdef"


@pytest.fixture
def root(make_dataset: MakeDataset) -> Path:
    """Return a refined data set of three scenes with its journal; one has a hostile name."""
    root = make_dataset(scenes=3, frames=4)
    (root / "scene_0002").rename(root / HOSTILE)
    rows = []
    for s, scene in enumerate(sorted(["scene_0000", "scene_0001", HOSTILE])):
        for f in range(4):
            image = f"frame_{f:06d}.jpg"
            frame = FrameRef(scene, image, f"{image}.pth")
            coarse = torch.load(root / scene / "obj_ids" / frame.ids, weights_only=True)
            result = root / scene / "obj_ids_refine" / frame.ids
            result.parent.mkdir(exist_ok=True)
            torch.save(coarse.roll(3, dims=1).to(torch.uint16), result)
            stats = {
                "invalid_ratio": 0.1 * s + 0.01 * f,
                "changed_ratio": 0.02 * f,
                "agreement": 0.9 - 0.2 * s,
                "lost_ratio": 0.01 * f,
                "n_objects": 4,
                "matched": 3,
                "merged": 1,
                "fallback": 1,
            }
            rows.append(FrameOutcome(frame, "done", {"read": 0.1, "encode": 0.4}, stats))
    frame = FrameRef("scene_0001", "frame_000009.jpg", "frame_000009.jpg.pth")
    message = "<script>alert(2)</script>\n</script> is no image"
    rows.append(FrameOutcome(frame, "failed", {}, {}, "read", "ImageError", message))
    with open_journal(root / "autorefiner" / "journal.jsonl") as journal:
        journal.append(Entry(row, SETTINGS, (), None) for row in rows)
    return root


def count(root: Path, form: Literal["csv", "parquet"] = "csv") -> list[SceneStatistics]:
    """Count the results of the data set, and save and return the statistics, as `stats` does."""
    scenes = []
    for scene in sorted(path for path in root.iterdir() if (path / "obj_ids").is_dir()):
        images = [f"frame_{f:06d}.jpg" for f in range(4)]
        refined, coarse = (
            np.stack([read_ids(scene / folder / f"{image}.pth") for image in images])
            for folder in ("obj_ids_refine", "obj_ids")
        )
        # Object 4 is gone for a frame where the coarse map has it, object 3 where it lacks it, too.
        refined[1][refined[1] == 4] = 0
        refined[2][refined[2] == 3] = coarse[2][coarse[2] == 3] = 0
        rows = count_block(refined, coarse, np.arange(4))
        pixels = np.full(4, refined[0].size)
        scenes.append(from_counts(scene.name, images, pixels, rows))
    save_tables(scenes, root / "autorefiner" / "statistics", form)
    return scenes


@pytest.fixture
def said() -> list[str]:
    """Return a list for the page's console messages, errors, dialogs and request URLs."""
    return []


@pytest.fixture
def page(browser: Browser, root: Path, said: list[str]) -> Iterator[Page]:
    """Yield the report opened as a file; fail on any message, error, dialog or other request."""
    count(root)
    path = pipeline.write_report(root)
    page = browser.new_page(viewport={"width": 1200, "height": 800}, color_scheme="light")
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(f"dialog {dialog.message}"))
    page.on("request", lambda request: said.append(request.url))
    page.goto(path.as_uri())
    yield page
    page.close()
    assert {text for text in said if not text.startswith("data:")} == {path.as_uri()}


def names(page: Page) -> list[str]:
    return page.locator("#scene-table tbody tr:visible th").all_text_contents()


def test_what_happened_is_said_at_a_glance(page: Page) -> None:
    glance = page.locator("#glance")
    expect(glance).to_contain_text("12 of 13 frames are done; 1 failed.")
    expect(glance.locator(".figures")).to_contain_text("36 · 12 merged")
    expect(glance.locator(".stages tbody tr")).to_have_count(2)


def test_headings_sort_and_say_so(page: Page) -> None:
    table = page.locator("#scene-table")
    assert names(page) == [HOSTILE, "scene_0000", "scene_0001"]
    invalid = page.get_by_role("button", name="Invalid", exact=True)
    heading = table.locator("th", has=invalid)
    expect(heading).to_have_attribute("aria-sort", "none")
    invalid.click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    assert names(page) == ["scene_0001", "scene_0000", HOSTILE]
    invalid.press("Enter")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    assert names(page) == [HOSTILE, "scene_0000", "scene_0001"]
    table.get_by_role("button", name="Scene").click()
    expect(heading).to_have_attribute("aria-sort", "none")


def test_scenes_are_filtered_as_one_types(page: Page) -> None:
    page.get_by_label("Name", exact=True).fill("SCENE_")
    assert names(page) == ["scene_0000", "scene_0001"]
    expect(page.locator("#scenes-status")).to_have_text("2 of 3 scenes")
    page.get_by_label("Show", exact=True).select_option("failed")
    assert names(page) == ["scene_0001"]
    page.get_by_label("Name", exact=True).fill("")
    page.get_by_label("Show", exact=True).select_option("")
    expect(page.locator("#scenes-status")).to_have_text("3 scenes")


def test_the_slider_moves_the_border_between_two_pictures(page: Page) -> None:
    lens = page.locator(".lens").first
    slider = lens.get_by_role("slider")
    left = "getComputedStyle(document.querySelector('.lens .coarse')).clipPath"
    before = page.evaluate(left)
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    assert slider.input_value() == "70"
    assert page.evaluate(left) != before
    expect(slider).to_have_attribute("aria-valuetext", "70 % coarse, 30 % refined")
    box = slider.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.1, box["y"] + box["height"] / 2)
    assert int(slider.input_value()) < 20
    lens.get_by_text("image | refined").click()
    expect(lens.locator("img.coarse")).to_be_hidden()
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"\d+ % image, \d+ % refined"))


def test_pictures_show_what_they_are_said_to(page: Page) -> None:
    sizes = page.evaluate(
        "Promise.all([...document.querySelectorAll('.lens img')].map(async shown => {"
        " const image = new Image(); image.src = shown.src; await image.decode();"
        " return [image.naturalWidth, image.naturalHeight]; }))"
    )
    assert len(sizes) >= 9
    assert all(size == [64, 48] for size in sizes)


def test_frames_are_chosen_by_reason(page: Page) -> None:
    frames = page.locator(".frame:visible")
    everything = frames.count()
    chip = page.get_by_role("button", name="Low agreement")
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "true")
    assert 0 < frames.count() < everything
    expect(frames.first.locator(".why")).to_contain_text("Low agreement 50.0 %")
    page.get_by_role("button", name="All").click()
    assert frames.count() == everything


def test_objects_are_listed_when_they_are_asked_for(page: Page) -> None:
    objects = page.locator(".objects").first
    expect(objects.locator("table")).to_have_count(0)
    objects.locator("summary").click()
    expect(objects.locator("tbody tr")).to_have_count(4)
    swatch = objects.locator("rect").first
    assert (swatch.get_attribute("fill") or "").startswith("#")


def test_dark_follows_the_system_and_then_the_reader(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light, button = page.evaluate(ground), page.locator("#theme")
    expect(button).to_have_attribute("aria-pressed", "false")
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ground)
    assert dark != light
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    assert page.evaluate(ground) == light
    page.reload()
    assert page.evaluate(ground) == light


def test_it_is_printed_dark_on_light(page: Page) -> None:
    light = page.evaluate("getComputedStyle(document.body).color")
    page.locator("#theme").click()
    assert page.evaluate("getComputedStyle(document.body).color") != light
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == light
    expect(page.locator("nav")).to_be_hidden()
    expect(page.locator(".presence").first).to_be_visible()


def test_names_and_messages_from_outside_do_no_harm(page: Page) -> None:
    assert HOSTILE in names(page)
    page.locator("#failures summary").first.scroll_into_view_if_needed()
    expect(page.locator("#failures .message")).to_have_text(
        "<script>alert(2)</script>\n</script> is no image"
    )
    assert page.locator("img[src=x]").count() == 0
    assert page.evaluate("document.scripts.length") == 2


def test_the_policy_stops_what_might_slip_in(page: Page, said: list[str]) -> None:
    ran = page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
        " document.body.append(s); return window.ran ?? 0; }"
    )
    assert ran == 0
    assert "Content Security Policy" in said.pop()


def test_everything_can_be_reached_by_keyboard_and_has_a_name(page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, input, select, [role=region], [role=img]')]"
        ".filter(e => !(e.ariaLabel || e.textContent.trim() || e.labels?.length"
        " || e.getAttribute('aria-labelledby'))).length"
    )
    assert nameless == 0
    assert page.locator("img:not([alt])").count() == 0


@pytest.mark.parametrize("width", [360, 1200])
def test_no_window_is_too_narrow(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_run_that_came_to_no_end_has_a_report_and_a_frame_whose_file_is_gone_too(
    root: Path,
) -> None:
    for image in (root / "scene_0001" / "images").iterdir():
        image.unlink()
    text = pipeline.write_report(root).read_text(encoding="utf-8")
    assert "No picture" in text
    assert "no such file" in text.lower()


def test_the_last_run_s_summary_says_what_was_to_do(root: Path) -> None:
    summary = {
        "scenes": {"scene_0000": {"frames": 9, "stale": 2}},
        "problems": {"image without ids": {"count": 1, "examples": ["<b>x</b>"]}},
        "processed": 4,
        "seconds": 8.0,
        "frames_per_second": 0.5,
        "settings": {
            "fingerprint": SETTINGS,
            "config": Config().model_dump(mode="json"),
            "versions": {"torch": "2.0"},
        },
    }
    (root / "autorefiner" / "summary.json").write_text(json.dumps(summary))
    text = pipeline.write_report(root).read_text(encoding="utf-8")
    assert "4 of 9 frames are done; 2 hold results of other settings; 3 are still to do." in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text
    assert "<b>x</b>" not in text
    assert SETTINGS in text


def test_objects_that_flicker_are_worth_a_look_where_statistics_were_saved(root: Path) -> None:
    assert ">Flicker" not in pipeline.write_report(root).read_text(encoding="utf-8")
    scenes = count(root)
    gone = sum(gap.first == 1 for gap in scenes[1].gaps())
    assert gone
    text = pipeline.write_report(root).read_text(encoding="utf-8")
    assert f"Flicker <b>{gone} gone</b>" in text


def test_objects_are_drawn_over_the_frames_of_their_scenes(page: Page, root: Path) -> None:
    scenes = count(root)
    cards = page.locator(".timeline")
    assert cards.locator("h3").all_text_contents() == [scene.scene for scene in scenes]
    for number, scene in enumerate(scenes):
        card = cards.nth(number)
        flickering = {gap.id for gap in scene.gaps()}
        expect(card.locator(".why")).to_contain_text(f"Flickering {len(flickering)}")
        expect(card.locator(".why")).to_contain_text(f"{100 * scene.invalid_ratio.mean():.1f} %")
        worst = scene.frames[scene.invalid_ratio.argmax()]
        invalid = card.get_by_role("img", name="Pixels without an id over 4 frames")
        expect(invalid).to_have_accessible_name(re.compile(f"at most, in {worst}"))
        lines = card.locator(".presence g")
        assert card.locator("ol li").all_text_contents() == [str(id_) for id_ in scene.ids]
        # The browser measures which columns of the chart each object's stroke covers.
        covered = lines.evaluate_all(
            "lines => lines.map(line => [0, 1, 2, 3].map(k => {"
            " const at = line.ownerSVGElement.createSVGPoint(); at.x = k + 0.5;"
            " const there = line.querySelector('.there');"
            " at.y = there.getBBox().y; return there.isPointInStroke(at); }))"
        )
        assert covered == scene.presence.tolist()
        rows = card.get_by_role("table").filter(has_text="Changed most").locator("tbody tr")
        least = scene.ids[np.argsort(scene.agreement, kind="stable")]
        assert rows.locator("th").all_text_contents() == [str(id_) for id_ in least]
        bar = rows.first.get_by_role("img")
        kept = f"kept {100 * scene.agreement.min():.1f} %, lost"
        expect(bar).to_have_accessible_name(re.compile(kept))
        assert sum(
            bar.locator("rect").evaluate_all("all => all.map(r => r.width.baseVal.value)")
        ) == (pytest.approx(100, abs=0.2))


def test_where_refinement_lost_an_object_is_told_from_where_it_came_without(page: Page) -> None:
    card = page.locator(".timeline").nth(1)
    lines = card.locator(".presence g")
    expect(lines.filter(has=page.locator("title", has_text="4: in 3 of 4"))).to_have_count(1)
    assert lines.nth(3).locator(".lost").get_attribute("d") == "M1 42H2"
    expect(lines.nth(3).locator(".absent")).to_have_count(0)
    assert lines.nth(2).locator(".absent").get_attribute("d") == "M2 30H3"
    flicker = card.get_by_role("table").filter(has_text="First in")
    expect(flicker.locator("tbody tr")).to_have_text(
        ["3110frame_000002.jpg", "4111frame_000001.jpg"]
    )


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_statistics_are_drawn_from_either_form(root: Path, form: Literal["csv", "parquet"]) -> None:
    text = pipeline.write_report(root).read_text(encoding="utf-8")
    assert "Not counted yet" in text
    assert f"autorefiner stats {root}" in text
    count(root, form)
    text = pipeline.write_report(root).read_text(encoding="utf-8")
    assert text.count('<article class="timeline"') == 3
    assert "Not counted yet" not in text
    assert "Out of date" not in text
    one = pipeline.write_report(root, {"report": {"scenes": 1}}).read_text(encoding="utf-8")
    assert one.count('<article class="timeline"') == 1
    assert "of 3 scenes." in one
    assert "Shown are 1:" in one


def test_statistics_that_are_older_than_the_results_are_out_of_date(root: Path) -> None:
    count(root)
    frame = FrameRef("scene_0000", "frame_000000.jpg", "frame_000000.jpg.pth")
    made = (root / "autorefiner" / "statistics" / "frames.csv").stat().st_mtime_ns
    for image, written, said in (
        (frame.image, made - 1, ""),
        (frame.image, made + 1, "There are newer results than what was counted."),
        ("frame_000004.jpg", made - 1, "12 of 13 done frames were counted."),
    ):
        done = FrameOutcome(replace(frame, image=image), "done", {"read": 0.1}, {})
        with open_journal(root / "autorefiner" / "journal.jsonl") as journal:
            journal.append([Entry(done, SETTINGS, (), (1, written))])
        text = pipeline.write_report(root).read_text(encoding="utf-8")
        assert said in text
        assert ("Out of date" in text) == bool(said)


def test_frames_that_were_fixed_are_counted_and_not_shown_as_worth_a_look(root: Path) -> None:
    count(root)
    before = pipeline.write_report(root).read_text()
    assert "Frames fixed" not in before
    frames = [frame for frame in discover(root).frames if frame.scene == "scene_0000"]
    layout = open_dataset(root).layout
    for frame in frames:
        fix_frame(layout, frame, np.full((48, 64), 9))
    after = pipeline.write_report(root).read_text()
    assert "<dt>Frames fixed</dt><dd>4</dd>" in after
    for page, is_shown in ((before, True), (after, False)):
        looks = page[page.index('id="looks"') : page.index('id="scenes"')]
        assert ("scene_0000" in looks) is is_shown
    assert "Out of date" in after


def test_statistics_that_cannot_be_read_cost_their_section_and_no_more(root: Path) -> None:
    count(root)
    (root / "autorefiner" / "statistics" / "gaps.csv").write_text("nonsense\n1\n")
    text = pipeline.write_report(root).read_text(encoding="utf-8")
    assert "gaps.csv: cannot be read as a table of gaps" in text
    assert '<article class="timeline"' not in text
    assert "12 of 13 frames are done" in text


def test_without_a_record_there_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="found no journal"):
        pipeline.write_report(tmp_path)


def test_a_torn_summary_is_named(root: Path) -> None:
    (root / "autorefiner" / "summary.json").write_text("{")
    with pytest.raises(StorageError, match=r"summary\.json: cannot be read"):
        pipeline.write_report(root)


def test_figures_of_pages_are_those_of_the_record(root: Path) -> None:
    text = pipeline.write_report(root).read_text(encoding="utf-8")
    expected = np.mean([0.1 * s + 0.01 * f for s in range(3) for f in range(4)])
    assert f"<dt>Invalid pixels</dt><dd>{100 * expected:.1f} %</dd>" in text


def test_the_command_for_a_frame_has_the_settings_of_its_run() -> None:
    settings = {"model": {"name": "demo"}, "refinement": {"min_agreement": 0.3}}
    config = load_config({**settings, "run": {"partition_size": 3}})
    words = shlex.split(_frame_command(Path("/scans/a room/images/1.jpg"), config))
    assert words[:3] == ["autorefiner", "frame", "/scans/a room/images/1.jpg"]
    assert load_config(None, words[4::2]) == load_config(settings)


def test_a_scene_of_two_passes_is_drawn_as_a_strip(root: Path, browser: Browser) -> None:
    two_passes = load_config({"scene": {"passes": 2}})
    layout = open_dataset(root, two_passes).layout
    rows = []
    for f in range(4):
        frame = FrameRef("scene_0001", f"frame_{f:06d}.jpg", f"frame_{f:06d}.jpg.pth")
        coarse = read_ids(layout.ids_path(frame))
        write_ids(layout.first_pass.output_path(frame), coarse, "png", {})
        stats = {"neighbours_ratio": 0.01 * f, "n_returned": f, "n_objects": 4}
        rows.append(FrameOutcome(frame, "done", {"consult": 0.1}, stats))
    with open_journal(layout.record.journal) as journal:
        journal.append(Entry(row, SETTINGS, (), None) for row in rows)
    page = browser.new_page()
    page.goto(pipeline.write_report(root, two_passes).as_uri())
    strip = page.get_by_role("region", name="What neighbours changed")
    expect(strip).to_contain_text("scene_0001")
    expect(strip).to_contain_text("frame_000000.jpg · frame_000001.jpg")
    picture = strip.get_by_role("img")
    assert picture.evaluate("i => i.complete && i.naturalWidth > 0")


def test_one_pass_has_no_strip_and_a_lost_first_pass_costs_it_alone(root: Path) -> None:
    assert 'id="strip"' not in pipeline.write_report(root).read_text()
    with open_journal(open_dataset(root).layout.record.journal) as journal:
        frame = FrameRef("scene_0001", "frame_000000.jpg", "frame_000000.jpg.pth")
        outcome = FrameOutcome(frame, "done", {}, {"neighbours_ratio": 0.1})
        journal.append([Entry(outcome, SETTINGS, (), None)])
    page = pipeline.write_report(root, {"scene": {"passes": 2}}).read_text()
    assert 'id="strip"' not in page
    assert "scene_0001" in page
