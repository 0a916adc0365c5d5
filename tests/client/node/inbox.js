// An application with node-postgres. Prints what it saw as JSON; libpq's environment says where.
//
//     node inbox.js pages FUNCTION SIZE | mark | times ID | errors | types

import pg from "pg";

const TENANT = "acme";
const USER = "bob";

const client = new pg.Client();

// One transaction: the context, then the calls.
async function act(work) {
  await client.query("BEGIN");
  try {
    await client.query("SELECT set_skill_message_context($1, $2)", [TENANT, USER]);
    const result = await work();
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  }
}

async function rows(text, values) {
  return (await client.query(text, values)).rows;
}

const page = (size, before, name = "get_messages_for_user") =>
  act(() =>
    rows(
      `SELECT * FROM ${name}(max_messages => $1, before_created_at => $2, before_id => $3)`,
      [size, before?.created_at, before?.id],
    ),
  );

async function refused(work) {
  try {
    await act(work);
    return null;
  } catch (error) {
    return { code: error.code, message: error.message, hint: error.hint };
  }
}

const commands = {
  // The ids of all pages, each asked for with the Date of the last row as it came.
  async pages(name, size) {
    const ids = [];
    let last;
    do {
      const found = await page(Number(size), last, name);
      ids.push(...found.map((message) => message.id));
      last = found.at(-1);
    } while (last && ids.length < 1000);
    return ids;
  },

  // Marks all that was on a screen that does not show the newest message yet.
  async mark() {
    const [newest] = await page(1);
    const screen = await page(3, newest);
    const [{ marked }] = await act(() =>
      rows("SELECT mark_messages_read(up_to_created_at => $1) AS marked", [screen[0].created_at]),
    );
    return { newest: newest.id, screen: screen.map((message) => message.id), marked };
  },

  // The times of a decided message: as they are, through JSON, and found again by the server.
  async times(id) {
    return act(async () => {
      await rows("SELECT mark_message_read($1)", [id]);
      await rows("SELECT update_message_status(message_id => $1, status => $2)", [id, "accepted"]);
      const [message] = await rows("SELECT * FROM get_skill_message($1)", [id]);
      const { created_at, read_at, answered_at } = JSON.parse(JSON.stringify(message));
      const back = [created_at, read_at, answered_at].map((text) => new Date(text));
      const [{ found }] = await rows(
        `SELECT count(*) AS found FROM get_skill_message($1)
        WHERE (created_at, read_at, answered_at) = ($2, $3, $4)`,
        [id, ...back],
      );
      return { created_at, read_at, answered_at, found };
    });
  },

  async errors() {
    return [
      await refused(() => rows("SELECT mark_message_read($1)", ["nowhere"])),
      await refused(async () => {
        await rows("SELECT update_message_status($1, $2)", ["m0", "accepted"]);
        await rows("SELECT update_message_status($1, $2)", ["m0", "declined"]);
      }),
    ];
  },

  async types() {
    return act(async () => {
      const [{ id }] = await rows(
        `SELECT send_skill_message(from_user_id => $1, to_user_id => $2, subject_skill_id => $3,
          message => $4) AS id`,
        [USER, "ann", "sql", "Shall I go under yours?"],
      );
      const [{ unread }] = await rows("SELECT get_unread_count_for_user() AS unread");
      const [message] = await rows("SELECT * FROM get_skill_message($1)", [id]);
      return { id, unread, isDate: message.created_at instanceof Date, readAt: message.read_at };
    });
  },
};

await client.connect();
const [command, ...values] = process.argv.slice(2);
console.log(JSON.stringify(await commands[command](...values)));
await client.end();
