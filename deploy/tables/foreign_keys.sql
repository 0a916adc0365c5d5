-- Deploy skill_messages:tables/foreign_keys to pg
-- requires: tables/skill_messages
-- requires: tables/users_key
-- requires: tables/skills_key
-- requires: private/add_foreign_key
--
-- Every foreign key includes the tenant. So a message cannot refer to users or skills of another
-- tenant, and their ids fail exactly like ids that do not exist. Each key locks a table of the
-- host, so each has a transaction of its own.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.add_foreign_key(
    'skill_messages_tenant_id_fkey',
    'FOREIGN KEY (tenant_id) '
    'REFERENCES public.tenants (id)'
);
COMMENT ON CONSTRAINT skill_messages_tenant_id_fkey ON public.skill_messages IS
'Set the context to a tenant that exists.';

COMMIT;

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.add_foreign_key(
    'skill_messages_from_user_id_fkey',
    'FOREIGN KEY (tenant_id, from_user_id) '
    'REFERENCES public.users (tenant_id, id)'
);
COMMENT ON CONSTRAINT skill_messages_from_user_id_fkey ON public.skill_messages IS
'Give the id of a user of the current tenant.';

COMMIT;

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.add_foreign_key(
    'skill_messages_to_user_id_fkey',
    'FOREIGN KEY (tenant_id, to_user_id) '
    'REFERENCES public.users (tenant_id, id)'
);
COMMENT ON CONSTRAINT skill_messages_to_user_id_fkey ON public.skill_messages IS
'Give the id of a user of the current tenant.';

COMMIT;

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.add_foreign_key(
    'skill_messages_subject_skill_id_fkey',
    'FOREIGN KEY (tenant_id, subject_skill_id) '
    'REFERENCES public.skills (tenant_id, id) '
    'ON DELETE CASCADE'
);
COMMENT ON CONSTRAINT skill_messages_subject_skill_id_fkey ON public.skill_messages IS
'Give the id of a skill of the current tenant.';

COMMIT;

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CALL skill_messages_private.add_foreign_key(
    'skill_messages_proposed_parent_skill_id_fkey',
    'FOREIGN KEY (tenant_id, proposed_parent_skill_id) '
    'REFERENCES public.skills (tenant_id, id) '
    'ON DELETE SET NULL (proposed_parent_skill_id)'
);
COMMENT ON CONSTRAINT skill_messages_proposed_parent_skill_id_fkey ON public.skill_messages IS
'Give the id of a skill of the current tenant, or leave it out.';

COMMIT;
