-- Verify skill_messages:private/host_key_statements on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.host_key_statements(text, boolean)',
    'name text, wanted boolean DEFAULT true',
    'SETOF text',
    '{}',
    'stable'
);

ROLLBACK;
