-- Verify skill_messages_citus:policies on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $do$
DECLARE
    c_all CONSTANT text[] := ARRAY[
        'skill_messages_app', 'skill_messages_retention', 'skill_messages_service'
    ];
    c_tenant CONSTANT text := '(skill_messages_private.is_current_tenant(%1$s) '
        'AND (%1$s = current_setting(''app.current_tenant_id''::text, true))%2$s)';
    c_user CONSTANT text := ' AND CASE WHEN pg_has_role(''skill_messages_app''::name, '
        '''USAGE''::text) THEN %s ELSE true END';
    c_me CONSTANT text := 'current_setting(''app.current_user_id''::text, true)';
    v_text text;
    v_others text;
    v_table record;
BEGIN
    v_text := format(c_tenant, 'tenant_id', format(c_user, 'CASE ' || c_me
        || ' WHEN to_user_id THEN true WHEN from_user_id THEN true ELSE false END'));
    PERFORM skill_messages_private.verify_policy('public.skill_messages', 'tenant_reads',
        'permissive', 'select', c_all, v_text, NULL);
    v_text := format(c_tenant, 'tenant_id', format(c_user, '(from_user_id = ' || c_me || ')'));
    PERFORM skill_messages_private.verify_policy('public.skill_messages', 'tenant_sends',
        'permissive', 'insert', c_all, NULL, v_text);
    v_text := format(c_tenant, 'tenant_id', format(c_user, '(to_user_id = ' || c_me || ')'));
    PERFORM skill_messages_private.verify_policy('public.skill_messages', 'tenant_changes',
        'permissive', 'update', c_all, v_text, NULL);
    v_text := format(c_tenant, 'tenant_id', format(c_user, 'true'));
    PERFORM skill_messages_private.verify_policy('public.skill_messages', 'tenant_deletes',
        'permissive', 'delete', c_all, v_text, NULL);

    FOR v_table IN
        SELECT t.tenant_column, format('public.%I', c.relname) AS name
        FROM skill_messages_private.citus_tables() AS t
        INNER JOIN pg_class AS c ON t.relation = c.oid
        WHERE t.made_by_package AND c.relname <> 'skill_messages'
    LOOP
        v_text := format(c_tenant, v_table.tenant_column, '');
        PERFORM skill_messages_private.verify_policy(v_table.name, 'tenant_access', 'permissive',
            'all', '{skill_messages_app,skill_messages_service}', v_text, v_text);
    END LOOP;

    SELECT string_agg(format('%s on %s', p.polname, t.relation), ', ')
    INTO v_others
    FROM skill_messages_private.citus_tables() AS t
    INNER JOIN pg_policy AS p ON p.polrelid = t.relation
    WHERE NOT p.polpermissive OR (t.made_by_package AND p.polname NOT IN (
        'tenant_access', 'tenant_reads', 'tenant_sends', 'tenant_changes', 'tenant_deletes'
    ));
    IF v_others IS NOT NULL THEN
        RAISE EXCEPTION 'other policies, which shards would take for permissive: %', v_others;
    END IF;
END;
$do$;

ROLLBACK;
