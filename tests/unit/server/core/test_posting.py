"""Post to URL: which URLs a group can have, and that nothing shows the user and password in one."""

from __future__ import annotations

import pytest

from rescue_protos.errors import InvalidArgument
from rescue_server.core.posting import PostFormat, PostSettings, require_secrets, without_query, without_secrets


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("ftp://localhost/", "http://HOST/"),
        ("localhost/hook", "http://HOST/"),
        ("http:///hook", "http://HOST/"),
        ("http://localhost:0/", "http://HOST/"),
        ("http://localhost:99999/", "no URL"),
        ("http://[::1/", "no URL"),
        ("http://localhost/a b", "ASCII"),
        ("http://localhost/\r\nHost: other", "ASCII"),
        ("http://löcal/", "ASCII"),
        ("http://localhost/" + "a" * 2000, "at most 2000"),
    ],
)
def test_what_cannot_be_posted_to_is_refused_with_what_is_needed(url: str, wrong: str) -> None:
    with pytest.raises(InvalidArgument, match="post-start") as refused:
        PostSettings().changed({"start": url})
    assert wrong in str(refused.value)


def test_only_what_is_given_changes() -> None:
    before = PostSettings(start="http://localhost/a", end="https://[::1]:8443/b?c=d")
    assert before.changed({"start": "", "format": "xml"}) == PostSettings(end=before.end, format=PostFormat.XML)
    with pytest.raises(InvalidArgument, match="form and xml"):
        before.changed({"format": "json"})


def test_neither_a_user_and_password_nor_a_query_is_shown() -> None:
    url = "https://reader:p%40ss@[::1]:8443/hook/a?key=1#x"
    assert without_secrets(url) == "https://***@[::1]:8443/hook/a?***#x"
    assert without_query(url) == "https://[::1]:8443/hook/a"
    assert without_secrets("http://localhost/?mail=a@b") == "http://localhost/?***"
    assert without_secrets("http://localhost/mail@b") == "http://localhost/mail@b"
    assert without_secrets("") == ""
    require_secrets({"start": url, "end": ""})
    for shown in (without_secrets(url), "http://***@localhost/", "http://localhost/?***"):
        with pytest.raises(InvalidArgument, match=r"post-start: .* give all of it again"):
            require_secrets({"start": shown})
