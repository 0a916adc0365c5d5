-- Deploy skill_messages:private/short_locks to pg
-- requires: private/revoke_from_all
--
-- The host's tables are in use. While a statement waits for a lock on one, all others queue behind
-- it. So it waits for a moment only, lets them pass, and tries again.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE PROCEDURE skill_messages_private.short_locks(statement text)
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_patience CONSTANT interval := coalesce(
        nullif(current_setting('skill_messages.patience', true), ''), '5 minutes'
    )::interval;
    v_started CONSTANT timestamptz := clock_timestamp();
    v_told boolean := false;
BEGIN
    LOOP
        -- What failed gives back its locks when the block rolls back.
        BEGIN
            PERFORM set_config('lock_timeout', '100ms', true);
            EXECUTE statement;
            RETURN;
        EXCEPTION
            WHEN lock_not_available THEN
                IF clock_timestamp() > v_started + v_patience THEN
                    RAISE EXCEPTION 'within % the table was never free for: %',
                        v_patience, statement
                        USING ERRCODE = 'lock_not_available',
                              HINT = 'End the transactions that hold locks on the table (see '
                                     'pg_stat_activity.xact_start), and run it again: it goes on '
                                     'where it stopped. To wait longer: '
                                     'PGOPTIONS="-c skill_messages.patience=1h"';
                END IF;
        END;

        IF NOT v_told THEN
            RAISE NOTICE 'waiting until the table is free: %', statement;
            v_told := true;
        END IF;

        PERFORM pg_sleep(0.2 + random() * 0.2);
    END LOOP;
END;
$$;

COMMENT ON PROCEDURE skill_messages_private.short_locks IS
'Runs a statement that locks a table in use. It waits at most 100 ms for each lock, so that nobody
queues behind it for longer. Then it tries again: for 5 minutes, or for as long as the setting
skill_messages.patience says.
Errors: 55P03 the table was in use all the time; those of the statement.';

CALL skill_messages_private.revoke_from_all('skill_messages_private.short_locks(text)');

COMMIT;
