-- Verify skill_messages:private/acts_as_app on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.acts_as_app()',
    '',
    'boolean',
    '{app,retention,service}',
    'stable'
);

ROLLBACK;
