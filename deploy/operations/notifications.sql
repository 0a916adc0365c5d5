-- Deploy skill_messages:operations/notifications to pg
-- requires: tables/skill_messages
-- requires: private/raise_read_only
-- requires: private/short_locks
--
-- Off until the owner of the table switches them on, and free while off: what is off is absent. A
-- trigger that is only disabled is switched on by pg_restore --disable-triggers. Deployed again,
-- they stay as they are. Who listens is not subject to row-level security, hence ids only, never
-- content.

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
    -- A longer payload would fail the send; whoever has such ids does without the signal.
    IF octet_length(v_payload) < 8000 THEN
        PERFORM pg_notify(TG_ARGV[0], v_payload);
    END IF;

    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION skill_messages_private.notify_skill_message() IS
'Signals a message to the channel that its trigger names, for whom it is news: tenant_id, user_id
and message_id as JSON. For triggers only.';

CALL skill_messages_private.revoke_from_all('skill_messages_private.notify_skill_message()');

CREATE OR REPLACE FUNCTION public.switch_skill_message_notifications(switched_on boolean)
RETURNS void
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_lock_timeout CONSTANT text := current_setting('lock_timeout');
BEGIN
    IF switched_on IS NULL THEN
        RAISE EXCEPTION 'switched_on is null'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Say true or false.';
    ELSIF current_setting('transaction_read_only') = 'on' THEN
        PERFORM skill_messages_private.raise_read_only('switch_skill_message_notifications');
    END IF;

    CALL skill_messages_private.short_locks(CASE WHEN switched_on THEN
        'CREATE OR REPLACE TRIGGER notify_sent '
        'AFTER INSERT ON public.skill_messages '
        'FOR EACH ROW '
        'EXECUTE FUNCTION skill_messages_private.notify_skill_message(''skill_message_sent''); '
        'CREATE OR REPLACE TRIGGER notify_decided '
        'AFTER UPDATE ON public.skill_messages '
        'FOR EACH ROW WHEN (new.status IS DISTINCT FROM old.status) '
        'EXECUTE FUNCTION skill_messages_private.notify_skill_message(''skill_message_decided'')'
    ELSE
        'DROP TRIGGER IF EXISTS notify_sent ON public.skill_messages; '
        'DROP TRIGGER IF EXISTS notify_decided ON public.skill_messages'
    END);
    -- What the caller does next in this transaction waits as long as it did.
    PERFORM set_config('lock_timeout', v_lock_timeout, true);
END;
$$;

COMMENT ON FUNCTION public.switch_skill_message_notifications(boolean) IS
'Switches notifications on or off, for all tenants. Locks the table for a moment, when it finds one
at which nobody else does: for that it tries again for 5 minutes, or as long as the setting
skill_messages.patience says.
switched_on: whether a committed send signals skill_message_sent to the recipient, and a committed
decision skill_message_decided to the sender. Off, the triggers notify_sent and notify_decided do
not exist.
Errors: 22023 the argument is null; 25006 the transaction is read-only; 42501 only the owner of the
table may; 55P03 the table was in use all the time.';

CALL skill_messages_private.revoke_from_all(
    'public.switch_skill_message_notifications(boolean)'
);

COMMIT;
