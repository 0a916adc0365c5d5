-- Notifications: off as deployed, switched by the owner of the table alone; who is told what, and
-- never any content; and nothing that a send could fail for.

BEGIN;
\ir ../include/fixture.psql
SELECT plan(70);

CREATE FUNCTION switches() RETURNS text
LANGUAGE sql
AS $$
    SELECT coalesce(string_agg(format('%s %s', tgname, CASE tgenabled WHEN 'O' THEN 'on'
        ELSE tgenabled::text END), ', ' ORDER BY tgname), 'off')
    FROM pg_trigger WHERE tgrelid = 'skill_messages'::regclass AND tgname LIKE 'notify%'
$$;

CREATE TABLE setting AS SELECT current_setting('lock_timeout') AS before;

SELECT is_unless(
    'the host has switched them: ' || nullif(switches(), 'off'),
    switches(), 'off', 'off, as deployed: there are no such triggers'
);

-- From here on they are off, whatever the host wants.
DO $$ BEGIN PERFORM switch_skill_message_notifications(false); END $$;
CALL set_triggers_aside();

DO $$ BEGIN PERFORM switch_skill_message_notifications(true); END $$;

SELECT is(
    (SELECT regexp_replace(pg_get_triggerdef(oid), '^CREATE TRIGGER \w+ ', '') FROM pg_trigger
    WHERE tgrelid = 'skill_messages'::regclass AND tgname = name),
    definition, name
)
FROM (VALUES
    ('notify_sent', 'AFTER INSERT ON public.skill_messages FOR EACH ROW '
        'EXECUTE FUNCTION skill_messages_private.notify_skill_message(''skill_message_sent'')'),
    ('notify_decided', 'AFTER UPDATE ON public.skill_messages FOR EACH ROW '
        'WHEN ((new.status IS DISTINCT FROM old.status)) '
        'EXECUTE FUNCTION skill_messages_private.notify_skill_message('
        '''skill_message_decided'')')
) AS triggers (name, definition);

DO $$ BEGIN PERFORM switch_skill_message_notifications(false); END $$;

-- What is signalled can be heard after a commit only, so listen at the source: a pg_notify() of the
-- test's own, which writes down what it gets and then calls the real one, for its limits.
CREATE TABLE signal (
    number integer GENERATED ALWAYS AS IDENTITY, channel text, payload text
);

CREATE FUNCTION skill_messages_test.pg_notify(channel text, payload text) RETURNS void
LANGUAGE sql SECURITY DEFINER
AS $$
    INSERT INTO skill_messages_test.signal (channel, payload) VALUES ($1, $2);
    SELECT pg_catalog.pg_notify($1, $2);
$$;

ALTER FUNCTION skill_messages_private.notify_skill_message()
SET search_path = skill_messages_test, pg_catalog, pg_temp;

CREATE FUNCTION heard() RETURNS text
LANGUAGE sql SECURITY DEFINER
SET search_path = skill_messages_test
AS $$
    WITH heard AS (DELETE FROM signal RETURNING number, channel, payload)
    SELECT coalesce(string_agg(channel || ' ' || payload::jsonb, '; ' ORDER BY number), 'nothing')
    FROM heard
$$;

-- Off: a send and a decision are heard by nobody.
SELECT is(act('app', 'acme', me, statement), expected, format('off: %s', statement))
FROM (VALUES
    ('ann', $$SELECT send_skill_message('ann', 'ben', 'knots', 'Secret', id => 'off')$$, 'off'),
    ('ben', $$SELECT id FROM update_message_status('off', 'accepted')$$, 'off')
) AS story (me, statement, expected);

SELECT is(heard(), 'nothing', 'off means nothing');

-- Who may switch.
SELECT is(
    attempt(actor, 'acme', 'ann', 'SELECT switch_skill_message_notifications(true), '
        'switches()'),
    expected, actor || ' switches on'
)
FROM (VALUES
    ('owner', ',notify_decided on, notify_sent on'),
    ('superuser', ',notify_decided on, notify_sent on'),
    ('service', '42501'), ('service login', '42501'), ('app', '42501'), ('both', '42501'),
    ('retention', '42501'), ('monitor', '42501'), ('nobody', '42501')
) AS actors (actor, expected);

GRANT EXECUTE ON FUNCTION switch_skill_message_notifications(boolean) TO PUBLIC;

SELECT is(
    attempt(actor, 'acme', 'ann', format('SELECT switch_skill_message_notifications(%L)', new)),
    '42501', format('%s, granted the function by mistake, switches to %s', actor, new)
)
FROM (VALUES ('service'), ('app'), ('retention'), ('nobody')) AS actors (actor)
CROSS JOIN (VALUES (true), (false)) AS switches (new);

-- Neither can anybody be told a tale: the trigger's function is called by nobody.
SELECT is(
    attempt(actor, 'acme', 'ann', 'SELECT skill_messages_private.notify_skill_message()'), expected,
    actor || ' calls the trigger''s function')
FROM (VALUES ('service', '42501'), ('app', '42501'), ('retention', '42501'), ('nobody', '42501'),
    ('owner', '0A000')) AS actors (actor, expected);

-- Neither on nor off is a mistake, and switches nothing, whichever it was.
SELECT is(
    complaint(actor, 'acme', 'ann', format('SELECT switch_skill_message_notifications(%s), '
        'switch_skill_message_notifications(NULL)', before)),
    '22023 switched_on is null', format('%s switches to null after %s', actor, before)
)
FROM (VALUES ('owner'), ('superuser')) AS actors (actor)
CROSS JOIN (VALUES ('true'), ('false')) AS switches (before);

SELECT is(switches(), 'off', 'they are off still');

SELECT is(
    act('owner', '', '', format('SELECT switch_skill_message_notifications(switched_on => %L)',
        new)) || switches(),
    expected, format('the owner switches to %L', new)
)
FROM (VALUES
    (1, true, 'notify_decided on, notify_sent on'),
    (2, true, 'notify_decided on, notify_sent on'),
    (3, false, 'off'),
    (4, false, 'off'),
    (5, true, 'notify_decided on, notify_sent on')
) AS switches (number, new, expected)
ORDER BY number;

-- What somebody else did to them, the switch mends.
ALTER TABLE skill_messages DISABLE TRIGGER notify_sent;
DROP TRIGGER notify_decided ON skill_messages;

SELECT is(
    act('owner', '', '', 'SELECT switch_skill_message_notifications(true)') || switches(),
    'notify_decided on, notify_sent on', 'half off, half disabled, they are switched on'
);

SELECT is(current_setting('lock_timeout'), before, 'what comes after it waits for locks as before')
FROM setting;

-- Nor does it say so for the session: then the value would outlive the SET clause of a function.
CREATE FUNCTION switches_within() RETURNS void LANGUAGE plpgsql
SET lock_timeout = '7s'
AS $$ BEGIN PERFORM switch_skill_message_notifications(false); END $$;
SELECT is(attempt('owner', '', '', 'SELECT switches_within(), current_setting(''lock_timeout'')'),
    ',' || before, 'and it sets that for the transaction only')
FROM setting;

-- On: what is heard of each step, and by whom it is meant. Exactly tenant, user and message.
SELECT is(
    act(actor, 'acme', me, statement) || ' -> ' || heard(), gave || ' -> ' || heard,
    format('on: %s: %s', actor, one_line(statement))
)
FROM (VALUES
    (1, 'app', 'ann', $$SELECT send_skill_message('ann', 'ben', 'knots', 'Secret', id => 'on')$$,
        'on', 'skill_message_sent {"user_id": "ben", "tenant_id": "acme", "message_id": "on"}'),
    (2, 'app', 'ann', $$SELECT send_skill_message('ann', 'ben', 'knots', 'Secret', id => 'on')$$,
        'on', 'nothing'),
    (3, 'app', 'ann', $$SELECT send_skill_message('ann', 'ben', 'knots', 'Else', id => 'on')$$,
        'SM004', 'nothing'),
    (4, 'app', 'ben', $$SELECT mark_message_read('on') <= now()$$, 'true', 'nothing'),
    (5, 'app', 'ben', $$SELECT id FROM update_message_status('on', 'declined')$$,
        'on', 'skill_message_decided {"user_id": "ann", "tenant_id": "acme", "message_id": "on"}'),
    (6, 'app', 'ben', $$SELECT id FROM update_message_status('on', 'accepted')$$,
        'SM003', 'nothing'),
    (7, 'service', '', $$UPDATE skill_messages SET status = 'accepted' WHERE id = 'a3'$$, '1 rows',
        'skill_message_decided {"user_id": "ben", "tenant_id": "acme", "message_id": "a3"}'),
    (8, 'service', '', $$UPDATE skill_messages SET status = 'accepted' WHERE id = 'a3'$$, '1 rows',
        'nothing'),
    (9, 'service', '', $$
        INSERT INTO skill_messages VALUES
        ('orm', 'acme', 'ann', 'cid', 'knots', NULL, 'Secret', 'pending', now(), NULL)
        $$, '1 rows',
        'skill_message_sent {"user_id": "cid", "tenant_id": "acme", "message_id": "orm"}'),
    (10, 'service', '', $$SELECT mark_messages_read('ben')$$, '2', 'nothing'),
    (11, 'app', 'cid', $$
        SELECT send_skill_messages('[
            {"from_user_id": "cid", "to_user_id": "ben", "subject_skill_id": "knots",
             "message": "Secret", "id": "two"},
            {"from_user_id": "cid", "to_user_id": "ann", "subject_skill_id": "knots",
             "message": "Secret", "id": "one"}
        ]')$$, '["two","one"]',
        'skill_message_sent {"user_id": "ann", "tenant_id": "acme", "message_id": "one"}; '
        'skill_message_sent {"user_id": "ben", "tenant_id": "acme", "message_id": "two"}'),
    (12, 'app', 'ann', $$SELECT send_skill_message('ann', 'ben', 'knots', '')$$, '23514',
        'nothing'),
    (13, 'service', '', $$SELECT send_skill_message('ann', 'ben', 'knots', 'x', id => E'"\n''\\')$$,
        E'"\n''\\',
        'skill_message_sent '
        '{"user_id": "ben", "tenant_id": "acme", "message_id": "\"\n''\\"}'),
    (14, 'retention', '', $$SELECT * FROM erase_user_messages('ben')$$, '4,5', 'nothing'),
    (15, keeper('skills'), '', 'DELETE FROM skills WHERE id = ''ropes'''
        || keeps_to('skills', 'acme'), '1 rows', 'nothing'),
    (16, 'retention', '', $$SELECT skill_messages_private.delete_skill_messages('acme',
        'infinity', 99, true, true, false) > 0$$, 'true', 'nothing')
) AS story (step, actor, me, statement, gave, heard)
ORDER BY step;

-- Users whose ids are too long for a payload, by bytes and once escaped: messages to them are sent
-- and decided without a signal. The payload without the user's id has 59 bytes, of 7,999. A host
-- may not take such ids.
CREATE TABLE long_id (number, id, signalled, what, refused) AS
SELECT i.*, refusal(format('CALL add_user(''acme'', %L, ''Long'')', i.id))
FROM (VALUES
    (1, repeat('x', 7940), true, 'the longest id that is signalled'),
    (2, repeat('y', 7941), false, 'an id one byte too long is not'),
    (3, repeat('z', 20000), false, 'nor is one that is far too long'),
    (4, repeat('é', 3970), true, 'two bytes a character count as two'),
    (5, repeat('é', 3971), false, 'two bytes a character, one too many'),
    (6, repeat('"', 3970), true, 'so do characters that JSON escapes'),
    (7, repeat('"', 3971), false, 'escaped characters, one too many')
) AS i (number, id, signalled, what);

DO $$
DECLARE
    v_id text;
BEGIN
    FOR v_id IN SELECT id FROM long_id WHERE refused IS NULL LOOP
        CALL add_user('acme', v_id, 'Long');
    END LOOP;
END;
$$;

SELECT CASE
    WHEN refused IS NULL THEN is(
        act('service', 'acme', '', format('SELECT send_skill_message(%L, %1$L, ''knots'', ''x'', '
            'id => %L)', id, 'u' || number)) || ' ' || (heard() <> 'nothing') || ' '
        || act('service', 'acme', '', format('SELECT id FROM update_message_status(%L, '
            '''accepted'')', 'u' || number)) || ' ' || (heard() <> 'nothing'),
        format('u%s %s u%1$s %2$s', number, signalled::text), what
    )
    ELSE skip('the host has no users with ids of such a length')
END
FROM long_id
ORDER BY number;

-- Ids of messages are short enough, whatever is in them.
SELECT is(
    act('service', 'acme', '', format('SELECT length(send_skill_message(''ann'', ''ben'', '
        '''knots'', ''x'', id => %L))', id)) || ' ' || (heard() <> 'nothing'),
    length(id) || ' true', what
)
FROM (VALUES
    (1, repeat('x', 255), 'the longest id of a message'),
    (2, repeat(E'\x01', 255), 'the longest one of all escapes')
) AS ids (number, id, what)
ORDER BY number;

-- And off again.
SELECT is(act('owner', '', '', 'SELECT switch_skill_message_notifications(false)'), '',
    'the owner switches off');

SELECT is(act('app', 'acme', me, statement), expected, format('off again: %s', statement))
FROM (VALUES
    ('ann', $$SELECT send_skill_message('ann', 'ben', 'knots', 'Secret', id => 'off 2')$$, 'off 2'),
    ('ben', $$SELECT id FROM update_message_status('off 2', 'accepted')$$, 'off 2')
) AS story (me, statement, expected);

SELECT is(heard(), 'nothing', 'off again means nothing');

SELECT * FROM finish();
ROLLBACK;
