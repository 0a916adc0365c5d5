-- Verify skill_messages:monitoring/skill_messages_version on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'public.skill_messages_version()',
    '',
    'TABLE(release text, last_change text)',
    '{app,pg_monitor,retention,service}',
    'immutable'
);

ROLLBACK;
