// A proposal from one author to another, line by line as JSON.

import { asUser, decide, inbox, pool, send, unreadCount } from "./messages.js";

// In your application they come from the session of the signed-in user, never from the request.
const maya = { tenantId: "demo-harbor", userId: "demo-maya" };
const tomas = { tenantId: "demo-harbor", userId: "demo-tomas" };
const odile = { tenantId: "demo-crumb", userId: "demo-odile" };

const as = ({ tenantId, userId }, work) => asUser(tenantId, userId, work);
const print = (step, value) => console.log(JSON.stringify({ step, ...value }));

// What a web application turns into a response: SM001 401, SM002 404, SM003 and SM004 409.
async function refusal(promise) {
  try {
    await promise;
    return { code: null };
  } catch ({ code, message, hint }) {
    return { code, message, hint };
  }
}

const ids = [];
for (const text of ["Shall I go under yours?", "Or this one?", "Or both?"]) {
  const message = { from: "demo-maya", to: "demo-tomas", subject: "demo-slow-postgres", text };
  ids.push(await as(maya, (client) => send(client, { ...message, parent: "demo-explain" })));
}
print("sent", { count: ids.length });

const first = await as(tomas, (client) => inbox(client, { size: 2 }));
const second = await as(tomas, (client) => inbox(client, { size: 2, before: first.at(-1) }));
print("inbox", {
  unread: await as(tomas, unreadCount),
  pages: [first, second].map((page) => page.map((row) => `${row.from_user_name}: ${row.message}`)),
});

const decided = await as(tomas, (client) => decide(client, ids[0], "accepted"));
print("accepted", { skill: decided.subject_skill_id, under: decided.proposed_parent_skill_id });
print("conflict", await refusal(as(tomas, (client) => decide(client, ids[0], "declined"))));
print("another tenant", await refusal(as(odile, (client) => decide(client, ids[1], "declined"))));

// An error that is caught inside does not turn into a success that stored nothing.
const caught = as(maya, async (client) => {
  await refusal(decide(client, "nowhere", "accepted"));
});
print("caught inside", await refusal(caught));

// Forgotten: nothing is visible, and a function says what is missing.
const { rowCount } = await pool.query("SELECT * FROM skill_messages");
print("no context", { visible: rowCount, ...(await refusal(inbox(pool))) });
print("no tenant", await refusal(asUser(undefined, "demo-maya", inbox)));
print("no user", await refusal(asUser("demo-harbor", undefined, inbox)));

await pool.end();
