-- Verify skill_messages:skill_messages on pg
--
-- Compares the definitions as the catalogue prints them, and names each one that is missing or
-- different.

BEGIN;

SET LOCAL search_path = pg_catalog;

DO $$
DECLARE
    v_missing text;
BEGIN
    SELECT string_agg(wanted.definition, E'\n')
    INTO v_missing
    FROM (
        VALUES
        ('1 id text NOT NULL DEFAULT public.new_skill_message_id()'),
        ('2 tenant_id text NOT NULL'),
        ('3 from_user_id text NOT NULL'),
        ('4 to_user_id text NOT NULL'),
        ('5 subject_skill_id text NOT NULL'),
        ('6 proposed_parent_skill_id text'),
        ('7 message text NOT NULL'),
        ('8 status text NOT NULL DEFAULT ''pending''::text'),
        ('9 created_at timestamp with time zone NOT NULL DEFAULT now()'),
        ('10 read_at timestamp with time zone'),
        ('11 answered_at timestamp with time zone'),
        ('skill_messages_pkey PRIMARY KEY (id)'),
        ('skill_messages_id_check CHECK ((id <> ''''::text))'),
        ('skill_messages_tenant_id_check CHECK ((tenant_id <> ''''::text))'),
        ('skill_messages_from_user_id_check CHECK ((from_user_id <> ''''::text))'),
        ('skill_messages_to_user_id_check CHECK ((to_user_id <> ''''::text))'),
        ('skill_messages_message_check '
            'CHECK (((message ~ ''\S''::text) AND (char_length(message) <= 10000)))'),
        ('skill_messages_status_check '
            'CHECK ((status = ANY (ARRAY['
            '''pending''::text, ''accepted''::text, ''declined''::text])))'),
        ('skill_messages_created_at_check CHECK (isfinite(created_at))'),
        ('skill_messages_read_at_check CHECK (isfinite(read_at))'),
        ('skill_messages_answered_at_check CHECK (((answered_at IS NULL) '
            'OR (isfinite(answered_at) AND (status <> ''pending''::text))))'),
        ('skill_messages_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.tenants(id)'),
        ('skill_messages_from_user_id_fkey '
            'FOREIGN KEY (tenant_id, from_user_id) REFERENCES public.users(tenant_id, id)'),
        ('skill_messages_to_user_id_fkey '
            'FOREIGN KEY (tenant_id, to_user_id) REFERENCES public.users(tenant_id, id)'),
        ('skill_messages_to_user_stats ON tenant_id, to_user_id'),
        ('skill_messages_from_user_stats ON tenant_id, from_user_id'),
        ('skill_messages_subject_skill_id_fkey '
            'FOREIGN KEY (tenant_id, subject_skill_id) REFERENCES public.skills(tenant_id, id) '
            'ON DELETE CASCADE'),
        ('skill_messages_proposed_parent_skill_id_fkey '
            'FOREIGN KEY (tenant_id, proposed_parent_skill_id) '
            'REFERENCES public.skills(tenant_id, id) '
            'ON DELETE SET NULL (proposed_parent_skill_id)'),
        ('skill_messages_to_user_idx (to_user_id, tenant_id, created_at, id)'),
        ('skill_messages_unread_idx (to_user_id, tenant_id) INCLUDE (from_user_id) '
            'WHERE (read_at IS NULL)'),
        ('skill_messages_tenant_id_idx (tenant_id)'),
        ('skill_messages_from_user_idx (from_user_id, tenant_id, created_at, id)'),
        ('skill_messages_subject_skill_idx (subject_skill_id, tenant_id)'),
        ('skill_messages_proposed_parent_skill_idx (proposed_parent_skill_id, tenant_id) '
            'WHERE (proposed_parent_skill_id IS NOT NULL)')
    ) AS wanted (definition)
    WHERE wanted.definition NOT IN (
        SELECT concat(
            a.attnum, ' ', a.attname, ' ', format_type(a.atttypid, a.atttypmod),
            CASE WHEN a.attnotnull THEN ' NOT NULL' END,
            ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)
        )
        FROM pg_catalog.pg_attribute AS a
        LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = to_regclass('public.skill_messages') AND a.attnum > 0
        UNION ALL
        SELECT concat(c.conname, ' ', pg_get_constraintdef(c.oid))
        FROM pg_catalog.pg_constraint AS c
        WHERE c.conrelid = to_regclass('public.skill_messages') AND c.convalidated
        UNION ALL
        SELECT concat(r.relname, ' ', substring(pg_get_indexdef(i.indexrelid) FROM '\(.*'))
        FROM pg_catalog.pg_index AS i
        INNER JOIN pg_catalog.pg_class AS r ON r.oid = i.indexrelid
        WHERE i.indrelid = to_regclass('public.skill_messages') AND i.indisvalid
        UNION ALL
        SELECT concat(
            s.stxname, ' ', substring(pg_get_statisticsobjdef(s.oid) FROM 'ON .*(?= FROM)')
        )
        FROM pg_catalog.pg_statistic_ext AS s
        WHERE s.stxrelid = to_regclass('public.skill_messages')
    );

    IF v_missing IS NOT NULL THEN
        RAISE EXCEPTION 'public.skill_messages is missing, or lacks: %', v_missing;
    END IF;
END;
$$;

ROLLBACK;
