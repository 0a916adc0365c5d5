-- Deploy skill_messages:operations/notifications to pg
-- requires: tables/skill_messages
-- requires: private/raise_read_only
-- requires: private/short_locks
--
-- Off until the owner of the table switches them on. While off they cost nothing, because the
-- triggers do not exist: pg_restore --disable-triggers would switch on one that is only disabled.
-- Deployed again, they stay as they are. LISTEN is not subject to row-level security, so the
-- payload has ids only, never content.

CALL skill_messages_private.begin_change();

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION skill_messages_private.notify_skill_message() RETURNS trigger
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_payload text := json_build_object(
        'tenant_id', new.tenant_id,
        'user_id', CASE TG_OP WHEN 'INSERT' THEN new.to_user_id ELSE new.from_user_id END,
        'message_id', new.id
    )::text;
BEGIN
    -- A longer payload would make the send fail. With such ids there is no signal.
    IF octet_length(v_payload) < 8000 THEN
        PERFORM pg_notify(TG_ARGV[0], v_payload);
    END IF;

    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.notify_skill_message() IS
'Notifies the channel that its trigger names. The payload is JSON: tenant_id, message_id, and as
user_id the user whom the news concerns. For triggers only.';

CALL skill_messages_private.revoke_from_all('skill_messages_private.notify_skill_message()');

CREATE OR REPLACE FUNCTION public.switch_skill_message_notifications(switched_on boolean)
RETURNS void
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_lock_timeout CONSTANT text := current_setting('lock_timeout');
    v_statement text;
BEGIN
    IF switched_on IS NULL THEN
        RAISE EXCEPTION 'switched_on is null'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Say true or false.';
    ELSIF current_setting('transaction_read_only') = 'on' THEN
        PERFORM skill_messages_private.raise_read_only('switch_skill_message_notifications');
    END IF;

    -- One statement each: Citus sends no two at once to its workers.
    FOREACH v_statement IN ARRAY CASE WHEN switched_on THEN ARRAY[
        'CREATE OR REPLACE TRIGGER notify_sent '
        'AFTER INSERT ON public.skill_messages '
        'FOR EACH ROW '
        'EXECUTE FUNCTION skill_messages_private.notify_skill_message(''skill_message_sent'')',
        'CREATE OR REPLACE TRIGGER notify_decided '
        'AFTER UPDATE ON public.skill_messages '
        'FOR EACH ROW WHEN (new.status IS DISTINCT FROM old.status) '
        'EXECUTE FUNCTION skill_messages_private.notify_skill_message(''skill_message_decided'')'
    ] ELSE ARRAY[
        'DROP TRIGGER IF EXISTS notify_sent ON public.skill_messages',
        'DROP TRIGGER IF EXISTS notify_decided ON public.skill_messages'
    ] END
    LOOP
        CALL skill_messages_private.short_locks(v_statement);
    END LOOP;
    -- For the rest of the transaction, the caller's own lock_timeout holds again.
    PERFORM set_config('lock_timeout', v_lock_timeout, true);
END;
$$;

COMMENT ON FUNCTION public.switch_skill_message_notifications(boolean) IS
'Switches notifications on or off, for all tenants. It locks the table for a moment. While the table
is in use, it tries again: for 5 minutes, or for as long as the setting skill_messages.patience
says.
switched_on: if true, each committed send notifies skill_message_sent for the recipient, and each
committed decision notifies skill_message_decided for the sender. If false, the triggers notify_sent
and notify_decided do not exist.
Errors: 22023 the argument is null; 25006 the transaction is read-only; 42501 only the owner of the
table may; 55P03 the table was in use all the time.';

CALL skill_messages_private.revoke_from_all(
    'public.switch_skill_message_notifications(boolean)'
);

COMMIT;
