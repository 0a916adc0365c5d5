"""The functions of the package's scripts, compared with those of a database."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

# Of a body that is SQL of the standard (RETURN …), the server keeps no text to compare.
FUNCTION = re.compile(
    r"^CREATE OR REPLACE (?:FUNCTION|PROCEDURE) (\w+\.\w+)\((.*?)"
    r"^(?:AS \$\$(.*?)\$\$;|RETURN )",
    re.M | re.S,
)

# A text of which format() makes several functions, after the rows with the names it fills in.
TEMPLATE = re.compile(
    r" IN VALUES\n(.*?)\n +LOOP\n +EXECUTE format\(\$create\$(.*?)\$create\$", re.S
)

# Every login may read it. An owner other than that of the schema could replace the function.
QUERY = """
SELECT
    n.nspname || '.' || p.proname AS name,
    format('%%s(%%s)', p.proname, pg_get_function_identity_arguments(p.oid)) AS signature,
    p.prosrc,
    concat_ws(', ',
        'LANGUAGE ' || l.lanname,
        CASE p.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' END,
        CASE WHEN p.prosecdef THEN 'SECURITY DEFINER' ELSE 'SECURITY INVOKER' END,
        CASE WHEN p.proleakproof THEN 'LEAKPROOF' END,
        CASE WHEN p.proisstrict THEN 'STRICT' END,
        CASE p.proparallel WHEN 's' THEN 'PARALLEL SAFE' WHEN 'r' THEN 'PARALLEL RESTRICTED' END,
        (SELECT string_agg('SET ' || replace(s, '=', ' = '), ', ') FROM unnest(p.proconfig) AS s),
        CASE WHEN p.proowner <> home.nspowner THEN 'OWNER ' || pg_get_userbyid(p.proowner) END
    ) AS attributes
FROM pg_proc AS p
INNER JOIN pg_language AS l ON l.oid = p.prolang
INNER JOIN pg_namespace AS n ON n.oid = p.pronamespace
INNER JOIN pg_namespace AS home ON home.nspname = 'skill_messages_private'
WHERE n.oid = home.oid OR n.nspname || '.' || p.proname = ANY (%s)
ORDER BY name, signature
"""


@dataclass(frozen=True)
class Function:
    """What a script says of a function; `file` is the script, below the folder of the schema."""

    file: str
    body: str
    attributes: str


def changes(folder: Path) -> list[str]:
    """The changes of sqitch.plan, in order. One that is reworked comes again."""
    plan = (folder / "sqitch.plan").read_text(encoding="utf-8")
    words = [line.split() for line in plan.splitlines()]
    return [first for first, *_ in filter(None, words) if first[0] not in "%@#"]


def packaged(folder: Path) -> dict[str, Function]:
    """The functions as the scripts make them, by qualified name. Of several, the last counts."""
    functions: dict[str, Function] = {}
    for change in changes(folder):
        script = (folder / "deploy" / f"{change}.sql").read_text(encoding="utf-8")
        for name, header, body in FUNCTION.findall(script + "".join(_filled_in(script))):
            # As QUERY tells them: the scripts say them in the same words and order.
            told = re.findall(
                r"^(?:LANGUAGE|IMMUTABLE|STABLE|SECURITY|LEAKPROOF|STRICT|PARALLEL|SET)\b.*$",
                header,
                re.M,
            )
            functions[name] = Function(f"deploy/{change}.sql", body, ", ".join(told))
    return functions


def _filled_in(script: str) -> Iterator[str]:
    for rows, text in TEMPLATE.findall(script):
        for function, column in re.findall(r"\('(\w+)', '(\w+)'", rows):
            yield text.replace("%I", function, 1).replace("%I", column).replace("%%", "%")


def release(body: str) -> str:
    """The release that the body of skill_messages_version() tells."""
    found = re.search(r"release := '(.+?)'", body)
    return found[1] if found else "unknown"


def compare(connection: psycopg.Connection[Any], folder: Path) -> tuple[str, str] | None:
    """State and text of the line; None where the package is not."""
    ours = packaged(folder)
    theirs = connection.execute(QUERY, [list(ours)]).fetchall()
    if not theirs:
        return None
    here = release(ours["public.skill_messages_version"].body)
    there = {release(body) for name, _, body, _ in theirs if name.endswith("_messages_version")}
    if there - {here, "unknown"}:
        return "unknown", f"the database has release {min(there)}, this package {here}"

    findings: list[str] = []
    how_often = Counter(name for name, *_ in theirs)
    for name, function in ours.items():
        if not how_often[name]:
            findings.append(f"{name}() is missing. Run {function.file} again")
    for name, signature, body, attributes in theirs:
        if name not in ours:
            findings.append(f"{name}() is not of the package. Drop or rename it")
        elif how_often[name] > 1:
            findings.append(f"there are several {name}(). Drop {signature} if it is not ours")
        elif body != ours[name].body:
            findings.append(f"{name}() has another body. Run {ours[name].file} again")
        elif attributes != ours[name].attributes:
            findings.append(f"{name}() is {attributes}; should be {ours[name].attributes}")
    if findings:
        more = f"; and {len(findings) - 3} more" if len(findings) > 3 else ""
        return "WARNING", "; ".join(findings[:3]) + more + ". See sqitch verify too"
    return "ok", f"all {len(ours)} as in this package, release {here}"
