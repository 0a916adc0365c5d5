-- Verify skill_messages:tables/foreign_keys on pg
--
-- A foreign key is its constraint and four triggers, of which two stand on the table of the host.
-- With one of them disabled or gone, the constraint says what is not kept. Where the host's table
-- is partitioned, each partition has a constraint of its own, with two triggers there.

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    v_broken text;
BEGIN
    WITH kept AS (
        SELECT c.oid, concat(c.conname, ' ', pg_get_constraintdef(c.oid)) AS definition
        FROM pg_constraint AS c
        INNER JOIN pg_trigger AS t ON c.oid = t.tgconstraint
        WHERE c.conrelid = to_regclass('public.skill_messages') AND c.contype = 'f'
            -- VALIDATE CONSTRAINT checks all rows, and marks no constraint of a partition.
            AND (c.convalidated OR c.conparentid <> 0)
            AND t.tgenabled IN ('O', 'A')
        GROUP BY c.oid, c.conname
        HAVING count(*) = CASE c.conparentid WHEN 0 THEN 4 ELSE 2 END
    )

    SELECT string_agg(broken.definition, E'\n')
    INTO v_broken
    FROM (
        SELECT wanted.definition
        FROM (VALUES
            ('skill_messages_tenant_id_fkey '
                'FOREIGN KEY (tenant_id) REFERENCES public.tenants(id)'),
            ('skill_messages_from_user_id_fkey '
                'FOREIGN KEY (tenant_id, from_user_id) REFERENCES public.users(tenant_id, id)'),
            ('skill_messages_to_user_id_fkey '
                'FOREIGN KEY (tenant_id, to_user_id) REFERENCES public.users(tenant_id, id)'),
            ('skill_messages_subject_skill_id_fkey '
                'FOREIGN KEY (tenant_id, subject_skill_id) REFERENCES public.skills(tenant_id, id) '
                'ON DELETE CASCADE'),
            ('skill_messages_proposed_parent_skill_id_fkey '
                'FOREIGN KEY (tenant_id, proposed_parent_skill_id) '
                'REFERENCES public.skills(tenant_id, id) '
                'ON DELETE SET NULL (proposed_parent_skill_id)')
        ) AS wanted (definition)
        WHERE wanted.definition NOT IN (SELECT k.definition FROM kept AS k)
        UNION ALL
        SELECT format('%s, in the partition %s', c.conname, c.confrelid::regclass)
        FROM pg_constraint AS c
        WHERE c.conrelid = to_regclass('public.skill_messages') AND c.contype = 'f'
            AND c.conparentid <> 0 AND c.oid NOT IN (SELECT k.oid FROM kept AS k)
    ) AS broken;

    IF v_broken IS NOT NULL THEN
        RAISE EXCEPTION 'public.skill_messages has foreign keys that are missing or not kept: %',
            v_broken
            USING HINT = 'A trigger of theirs may be disabled: ALTER TABLE … ENABLE TRIGGER ALL on '
                         'skill_messages and the table it refers to, then look for rows that '
                         'break them.';
    END IF;
END;
$$;

ROLLBACK;
