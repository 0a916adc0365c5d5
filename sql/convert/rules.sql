-- For sql/convert.sql: the rules, and which messages break one.

-- What must be true of each message; the constraint that will keep it so, several conditions of one
-- name together; and what to say of a message that breaks it. Without a reason: what breaks it is
-- mended.
CREATE TEMPORARY TABLE rules (
    number integer GENERATED ALWAYS AS IDENTITY,
    conname text NOT NULL,
    foreign_key text,
    condition text NOT NULL,
    reason text
);

INSERT INTO pg_temp.rules (conname, foreign_key, condition, reason)
VALUES
(
    'skill_messages_id_check', NULL,
    $$octet_length(id) BETWEEN 1 AND 255$$,
    'id: empty, or over 255 bytes'
),
(
    'skill_messages_tenant_id_check', NULL,
    $$tenant_id <> ''$$,
    'tenant_id: empty'
),
(
    'skill_messages_from_user_id_check', NULL,
    $$from_user_id <> ''$$,
    'from_user_id: empty'
),
(
    'skill_messages_to_user_id_check', NULL,
    $$to_user_id <> ''$$,
    'to_user_id: empty'
),
(
    'skill_messages_message_check', NULL,
    $$char_length(message) <= 10000$$,
    'message: over 10,000 characters'
),
(
    'skill_messages_message_check', NULL,
    $$message ~ (
        '[^\u0001-\u0020\u007F-\u00A0\u00AD\u034F\u0600-\u0605\u061C\u06DD\u070F\u0890\u0891'
        '\u08E2\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F\u2000-\u200F\u2028-\u202F'
        '\u205F-\u206F\u2800\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\U000110BD'
        '\U000110CD\U00013430-\U0001343F\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A'
        '\U000E0000-\U000E0FFF]'
    )$$,
    'message: no visible character'
),
(
    'skill_messages_status_check', NULL,
    $$status IN ('pending', 'accepted', 'declined')$$,
    'status: not pending, accepted or declined'
),
(
    'skill_messages_created_at_check', NULL,
    $$created_at BETWEEN '1970-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999+00'$$,
    'created_at: not from 1970 to 9999'
),
(
    'skill_messages_read_at_check', NULL,
    $$read_at BETWEEN created_at AND '9999-12-31 23:59:59.999+00'$$,
    NULL
),
(
    'skill_messages_answered_at_check', NULL,
    $$answered_at IS NULL OR (
        answered_at >= created_at AND answered_at <= '9999-12-31 23:59:59.999+00'
        AND status <> 'pending'
    )$$,
    NULL
),
(
    'skill_messages_tenant_id_fkey',
    'FOREIGN KEY (tenant_id) REFERENCES public.tenants(id)',
    $$EXISTS (SELECT FROM public.tenants AS t WHERE t.id = m.tenant_id)$$,
    'tenant_id: no such tenant'
),
(
    'skill_messages_from_user_id_fkey',
    'FOREIGN KEY (tenant_id, from_user_id) REFERENCES public.users(tenant_id, id)',
    $$EXISTS (
        SELECT FROM public.users AS u
        WHERE u.tenant_id = m.tenant_id AND u.id = m.from_user_id
    )$$,
    'from_user_id: no user of this tenant'
),
(
    'skill_messages_to_user_id_fkey',
    'FOREIGN KEY (tenant_id, to_user_id) REFERENCES public.users(tenant_id, id)',
    $$EXISTS (
        SELECT FROM public.users AS u
        WHERE u.tenant_id = m.tenant_id AND u.id = m.to_user_id
    )$$,
    'to_user_id: no user of this tenant'
),
(
    'skill_messages_subject_skill_id_fkey',
    'FOREIGN KEY (tenant_id, subject_skill_id) REFERENCES public.skills(tenant_id, id) '
    'ON DELETE CASCADE',
    $$EXISTS (
        SELECT FROM public.skills AS s
        WHERE s.tenant_id = m.tenant_id AND s.id = m.subject_skill_id
    )$$,
    'subject_skill_id: no skill of this tenant'
),
(
    'skill_messages_proposed_parent_skill_id_fkey',
    'FOREIGN KEY (tenant_id, proposed_parent_skill_id) REFERENCES public.skills(tenant_id, id) '
    'ON DELETE SET NULL (proposed_parent_skill_id)',
    $$m.proposed_parent_skill_id IS NULL OR EXISTS (
        SELECT FROM public.skills AS s
        WHERE s.tenant_id = m.tenant_id AND s.id = m.proposed_parent_skill_id
    )$$,
    'proposed_parent_skill_id: no skill of this tenant'
);

-- A function, not a view: a view would stand in the way of the next steps.
CREATE FUNCTION pg_temp.bad_rows(among text[] DEFAULT NULL)
RETURNS TABLE (tenant_id text, id text, reasons text[])
LANGUAGE plpgsql
AS $$
BEGIN
    RETURN QUERY EXECUTE (
        SELECT format(
            'SELECT m.tenant_id, m.id, array_remove(ARRAY[%s], NULL) '
            'FROM public.skill_messages AS m '
            'WHERE ($1 IS NULL OR m.id = ANY ($1)) AND NOT (%s)',
            string_agg(format('CASE WHEN NOT (%s) THEN %L END', r.condition, r.reason), ', '
                ORDER BY r.number),
            string_agg(format('(%s)', r.condition), ' AND ' ORDER BY r.number)
        )
        FROM pg_temp.rules AS r
        WHERE r.reason IS NOT NULL
    ) USING among;
END;
$$;
