from alembic import context
from proposals.models import Base, SkillMessage
from sqlalchemy import create_engine


def include_object(_object, name, type_, _reflected, _compare_to):
    """Leave the table of skill-messages to its package, with its keys, indexes and policies."""
    return (type_, name) != ("table", SkillMessage.__tablename__)


options = {"target_metadata": Base.metadata, "include_object": include_object}
url = context.config.get_main_option("sqlalchemy.url")

if context.is_offline_mode():
    context.configure(url=url, dialect_opts={"paramstyle": "named"}, **options)
    with context.begin_transaction():
        context.run_migrations()
else:
    with create_engine(url).connect() as connection:
        context.configure(connection, **options)
        with context.begin_transaction():
            context.run_migrations()
