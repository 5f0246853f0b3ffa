"""Tokens are compared whole, and requests of other pages are told by what browsers say."""

from __future__ import annotations

import pytest

from pipeline.reviewing.guard import is_foreign, is_token, make_token

HOST = "127.0.0.1:8899"


def test_tokens_are_long_and_new() -> None:
    assert len({make_token() for _ in range(50)}) == 50
    assert len(make_token()) >= 43


def test_only_the_whole_token_is_the_token() -> None:
    token = make_token()
    assert is_token(token, token)
    for given in (None, "", token[:-1], token + "x", token.swapcase(), "ä" + token):
        assert not is_token(given, token)


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({}, False),  # a program, which needs the token like all others
        ({"Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://other"}, False),
        ({"Origin": f"http://{HOST}"}, False),
        ({"Origin": "http://127.0.0.1:8888"}, True),
        ({"Origin": "null"}, True),
        ({"Origin": "https://hub.example", "X-Forwarded-Host": "hub.example"}, False),
    ],
)
def test_requests_of_other_pages(headers: dict[str, str], foreign: bool) -> None:
    assert is_foreign(headers, HOST, is_page=False) == foreign


@pytest.mark.parametrize("mode", ["navigate", "no-cors", None])
def test_links_may_lead_to_the_page(mode: str | None) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", **({"Sec-Fetch-Mode": mode} if mode else {})}
    assert is_foreign(headers, HOST, is_page=True) == (mode != "navigate")
    assert not is_foreign({"Sec-Fetch-Site": "none"}, HOST, is_page=True)
