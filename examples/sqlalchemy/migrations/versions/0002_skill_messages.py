"""The schema of skill-messages, as `python -m skill_messages schema --no-transaction` printed it.

Keep the printed file in your repository: a migration must not change with the package's release.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    schema = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    op.execute(sa.text(schema.replace(":", r"\:")))  # for text(), :name is a parameter
    op.execute("GRANT skill_messages_app TO app_login")
    # To show names, and to group skills.
    roles = "skill_messages_app, skill_messages_service"
    op.execute(f"GRANT SELECT (id, name) ON tenants TO {roles}")
    op.execute(f"GRANT SELECT (id, name, tenant_id) ON users, skills TO {roles}")
    op.execute("GRANT UPDATE (parent_id) ON skills TO app_login")


def downgrade():
    raise NotImplementedError(
        "skill_messages may hold messages: export them, and use sqitch revert"
    )
