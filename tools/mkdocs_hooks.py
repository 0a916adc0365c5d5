"""What mkdocs needs beside mkdocs.yml: a hook for our fenced blocks."""

import re
from typing import Any

# After the language of a block stands who runs it, for the tests. Code hosts leave such words out;
# here they would keep the block from being one.
WORDS = re.compile(r"^( *```\w+) [\w/ -]+$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    return WORDS.sub(r"\1", markdown)
