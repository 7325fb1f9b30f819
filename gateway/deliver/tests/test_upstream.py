"""Which addresses are safe to send to, and that a session checks certificates whatever its surroundings say."""

import pytest

from gateway.deliver.upstream import Upstream, open_session
from protocols.errors import OurMistake


@pytest.mark.parametrize(
    "url", ["https://hub.example/", "http://127.0.0.1:8800", "http://localhost", "http://[::1]:80/", "http://127.9.9.9"]
)
def test_safe_address(url: str) -> None:
    """https anywhere and plain http to this machine are taken."""
    with open_session(Upstream(url)) as session:
        assert session.verify is True


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://hub.example/", "unencrypted"),
        ("http://localhost.hub.example/", "unencrypted"),
        ("http://10.0.0.1", "unencrypted"),
        ("ftp://hub.example/", "no address"),
        ("hub.example", "no address"),
        ("https://", "no address"),
        ("https://hub.example:port/", "no address"),
        ("https://user:secret@hub.example/", "belong into the file"),
    ],
)
def test_unsafe_address(url: str, sentence: str) -> None:
    """Plain http to elsewhere, no address at all and secrets in an address are refused; the secret is not repeated."""
    with pytest.raises(OurMistake, match=sentence) as caught:
        open_session(Upstream(url))
    assert "secret" not in str(caught.value)


def test_plain_http_when_allowed() -> None:
    """Who allows it knowingly gets it."""
    with open_session(Upstream("http://hub.example/", allow_plain_http=True)) as session:
        assert session.verify is True


def test_surroundings_do_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CA bundle or a proxy named in the environment does not replace what the site file says."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/elsewhere.pem")
    monkeypatch.setenv("HTTPS_PROXY", "http://elsewhere:1")
    with open_session(Upstream("https://hub.example/", ca_file="/ours.pem", proxy="http://ours:2")) as session:
        settings = session.merge_environment_settings("https://hub.example/", {}, None, None, None)

    assert (settings["verify"], settings["proxies"]) == ("/ours.pem", {"http": "http://ours:2", "https": "http://ours:2"})
