from pipeline.tables import Table

TABLE = Table(("scene", "IoU", "harmed"), [("a", "0.5", "10.0%"), ("<b>living & room", "", "-")])


def test_text_aligns_labels_left_and_numbers_right():
    assert TABLE.as_text().splitlines() == [
        "scene             IoU  harmed",
        "a                 0.5   10.0%",
        "<b>living & room            -",
    ]


def test_html_escapes_what_the_cells_hold():
    html = TABLE.as_html()
    assert "&lt;b&gt;living &amp; room</td>" in html
    assert "<b>" not in html
    assert html.count("<tr>") == 3
    assert html.count("<th ") == 3


def test_a_table_without_rows_keeps_its_header():
    assert Table(("scene", "IoU"), []).as_text() == "scene  IoU"
