"""Why a request did not get through, in a sentence that says what to do. No token, path or password is repeated in it."""

from collections.abc import Iterator

from requests import exceptions

CONNECT_TIMEOUT_S = 10.0  # a satellite or a tired LTE link needs seconds for TLS
READ_TIMEOUT_S = 60.0  # the hub answers once the batch is on its disk, which may be busy

# The first that fits: what happened, and what to do next.
_FAILURES: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.ProxyError, "The proxy on the way to {url} cannot be used; check {table} proxy."),
    (
        exceptions.SSLError,
        "The certificate of {url} is not trusted{why}: name its own authority in {table} ca_file, or set this gateway's clock.",
    ),
    (exceptions.ConnectTimeout, "{url} cannot be reached: no answer within {connect:.0f} s. Check the network."),
    (exceptions.ReadTimeout, "{url} took what was sent but did not answer within {read:.0f} s; it will be sent again."),
    (exceptions.ConnectionError, "{url} cannot be reached{why}. Check the network and whether it runs."),
    (exceptions.RequestException, "{url} cannot be used ({kind}); check {table}."),
    (OSError, "{url} cannot be used{why}; check {table} ca_file."),
)


def failure(error: OSError, url: str, table: str) -> str:
    """`table` is the one of the site file in which the address stands."""
    text = next(text for kind, text in _FAILURES if isinstance(error, kind))
    reason = next((each.strerror for each in _causes(error) if isinstance(each, OSError) and each.strerror), "")
    return text.format(
        url=url,
        table=table,
        why=f" ({reason})" if reason else "",
        kind=type(error).__name__,
        connect=CONNECT_TIMEOUT_S,
        read=READ_TIMEOUT_S,
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it; the operating system's own words lie at the bottom."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
