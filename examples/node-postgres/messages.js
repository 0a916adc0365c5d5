// Skill messages with node-postgres. main.js shows how to use it.

import pg from "pg";

// The login is a member of skill_messages_app: it acts as one signed-in user.
export const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
pool.on("error", (error) => console.error("idle connection:", error.message));

// One transaction for this user: all of `work`, or nothing of it. The context ends with it, so the
// next user of the pooled connection does not inherit it.
export async function asUser(tenantId, userId, work) {
  const client = await pool.connect();
  let broken;
  try {
    await client.query("BEGIN");
    await client.query("SELECT set_skill_message_context(tenant_id => $1, user_id => $2)", [
      tenantId,
      userId,
    ]);
    const result = await work(client);
    // After an error that `work` has caught, COMMIT rolls back and raises nothing.
    const { command } = await client.query("COMMIT");
    if (command !== "COMMIT") throw new Error("rolled back: a statement had failed");
    return result;
  } catch (error) {
    await client.query("ROLLBACK").catch((lost) => (broken = lost));
    throw error;
  } finally {
    client.release(broken);
  }
}

// Newest first. `before` is the last message of the page before.
export async function inbox(client, { size = 50, before } = {}) {
  const { rows } = await client.query(
    `SELECT * FROM get_named_messages_for_user(
       max_messages => $1, before_created_at => $2, before_id => $3
     )`,
    [size, before?.created_at, before?.id],
  );
  return rows;
}

// An integer of 64 bits would come as a string.
export async function unreadCount(client) {
  const { rows } = await client.query("SELECT get_unread_count_for_user()::integer AS unread");
  return rows[0].unread;
}

// With an `id` of your own a retry is safe: it stores nothing and returns the same id.
export async function send(client, { from, to, subject, parent, text, id }) {
  const { rows } = await client.query(
    `SELECT send_skill_message(
       from_user_id => $1, to_user_id => $2, subject_skill_id => $3, message => $4,
       proposed_parent_skill_id => $5, id => $6
     ) AS id`,
    [from, to, subject, text, parent, id],
  );
  return rows[0].id;
}

// The decided message, to group the skills in the same transaction.
export async function decide(client, id, status) {
  const { rows } = await client.query(
    "SELECT * FROM update_message_status(message_id => $1, status => $2)",
    [id, status],
  );
  return rows[0];
}
