"""All commands, and one line for each error."""

import os
import sys
from pathlib import Path

import click
import psycopg

from skill_messages import __version__

from . import project
from .check import check
from .dev import dev
from .programs import ServerError


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="skill-messages")
@click.pass_context
def commands(context: click.Context) -> None:
    """Skill messages in PostgreSQL: a server to develop with, and the schema.

    \b
    Examples:
      python -m skill_messages dev            start a throw-away server, with a story told
      python -m skill_messages schema         print the schema as one file
      python -m skill_messages path           print the folder of the Sqitch project
      python -m skill_messages check URL      say in one screen whether all is well
      python -m skill_messages COMMAND --help
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


PLACES = {
    "sqitch": ".",
    "schema": "sql/skill_messages.sql",
    "sql": "sql",
    "pgtap": "tests/pgtap",
}


@commands.command()
@click.argument("what", type=click.Choice(list(PLACES)), default="sqitch")
def path(what: str) -> None:
    """Print where a part of the package is.

    \b
    sqitch  the Sqitch project: sqitch.plan, deploy/, revert/, verify/ (default)
    schema  the schema as one file
    sql     the folder of scripts for psql: check, export, import, convert, demo
    pgtap   the folder of pgTAP tests, for your CI

    \b
    Examples:
      cd "$(python -m skill_messages path)" && sqitch deploy db:pg://owner@host/app
      psql -X -d app -f "$(python -m skill_messages path sql)/check.sql"
      pg_prove --recurse --ext .sql -d app "$(python -m skill_messages path pgtap)"
    """
    click.echo(project.root() / PLACES[what])


@commands.command()
@click.option(
    "--no-transaction",
    is_flag=True,
    help="Leave out BEGIN and COMMIT, for a migration tool that brings its own transaction. "
    "search_path and lock_timeout are afterwards what they were before.",
)
def schema(no_transaction: bool) -> None:
    """Print the schema as one file.

    \b
    Examples:
      python -m skill_messages schema | psql -X -v ON_ERROR_STOP=1 -d app
      python -m skill_messages schema --no-transaction > migrations/0042_skill_messages.sql
    """
    text = project.one_file().read_text(encoding="utf-8")
    click.echo(project.without_transaction(text) if no_transaction else text, nl=False)


commands.add_command(dev)
commands.add_command(check)


def run() -> int:
    """Run a command and return its exit code."""
    try:
        # Not main(), which takes a closed pipe for a failure.
        with commands.make_context("python -m skill_messages", sys.argv[1:]) as context:
            commands.invoke(context)
        sys.stdout.flush()
        return 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except BrokenPipeError:
        # Whoever reads has read enough. The interpreter flushes once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "python -m skill_messages"
        return failed(f"{error.format_message()} See {where} --help", 2)
    except click.ClickException as error:
        return failed(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        return 130
    except OSError as error:
        place = f"{Path(error.filename)}: " if error.filename else ""
        return failed(f"{place}{error.strerror or error}")
    except (ServerError, psycopg.Error) as error:
        return failed(str(error))


def failed(message: str, code: int = 1) -> int:
    print(f"Error: {' '.join(message.split())}", file=sys.stderr)
    return code
