"""The schema of skill-messages, as `python -m skill_messages schema --no-transaction` printed it.

Keep the printed file in your repository: a migration must not change with the package's release.
"""

from pathlib import Path

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("inbox", "0001_initial")]

    operations = [
        # One string, which Django sends as it is. Not reversible: it may hold messages by then.
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
        # Django logs in as the owner of the tables. Here it gets the rights of a signed-in user.
        migrations.RunSQL("GRANT skill_messages_app TO CURRENT_USER"),
        migrations.RunSQL(
            """
            GRANT SELECT (id, name) ON tenants TO skill_messages_app, skill_messages_service;
            GRANT SELECT (id, name, tenant_id) ON users, skills
            TO skill_messages_app, skill_messages_service;
            """
        ),
        migrations.CreateModel(
            name="SkillMessage",
            fields=[
                ("id", models.TextField(primary_key=True, serialize=False)),
                ("tenant_id", models.TextField()),
                ("from_user_id", models.TextField()),
                ("to_user_id", models.TextField()),
                ("subject_skill_id", models.TextField()),
                ("proposed_parent_skill_id", models.TextField(null=True)),
                ("message", models.TextField()),
                ("status", models.TextField()),
                ("created_at", models.DateTimeField()),
                ("read_at", models.DateTimeField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "skill_messages", "managed": False},
        ),
    ]
