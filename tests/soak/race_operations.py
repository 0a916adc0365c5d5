"""Who races against whom, and what each may be told."""

LEVELS = ("read committed", "repeatable read", "serializable")

# What each does, and what is never so afterwards if it was done.
BATCH = """
SELECT send_skill_messages(jsonb_build_array(jsonb_build_object(
    'from_user_id', 'ann', 'to_user_id', 'bob', 'subject_skill_id', 'sub', 'message', 'One',
    'proposed_parent_skill_id', 'par', 'id', 'new'
)))
"""
SEND = "SELECT send_skill_message('ann', 'bob', 'sub', '{0}', 'par', 'new')"
OPERATIONS = {
    "accept": (
        "SELECT update_message_status('m', 'accepted')",
        "id = 'm' AND status <> 'accepted'",
    ),
    "decline": (
        "SELECT update_message_status('m', 'declined')",
        "id = 'm' AND status <> 'declined'",
    ),
    "read": ("SELECT mark_message_read('m')", "id = 'm' AND read_at IS NULL"),
    "read all": ("SELECT mark_messages_read('bob')", "id = 'm' AND read_at IS NULL"),
    "send": (SEND.format("One"), "id = 'new' AND message NOT IN ('One', '[erased]')"),
    "send otherwise": (SEND.format("Two"), "id = 'new' AND message NOT IN ('Two', '[erased]')"),
    "send a batch": (BATCH, "id = 'new' AND message NOT IN ('One', '[erased]')"),
    "delete subject": ("DELETE FROM skills WHERE id = 'sub'", "true"),
    "delete parent": ("DELETE FROM skills WHERE id = 'par'", "proposed_parent_skill_id = 'par'"),
    "erase": (
        "SELECT erase_user_messages('bob')",
        "id = 'm' AND (status = 'pending' OR message <> '[erased]')",
    ),
    "purge": (
        "CALL purge_skill_messages('1 day', tenant_id => '{0}', include_pending => true,"
        " include_unread => true)",
        "id = 'm'",
    ),
}
DECISIONS = {"accept", "decline"}
SENDS = {"send", "send a batch"}  # the same content
REMOVALS = {"delete subject", "erase", "purge"}
DELETIONS = {"delete subject", "delete parent"}

RACES = [
    ("accept", "decline"),
    ("accept", "accept"),
    ("read", "read"),
    ("send", "send"),
    ("send", "send otherwise"),
    ("send", "send a batch"),
    ("send a batch", "send otherwise"),
    ("send a batch", "delete subject"),
    ("send", "delete subject"),
    ("send", "delete parent"),
    ("accept", "delete subject"),
    ("read", "delete subject"),
    *(
        (removal, other)
        for removal in ("erase", "purge")
        for other in OPERATIONS
        if other not in ("decline", "send otherwise") and (removal, other) != ("purge", "erase")
    ),
]
NOTHING = "finds nothing"


def refusals(one: str, other: str, level: str) -> set[str]:
    """What the one may be told when the other was first."""
    told = {"40001"} if level != LEVELS[0] else set()
    if {one, other} <= DECISIONS:
        told.add("SM003")
    elif one in {"accept", "read"} and other in REMOVALS:
        told.add("SM002")
    elif "send otherwise" in {one, other}:
        told.add("SM004")
    elif one in SENDS and other in DELETIONS:
        told.add("23503")
    elif one in {"erase", "purge", "read all"}:
        told.add(NOTHING)
    return told


def is_exclusive(one: str, other: str) -> bool:
    """Whether only one of them can be done at all."""
    pair = {one, other}
    return (
        pair <= DECISIONS or pair == {"purge"} or ("send otherwise" in pair and bool(pair & SENDS))
    )
