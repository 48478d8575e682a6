"""Configuration files for the tests of bounds: one open route, one listener, and the bounds that a test asks for."""

BODY = "in good order"


def value(setting):
    """As TOML writes it."""
    return f'"{setting}"' if isinstance(setting, str) else str(setting)


def write(path, upstream=None, tls=False, workers=2, route=(), **limits):
    """Writes a configuration to `path` and returns that. Without an upstream, requests are answered 200 with `BODY`.
    `route` are further lines of the route."""
    target = f'upstream = "{upstream}"' if upstream else f'respond = {{ status = 200, body = "{BODY}" }}'
    lines = [
        f"workers = {workers}",
        'drain_time = "1s"',
        "[[listener]]",
        'address = "127.0.0.1:0"',
        *([] if tls else ["tls = false"]),
        "[[route]]",
        "schemes = []",
        target,
        *route,
        "[limits]",
        *[f"{name} = {value(setting)}" for name, setting in limits.items()],
        "[danger]",
        "no_auth = true",
        "plain_listeners = true",
    ]
    path.write_text("\n".join(lines) + "\n")
    return path
