"""`python -m skill_messages`, which is `skill-messages` as well."""

import sys


def main() -> int:
    try:
        from .cli.commands import run
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        print("Error: the command line needs: pip install 'skill-messages[cli]'", file=sys.stderr)
        return 1
    return run()


if __name__ == "__main__":
    sys.exit(main())
