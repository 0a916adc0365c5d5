// The same services by the functions. They also suit a login that is a member of skill_messages_app.

import { sql } from "drizzle-orm";
import type { Db } from "./db.js";

// Columns come under their names in SQL, and times as text: the rows are not of a Drizzle table.
export type Message = {
  id: string;
  from_user_id: string;
  from_user_name: string | null;
  message: string;
  status: string;
  created_at: string;
};

export const list = (db: Db, before?: Message) =>
  db.execute<Message>(sql`
    SELECT * FROM get_named_messages_for_user(
      max_messages => 2,
      before_created_at => ${before?.created_at ?? null},
      before_id => ${before?.id ?? null}
    )`);

export async function unreadCount(db: Db) {
  const [row] = await db.execute<{ unread: number }>(
    sql`SELECT get_unread_count_for_user()::integer AS unread`,
  );
  return row.unread;
}

export async function create(
  db: Db,
  message: { from: string; to: string; subject: string; parent?: string; text: string },
) {
  const [row] = await db.execute<{ id: string }>(sql`
    SELECT send_skill_message(
      from_user_id => ${message.from},
      to_user_id => ${message.to},
      subject_skill_id => ${message.subject},
      proposed_parent_skill_id => ${message.parent ?? null},
      message => ${message.text}
    ) AS id`);
  return row.id;
}

export async function markRead(db: Db, id: string) {
  const [row] = await db.execute<{ read_at: string }>(
    sql`SELECT mark_message_read(message_id => ${id}) AS read_at`,
  );
  return row.read_at;
}

export async function updateStatus(db: Db, id: string, status: "accepted" | "declined") {
  const [row] = await db.execute<{ new_status: string }>(
    sql`SELECT * FROM update_message_status(message_id => ${id}, status => ${status})`,
  );
  return row.new_status;
}
