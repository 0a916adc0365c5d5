-- Verify skill_messages:user_isolation on pg

BEGIN;

DO $$
DECLARE
    v_table CONSTANT regclass := to_regclass('public.skill_messages');
    v_me CONSTANT text := $p$current_setting('app.current_user_id'::text, true)$p$;
    v_sent CONSTANT text := format('(from_user_id = %s)', v_me);
    v_received CONSTANT text := format('(to_user_id = %s)', v_me);
    v_reads_own CONSTANT text := 'CASE ( SELECT ' || v_me || ' AS current_setting)'
        || ' WHEN to_user_id THEN true WHEN from_user_id THEN true ELSE false END';
BEGIN
    IF 3 <> (
        SELECT count(*)
        FROM pg_catalog.pg_policy
        WHERE polrelid = v_table AND NOT polpermissive
            AND polroles = ARRAY['skill_messages_app'::regrole::oid]
            AND (
                polname, polcmd,
                btrim(regexp_replace(
                    concat(pg_get_expr(polqual, polrelid)), '\s+', ' ', 'g'
                )),
                concat(pg_get_expr(polwithcheck, polrelid))
            ) IN (
                ('app_reads_own', 'r', v_reads_own, ''),
                ('app_sends_as_itself', 'a', '', v_sent),
                ('app_answers_received', 'w', v_received, v_received)
            )
    ) THEN
        RAISE EXCEPTION 'a policy of skill_messages_app is missing or different';
    END IF;

    IF NOT has_table_privilege('skill_messages_app', v_table, 'SELECT')
        OR has_table_privilege('skill_messages_app', v_table, 'INSERT, UPDATE, DELETE, TRUNCATE')
        OR ARRAY['read_at', 'status'] <> ARRAY(
            SELECT a.attname::text
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = v_table AND a.attnum > 0 AND NOT a.attisdropped
                AND has_column_privilege('skill_messages_app', v_table, a.attnum, 'UPDATE')
            ORDER BY 1
        )
        OR ARRAY['answered_at', 'created_at', 'read_at', 'status'] <> ARRAY(
            SELECT a.attname::text
            FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = v_table AND a.attnum > 0 AND NOT a.attisdropped
                AND NOT has_column_privilege('skill_messages_app', v_table, a.attnum, 'INSERT')
            ORDER BY 1
        ) THEN
        RAISE EXCEPTION 'skill_messages_app has more or fewer privileges than SELECT, '
            'INSERT (all but status and times), UPDATE (status, read_at)';
    END IF;
END;
$$;

ROLLBACK;
