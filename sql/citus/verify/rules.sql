-- Verify skill_messages_citus:rules on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
BEGIN
    PERFORM skill_messages_private.verify_trigger('born_complete', 'fill_skill_message_defaults',
        'BEFORE INSERT WHEN (((new.status IS NULL) OR (new.created_at IS NULL)))');

    IF NOT EXISTS (
        SELECT FROM pg_trigger
        WHERE tgrelid = 'public.skills'::regclass AND tgname = 'forget_parent_skill'
            AND tgenabled = 'O'
            AND tgfoid = 'skill_messages_private.forget_parent_skill()'::regprocedure
    ) THEN
        RAISE EXCEPTION 'the trigger forget_parent_skill on skills is missing or disabled';
    ELSIF NOT EXISTS (
        SELECT FROM pg_proc AS p
        INNER JOIN pg_roles AS r ON p.proowner = r.oid AND r.rolsuper
        WHERE p.oid = 'skill_messages_private.forget_parent_skill()'::regprocedure
            AND p.prosecdef AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']
            AND NOT EXISTS (
                SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS g
                WHERE g.grantee <> p.proowner
            )
    ) THEN
        RAISE EXCEPTION 'forget_parent_skill() is open to others, or does not reach every message';
    ELSIF NOT EXISTS (
        SELECT FROM pg_constraint
        WHERE conrelid = 'public.skill_messages'::regclass AND convalidated AND confdeltype = 'a'
            AND conname = 'skill_messages_proposed_parent_skill_id_fkey'
    ) THEN
        RAISE EXCEPTION 'the foreign key to the proposed parent is missing or different';
    END IF;
END;
$$;

ROLLBACK;
