-- Deploy skill_messages:private/add_foreign_key to pg
-- requires: private/short_locks

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

-- FORCE binds the owner too, who would compare the messages that it sees, none, with the users that
-- it sees, none. Where there are rows to compare, it is set aside in the same statement.
CREATE OR REPLACE PROCEDURE skill_messages_private.add_foreign_key(name text, definition text)
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_statement text :=
        format('ALTER TABLE public.skill_messages VALIDATE CONSTRAINT %I', name);
    v_validated CONSTANT boolean := (
        SELECT convalidated
        FROM pg_constraint
        WHERE conrelid = 'public.skill_messages'::regclass AND conname = name
    );
    v_forced regclass;
BEGIN
    IF v_validated THEN
        RETURN;
    ELSIF v_validated IS NULL THEN
        CALL skill_messages_private.short_locks(format(
            'ALTER TABLE public.skill_messages ADD CONSTRAINT %I %s NOT VALID', name, definition
        ));
    END IF;

    FOR v_forced IN
        SELECT t.oid::regclass
        FROM pg_constraint AS c
        INNER JOIN pg_class AS t ON t.oid IN (c.conrelid, c.confrelid)
        WHERE c.conrelid = 'public.skill_messages'::regclass AND c.conname = name
            AND t.relforcerowsecurity AND pg_relation_size(c.conrelid) > 0
    LOOP
        v_statement := format('ALTER TABLE %1$s NO FORCE ROW LEVEL SECURITY; %2$s; '
            'ALTER TABLE %1$s FORCE ROW LEVEL SECURITY', v_forced, v_statement);
    END LOOP;

    CALL skill_messages_private.short_locks(v_statement);
END;
$$;

COMMENT ON PROCEDURE skill_messages_private.add_foreign_key IS
'Gives skill_messages a foreign key that it lacks, and checks the rows that are there.
name: of the constraint. definition: FOREIGN KEY …
Errors: 23503 a row breaks it; 55P03 the host''s table was in use all the time.';

CALL skill_messages_private.revoke_from_all('skill_messages_private.add_foreign_key(text, text)');

COMMIT;
