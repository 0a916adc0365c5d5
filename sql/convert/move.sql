-- For sql/convert.sql: a procedure that moves what report.sql has found to a table of its own.

-- Each transaction moves some that nobody else has locked, and looks once more whether they still
-- break a rule.
CREATE PROCEDURE pg_temp.move_bad_rows()
LANGUAGE plpgsql
AS $$
DECLARE
    v_ids text[] := ARRAY(SELECT b.id FROM pg_temp.bad AS b);
    v_locked text[];
    v_rows bigint;
    v_moved bigint := 0;
BEGIN
    IF v_ids <> '{}' AND to_regclass('public.skill_messages_rejected') IS NULL THEN
        CREATE TABLE public.skill_messages_rejected (
            id text NOT NULL,
            tenant_id text NOT NULL,
            from_user_id text NOT NULL,
            to_user_id text NOT NULL,
            subject_skill_id text NOT NULL,
            proposed_parent_skill_id text,
            message text NOT NULL,
            status text NOT NULL,
            created_at timestamptz NOT NULL,
            read_at timestamptz,
            reasons text[] NOT NULL
        );
        COMMENT ON TABLE public.skill_messages_rejected IS
        'Messages that broke a rule when skill_messages was converted, and which.';
        CALL skill_messages_private.revoke_from_all('public.skill_messages_rejected');
        ALTER TABLE public.skill_messages_rejected ENABLE ROW LEVEL SECURITY;
    END IF;

    WHILE v_ids <> '{}' LOOP
        FOR v_first IN 1 .. cardinality(v_ids) BY 500
        LOOP
            v_locked := ARRAY(
                SELECT m.id
                FROM public.skill_messages AS m
                WHERE m.id = ANY (v_ids[v_first:v_first + 499])
                FOR UPDATE SKIP LOCKED
            );
            WITH moved AS (
                DELETE FROM public.skill_messages AS m
                USING pg_temp.bad_rows(v_locked) AS b
                WHERE m.id = b.id
                RETURNING
                    m.id, m.tenant_id, m.from_user_id, m.to_user_id, m.subject_skill_id,
                    m.proposed_parent_skill_id, m.message, m.status, m.created_at, m.read_at,
                    b.reasons
            )
            INSERT INTO public.skill_messages_rejected (
                id, tenant_id, from_user_id, to_user_id, subject_skill_id,
                proposed_parent_skill_id, message, status, created_at, read_at, reasons
            )
            SELECT moved.* FROM moved;
            GET DIAGNOSTICS v_rows = ROW_COUNT;
            v_moved := v_moved + v_rows;
            COMMIT;
        END LOOP;

        v_ids := ARRAY(SELECT b.id FROM pg_temp.bad_rows(v_ids) AS b);
        EXIT WHEN v_ids = '{}';
        RAISE NOTICE 'waiting for transactions that have % of them locked', cardinality(v_ids);
        COMMIT;
        PERFORM pg_sleep(1);
    END LOOP;

    IF v_moved > 0 THEN
        RAISE NOTICE '% messages were moved to public.skill_messages_rejected', v_moved;
    END IF;
END;
$$;
