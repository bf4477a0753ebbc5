"""The command that serves the HTTP interface."""

import os
from typing import Annotated

import typer

from pipeline.data.images import MAX_BYTES
from pipeline.errors import UserError
from pipeline.network import is_this_machine
from pipeline.server.app import PER_S, Api
from pipeline.server.run import run_server


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine's need a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any free one.")] = 8600,
    rate: Annotated[
        float, typer.Option(min=0, help="Requests per second of one client, 0 for no limit.")
    ] = PER_S,
    max_mb: Annotated[
        float, typer.Option(min=0.1, max=MAX_BYTES / 2**20, help="Size of an image.")
    ] = MAX_BYTES / 2**20,
) -> None:
    """Serve POST /api/faces and GET /api/models over HTTP until Ctrl+C; see /api/docs.

    With the variable EMOTION_API_TOKEN, requests need it as 'Authorization: Bearer …'. Without it
    the server listens on this machine's own address alone.
    """
    token = os.environ.get("EMOTION_API_TOKEN", "").strip()
    if not token and not is_this_machine(host):
        raise UserError(
            f"Others reach {host}, so requests need a token: set EMOTION_API_TOKEN, or leave out "
            "--host."
        )
    run_server(Api(token, rate, int(max_mb * 2**20)).app(), host, port)
