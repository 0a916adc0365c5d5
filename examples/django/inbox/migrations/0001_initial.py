from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    operations = [
        migrations.CreateModel(
            name="Tenant",
            fields=[
                ("id", models.TextField(primary_key=True, serialize=False)),
                ("name", models.TextField()),
            ],
            options={"db_table": "tenants"},
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                (
                    "last_login",
                    models.DateTimeField(blank=True, null=True, verbose_name="last login"),
                ),
                ("id", models.TextField(primary_key=True, serialize=False)),
                ("tenant", models.ForeignKey(on_delete=models.PROTECT, to="inbox.tenant")),
                ("name", models.TextField()),
            ],
            options={
                "db_table": "users",
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "id"), name="users_tenant_key")
                ],
            },
        ),
        migrations.CreateModel(
            name="Skill",
            fields=[
                ("id", models.TextField(primary_key=True, serialize=False)),
                ("tenant", models.ForeignKey(on_delete=models.PROTECT, to="inbox.tenant")),
                ("name", models.TextField()),
                (
                    "parent",
                    models.ForeignKey(null=True, on_delete=models.SET_NULL, to="inbox.skill"),
                ),
            ],
            options={
                "db_table": "skills",
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "id"), name="skills_tenant_key")
                ],
            },
        ),
    ]
