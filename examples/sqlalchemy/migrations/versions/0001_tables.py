"""Our own tables, which skill-messages adopts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table(
        "tenants",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
    )
    for name, *more in (("users",), ("skills", sa.Column("parent_id", sa.Text))):
        op.create_table(
            name,
            sa.Column("tenant_id", sa.Text, sa.ForeignKey("tenants.id"), primary_key=True),
            sa.Column("id", sa.Text, primary_key=True),
            sa.Column("name", sa.Text, nullable=False),
            *more,
        )


def downgrade():
    for name in ("skills", "users", "tenants"):
        op.drop_table(name)
