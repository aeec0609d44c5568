"""`rescue posts`: what was posted of sessions (Post to URL), and sending a post at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rescue_common.terminal import safe
from rescue_emulator.cli.calls import connection_options, json_wanted, run_call
from rescue_emulator.cli.output import count, json_line, print_result

if TYPE_CHECKING:
    from rescue_client.posts import SessionPost

_NOTHING = {
    (False, False): "nothing was posted yet",
    (True, False): "no post is pending",
    (False, True): "no post was given up",
    (True, True): "no post is pending, and none was given up",
}


@click.group(invoke_without_command=True)
@click.option("--pending", is_flag=True, help="Only those that are still to be sent.")
@click.option("--failed", is_flag=True, help="Only those that were given up.")
@connection_options
@click.pass_context
def posts(ctx: click.Context, pending: bool, failed: bool) -> None:
    """Show what is posted of sessions to the URLs of technician groups (Post to URL).

    \b
    Examples:
      rescue posts
      rescue posts --failed --json
    """
    if ctx.invoked_subcommand is not None:
        if pending or failed:
            raise click.UsageError("--pending and --failed go with the list")
        return
    from rescue_client.posts import GIVEN_UP, PENDING, PostClient

    states = [state for state, wanted in ((PENDING, pending), (GIVEN_UP, failed)) if wanted]
    found = run_call(lambda connection: PostClient(connection).all(*states))
    as_json = json_wanted()
    for post in found:
        click.echo(json_line(post.as_json()) if as_json else _line(post))
    if not found and not as_json:
        click.echo(_NOTHING[pending, failed], err=True)


@posts.command()
@click.argument("delivery", metavar="ID")
@connection_options
def retry(delivery: str) -> None:
    """Send a post at once that is pending or was given up. The beginning of its ID is enough.

    \b
    Example:
      rescue posts retry 3f2b
    """
    from rescue_client.posts import PostClient

    found = run_call(lambda connection: PostClient(connection).retry(delivery))
    print_result({"delivery": found}, [f"{found} is sent now"])


def _line(post: SessionPost) -> str:
    tries = f", {count(post.attempts, 'attempt')}" if post.attempts else ""
    last = f", {safe(post.answer)}" if post.answer else ""
    where = f"  {safe(post.url)}" if post.url else ""
    state = post.state.replace("-", " ")
    return f"{post.delivery}  {post.session} {post.kind:<5}  {safe(post.technician)}  {state}{tries}{last}{where}"
