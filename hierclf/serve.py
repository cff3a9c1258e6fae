"""``hierclf serve``: a bundle as a web application with sign-in."""

from __future__ import annotations

import logging

from hierclf.bundle.container import check_place
from hierclf.config.serving import ServeOptions
from hierclf.console import announce, parse, run
from hierclf.foundation.errors import InputError
from hierclf.web.port import check_port

PURPOSE = (
    "Serve a bundle to physicians: sign in, upload scans, see decision and heatmap. "
    "--create-admin makes the first account; JSON is at /api/v1."
)


def main(argv: list[str]) -> int:
    """Run the command.

    Parameters
    ----------
    argv : list of str
        Arguments after the verb.

    Returns
    -------
    code : int
        0 after a clean end.
    """
    options = parse(ServeOptions, "serve", PURPOSE, argv)
    if options.bundle is not None and not (
        options.create_admin or options.verify_audit
    ):
        check_place(options.bundle)
        check_port(options)
        announce("serve")
    # It says what it does from the moment that it is imported.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        from hierclf.web import server
        from hierclf.web.audit import verify
    except ModuleNotFoundError as error:
        raise InputError(
            f"hierclf serve: expected the web extra, got no {error.name}. Install it: "
            "pip install 'hierclf[web]'."
        ) from error
    if options.verify_audit:
        n_lines = verify(options.folder / "audit.jsonl")
        print(f"{n_lines} lines, each follows from the one before")  # noqa: T201
        return 0
    if options.create_admin:
        password = server.create_admin(options)
        print(f"{options.create_admin}: {password}")  # noqa: T201
        print("Sign in with it once; you will be asked for another.")  # noqa: T201
        return 0
    server.serve(options)
    return 0


if __name__ == "__main__":
    raise SystemExit(run(main))
