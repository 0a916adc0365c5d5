"""`check`: what is well with a database, and what this login may do there."""

from typing import Any

import click
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from . import project, report


@click.command()
@click.argument("url", required=False)
@click.option(
    "--login/--no-login",
    "with_login",
    default=True,
    help="Whether to try what this login may do with messages. A scheduled check by the owner, who "
    "sees none, does without.",
)
@click.pass_context
def check(context: click.Context, url: str | None, with_login: bool) -> None:
    """Say in one screen whether all is well.

    URL is that of the database, or what else libpq takes. Left out, libpq's environment counts:
    PGHOST, PGDATABASE, PGUSER and so on.

    A line begins with ok, WARNING or unknown: what this login is not told is unknown. The exit code
    is 1 if there is a warning, or no connection. Nothing is written: what this login may do is
    tried in transactions that are rolled back, for a tenant that does not exist. So is, where
    nothing is deployed, the first change of a deploy.

    \b
    Examples:
      python -m skill_messages check postgresql://app_login@localhost/app
      python -m skill_messages check --no-login "dbname=app user=app_owner"
    """
    try:
        # Unless the URL says otherwise: libpq would wait for minutes.
        defaults = {"connect_timeout": 10, "fallback_application_name": "skill-messages check"}
        settings: dict[str, Any] = {**defaults, **conninfo_to_dict(url or "")}
    except psycopg.ProgrammingError as error:
        raise click.BadParameter(str(error).strip(), param_hint="URL") from None
    try:
        connection = psycopg.connect(make_conninfo(**settings), autocommit=True)
    except psycopg.OperationalError as error:
        said = " ".join(str(error).split())
        if "CONNECT" in said:
            database, name = settings.get("dbname", "…"), settings.get("user", "…")
            said += f" GRANT CONNECT ON DATABASE {database} TO {name}"
        raise click.ClickException(said) from None

    warnings = 0
    with connection:
        for state, topic, text in report.lines(connection, project.root(), with_login):
            click.echo(f"{state:7}  {topic}: {text}")
            warnings += state == "WARNING"
    context.exit(1 if warnings else 0)
