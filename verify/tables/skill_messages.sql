-- Verify skill_messages:tables/skill_messages on pg
--
-- Compares the definitions as the catalogue prints them, and names each one that is missing or
-- different.

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
-- Times in constraints are printed in it.
SET LOCAL timezone = 'UTC';

DO $$
DECLARE
    v_missing text;
BEGIN
    SELECT string_agg(wanted.definition, E'\n')
    INTO v_missing
    FROM (
        VALUES
        ('1 id text NOT NULL DEFAULT skill_messages_private.new_skill_message_id()'),
        ('2 tenant_id text NOT NULL'),
        ('3 from_user_id text NOT NULL'),
        ('4 to_user_id text NOT NULL'),
        ('5 subject_skill_id text NOT NULL'),
        ('6 proposed_parent_skill_id text'),
        ('7 message text NOT NULL'),
        ('8 status text NOT NULL DEFAULT ''pending''::text'),
        ('9 created_at timestamp with time zone NOT NULL '
            'DEFAULT date_trunc(''milliseconds''::text, now())'),
        ('10 read_at timestamp with time zone'),
        ('11 answered_at timestamp with time zone'),
        ('skill_messages_pkey PRIMARY KEY (id, tenant_id)'),
        ('skill_messages_id_check CHECK (((octet_length(id) >= 1) AND (octet_length(id) <= 255)))'),
        ('skill_messages_tenant_id_check CHECK ((tenant_id <> ''''::text))'),
        ('skill_messages_from_user_id_check CHECK ((from_user_id <> ''''::text))'),
        ('skill_messages_to_user_id_check CHECK ((to_user_id <> ''''::text))'),
        ('skill_messages_message_check CHECK (((char_length(message) <= 10000) AND (message ~ '
            '''[^\u0001-\u0020\u007F-\u00A0\u00AD\u034F\u0600-\u0605\u061C\u06DD\u070F\u0890\u0891'
            '\u08E2\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F\u2000-\u200F\u2028-\u202F\u205F-'
            '\u206F\u2800\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\U000110BD\U000110CD'
            '\U00013430-\U0001343F\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0000-'
            '\U000E0FFF]''::text)))'),
        ('skill_messages_status_check '
            'CHECK ((status = ANY (ARRAY['
            '''pending''::text, ''accepted''::text, ''declined''::text])))'),
        ('skill_messages_created_at_check CHECK (((created_at >= ''1970-01-01 '
            '00:00:00+00''::timestamp with time zone) AND (created_at <= ''9999-12-31 '
            '23:59:59.999+00''::timestamp with time zone)))'),
        ('skill_messages_read_at_check CHECK (((read_at >= created_at) AND (read_at <= '
            '''9999-12-31 23:59:59.999+00''::timestamp with time zone)))'),
        ('skill_messages_answered_at_check CHECK (((answered_at IS NULL) OR ((answered_at '
            '>= created_at) AND (answered_at <= ''9999-12-31 23:59:59.999+00''::timestamp with '
            'time zone) AND (status <> ''pending''::text))))'),
        ('skill_messages_to_user_stats {d,f} ON tenant_id, to_user_id'),
        ('skill_messages_from_user_stats {d,f} ON tenant_id, from_user_id'),
        ('skill_messages_to_user_idx '
            '(to_user_id, tenant_id, created_at, id COLLATE "C")'),
        ('skill_messages_unread_idx (to_user_id, tenant_id) INCLUDE (from_user_id) '
            'WHERE (read_at IS NULL)'),
        ('skill_messages_tenant_id_idx (tenant_id)'),
        ('skill_messages_from_user_idx '
            '(from_user_id, tenant_id, created_at, id COLLATE "C")'),
        ('skill_messages_subject_skill_idx (subject_skill_id, tenant_id)'),
        ('skill_messages_proposed_parent_skill_idx (proposed_parent_skill_id, tenant_id) '
            'WHERE (proposed_parent_skill_id IS NOT NULL)')
    ) AS wanted (definition)
    WHERE wanted.definition NOT IN (
        SELECT concat(
            row_number() OVER (ORDER BY a.attnum), ' ', a.attname, ' ',
            format_type(a.atttypid, a.atttypmod),
            CASE WHEN a.attnotnull THEN ' NOT NULL' END,
            ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)
        )
        FROM pg_attribute AS a
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = to_regclass('public.skill_messages')
            AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT concat(c.conname, ' ', pg_get_constraintdef(c.oid))
        FROM pg_constraint AS c
        WHERE c.conrelid = to_regclass('public.skill_messages') AND c.convalidated
        UNION ALL
        SELECT concat(r.relname, ' ', substring(pg_get_indexdef(i.indexrelid) FROM '\(.*'))
        FROM pg_index AS i
        INNER JOIN pg_class AS r ON r.oid = i.indexrelid
        WHERE i.indrelid = to_regclass('public.skill_messages') AND i.indisvalid
        UNION ALL
        SELECT concat(
            s.stxname, ' ', s.stxkind::text, ' ',
            substring(pg_get_statisticsobjdef(s.oid) FROM 'ON .*(?= FROM)')
        )
        FROM pg_statistic_ext AS s
        WHERE s.stxrelid = to_regclass('public.skill_messages')
    );

    IF v_missing IS NOT NULL THEN
        RAISE EXCEPTION 'public.skill_messages is missing, or lacks: %', v_missing;
    END IF;

    IF NOT EXISTS (
        SELECT
        FROM pg_class AS c
        INNER JOIN pg_namespace AS n ON n.nspowner = c.relowner
        WHERE c.oid = 'public.skill_messages'::regclass
            AND c.relrowsecurity AND c.relforcerowsecurity AND c.relpersistence = 'p'
            AND n.nspname = 'skill_messages_private'
    ) THEN
        RAISE EXCEPTION 'public.skill_messages does not force row-level security, is unlogged, or '
            'has another owner than the schema skill_messages_private';
    END IF;

    -- What sees every row, of all tenants.
    SELECT string_agg(extra.name, ', ')
    INTO v_missing
    FROM (
        SELECT 'the trigger ' || t.tgname AS name
        FROM pg_trigger AS t
        WHERE t.tgrelid = 'public.skill_messages'::regclass AND NOT t.tgisinternal
            AND t.tgname NOT IN (
                'born_pending_and_unread', 'times_of_birth', 'answered_once', 'times_of_life',
                'content_never_changes', 'notify_sent', 'notify_decided'
            )
        UNION ALL
        SELECT 'the rule ' || r.rulename
        FROM pg_rewrite AS r
        WHERE r.ev_class = 'public.skill_messages'::regclass
        UNION ALL
        -- Ids would be blocked by other tenants, and their upserts meet each other's rows.
        SELECT 'the unique index ' || i.indexrelid::regclass
        FROM pg_index AS i
        WHERE i.indrelid = 'public.skill_messages'::regclass AND i.indisunique
            AND NOT EXISTS (
                SELECT
                FROM pg_attribute AS a
                WHERE a.attrelid = i.indrelid AND a.attname = 'tenant_id'
                    AND a.attnum = ANY (i.indkey)
            )
        UNION ALL
        SELECT 'the child or parent table ' || i.inhrelid::regclass
        FROM pg_inherits AS i
        WHERE 'public.skill_messages'::regclass IN (i.inhrelid, i.inhparent)
    ) AS extra;
    IF v_missing IS NOT NULL THEN
        RAISE EXCEPTION 'public.skill_messages has what is not of this package: %', v_missing;
    END IF;

    SELECT string_agg(p.pubname, ', ')
    INTO v_missing
    FROM pg_publication_tables AS p
    WHERE p.schemaname = 'public' AND p.tablename = 'skill_messages';
    IF v_missing IS NOT NULL THEN
        RAISE NOTICE 'the messages of all tenants are published by: %', v_missing;
    END IF;

    IF EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = 'public.skill_messages'::regclass AND attname = 'message'
            AND attstattarget IS DISTINCT FROM 0
    ) THEN
        RAISE EXCEPTION 'statistics are kept of the texts'
            USING HINT = 'ALTER TABLE public.skill_messages ALTER message SET STATISTICS 0; '
                         'ANALYZE';
    END IF;
END;
$$;

ROLLBACK;
