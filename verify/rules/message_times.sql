-- Verify skill_messages:rules/message_times on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.set_skill_message_times()',
    '',
    'trigger',
    '{}'
);

SELECT skill_messages_private.verify_trigger(
    'times_of_birth', 'set_skill_message_times',
    'BEFORE INSERT WHEN (((new.created_at > clock_timestamp()) OR (new.created_at <> '
    'date_trunc(''milliseconds''::text, new.created_at))))'
);

SELECT skill_messages_private.verify_trigger(
    'times_of_life', 'set_skill_message_times',
    'BEFORE UPDATE WHEN ((((old.read_at IS NOT NULL) AND (new.read_at IS DISTINCT FROM '
    'old.read_at)) OR (new.read_at < old.created_at) OR (new.read_at > clock_timestamp()) OR '
    '(new.read_at <> date_trunc(''milliseconds''::text, new.read_at)) OR ((old.status = '
    '''pending''::text) AND (new.status <> ''pending''::text))))'
);

ROLLBACK;
