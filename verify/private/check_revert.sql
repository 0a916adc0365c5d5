-- Verify skill_messages:private/check_revert on pg

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;

SELECT skill_messages_private.verify_function(
    'skill_messages_private.rehearse_revert(boolean)', 'IN discard boolean', NULL, '{}'
);

SELECT skill_messages_private.verify_function(
    'skill_messages_private.check_revert(text)', 'IN messages text', NULL, '{}'
);

ROLLBACK;
