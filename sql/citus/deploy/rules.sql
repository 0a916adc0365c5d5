-- Deploy skill_messages_citus:rules to pg
-- requires: keys
--
-- Citus refuses ON DELETE SET NULL in a key that has the tenant. A trigger on skills does the same:
-- it fires on the shard, where the messages of the same tenants lie beside. Like the foreign key it
-- has to reach messages that the caller may not, so it runs as its owner, the superuser who
-- deploys. It takes no argument, nobody may call it, and it sets null what refers to the row that
-- is being deleted.
--
-- Citus writes the defaults of an INSERT out as columns, which skill_messages_app may not write.
-- So a trigger fills them instead.
--
-- Its shards do not know of the privilege to read ctid. So erase_user_messages() locks the messages
-- in the order of their ids, not in that of the table.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL "citus.enable_ddl_propagation" = off;

CALL skill_messages_private.short_locks('LOCK TABLE public.skills, public.skill_messages');

CREATE OR REPLACE FUNCTION skill_messages_private.forget_parent_skill() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_messages text := 'public.skill_messages';
BEGIN
    IF TG_RELID IS DISTINCT FROM to_regclass('public.skills') THEN
        SELECT format('%I.%I', TG_TABLE_SCHEMA, 'skill_messages_' || messages.shardid)
        INTO STRICT v_messages
        FROM pg_dist_shard AS skills
        INNER JOIN pg_dist_shard AS messages
            ON skills.shardminvalue = messages.shardminvalue
            AND messages.logicalrelid = 'public.skill_messages'::regclass
        WHERE skills.shardid = substring(TG_TABLE_NAME FROM '\d+$')::bigint;
    END IF;

    EXECUTE format(
        'UPDATE %s SET proposed_parent_skill_id = NULL '
        'WHERE tenant_id = $1 AND proposed_parent_skill_id = $2', v_messages
    ) USING OLD.tenant_id, OLD.id;
    RETURN OLD;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.forget_parent_skill() IS
'Sets the parent of messages to null whose skill is being deleted. For triggers only.';

CREATE OR REPLACE FUNCTION skill_messages_private.fill_skill_message_defaults() RETURNS trigger
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.status := coalesce(NEW.status, 'pending');
    NEW.created_at := coalesce(NEW.created_at, date_trunc('milliseconds', now()));
    RETURN NEW;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.fill_skill_message_defaults() IS
'Gives a new message its status and its time. For triggers only.';

CALL skill_messages_private.revoke_from_all('skill_messages_private.forget_parent_skill()');
CALL skill_messages_private.own_citus_function(
    'skill_messages_private.fill_skill_message_defaults()'
);

DO $do$
DECLARE
    v_statements text[];
BEGIN
    SELECT ARRAY[
        format('ALTER TABLE public.skill_messages DROP CONSTRAINT IF EXISTS %I', f.conname),
        format('ALTER TABLE public.skill_messages ADD CONSTRAINT %I ', f.conname)
        || pg_get_constraintdef(f.oid),
        format('COMMENT ON CONSTRAINT %I ON public.skill_messages IS %L', f.conname,
            obj_description(f.oid, 'pg_constraint')),
        pg_get_functiondef('public.erase_user_messages(text, boolean)'::regprocedure)
    ] || ARRAY(
        SELECT format('ALTER TABLE public.skill_messages ALTER %I SET DEFAULT %s',
            a.attname, pg_get_expr(d.adbin, d.adrelid))
        FROM pg_attrdef AS d
        INNER JOIN pg_attribute AS a ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE d.adrelid = f.conrelid AND a.attname IN ('status', 'created_at')
    )
    INTO v_statements
    FROM pg_constraint AS f
    WHERE f.conrelid = 'public.skill_messages'::regclass
        AND f.conname = 'skill_messages_proposed_parent_skill_id_fkey';

    PERFORM skill_messages_private.keep_before_citus('rules', v_statements);

    EXECUTE replace(pg_get_functiondef('public.erase_user_messages(text, boolean)'::regprocedure),
        'ORDER BY m.ctid', 'ORDER BY m.id');
    IF EXISTS (
        SELECT FROM pg_constraint
        WHERE conrelid = 'public.skill_messages'::regclass AND confdeltype = 'n'
    ) THEN
        EXECUTE v_statements[1];
        EXECUTE regexp_replace(v_statements[2], ' ON DELETE SET NULL.*$', '');
        EXECUTE v_statements[3];
    END IF;
END;
$do$;

ALTER TABLE public.skill_messages
ALTER status DROP DEFAULT,
ALTER created_at DROP DEFAULT;

CREATE OR REPLACE TRIGGER forget_parent_skill
BEFORE DELETE ON public.skills
FOR EACH ROW EXECUTE FUNCTION skill_messages_private.forget_parent_skill();

-- By its name it fires before the triggers that look at what it fills.
CREATE OR REPLACE TRIGGER born_complete
BEFORE INSERT ON public.skill_messages
FOR EACH ROW WHEN (new.status IS null OR new.created_at IS null)
EXECUTE FUNCTION skill_messages_private.fill_skill_message_defaults();

COMMIT;
