-- Revert skill_messages:tables/users_key from pg
--
-- Drops the index only if the deploy script made it. Not in a transaction: the host goes on.

CALL skill_messages_private.begin_change();

SELECT skill_messages_private.host_key_statements('users', false) \gexec
