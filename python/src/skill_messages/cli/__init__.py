"""The command line: `python -m skill_messages`. Only `commands` and what it imports need click."""
