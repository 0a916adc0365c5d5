"""Our tables, which skill-messages adopts, and its table, which we only read."""

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models


class Tenant(models.Model):
    id = models.TextField(primary_key=True)
    name = models.TextField()

    class Meta:
        db_table = "tenants"


class User(AbstractBaseUser):
    id = models.TextField(primary_key=True)
    tenant = models.ForeignKey(Tenant, models.PROTECT)
    name = models.TextField()

    objects = BaseUserManager()
    USERNAME_FIELD = "id"

    class Meta:
        db_table = "users"
        # The foreign keys of skill_messages refer to it.
        constraints = [models.UniqueConstraint(fields=["tenant", "id"], name="users_tenant_key")]


class Skill(models.Model):
    id = models.TextField(primary_key=True)
    tenant = models.ForeignKey(Tenant, models.PROTECT)
    name = models.TextField()
    parent = models.ForeignKey("self", models.SET_NULL, null=True)

    class Meta:
        db_table = "skills"
        constraints = [models.UniqueConstraint(fields=["tenant", "id"], name="skills_tenant_key")]


class SkillMessage(models.Model):
    """For queries that no function answers. It shows what the signed-in user sent or received.

    The key in the database is (id, tenant_id). A transaction sees one tenant, so id is enough here.
    """

    id = models.TextField(primary_key=True)
    tenant_id = models.TextField()
    from_user_id = models.TextField()
    to_user_id = models.TextField()
    subject_skill_id = models.TextField()
    proposed_parent_skill_id = models.TextField(null=True)
    message = models.TextField()
    status = models.TextField()
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "skill_messages"
        managed = False
