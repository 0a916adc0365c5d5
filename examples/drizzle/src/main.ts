// Proposals between authors, by the hand-written services and by the functions, as JSON lines.

import { sql } from "drizzle-orm";
import { asUser, db, forTenant } from "./db.js";
import * as functions from "./functions.js";
import { skillMessages } from "./messages.js";
import { skills, tenants, users } from "./schema.js";
import * as services from "./services.js";

const print = (step: string, value: object) => console.log(JSON.stringify({ step, ...value }));

// Drizzle wraps the database's error: code and hint are on its cause.
async function refusal(promise: Promise<unknown>) {
  try {
    await promise;
    return { code: null };
  } catch (error) {
    const { code, message, hint } = (error as Error).cause as Record<string, string>;
    return { code, message, hint };
  }
}

for (const tenantId of ["harbor", "crumb"]) {
  await db.insert(tenants).values({ id: tenantId, name: tenantId });
  await db.insert(users).values([
    { id: `${tenantId}-ann`, tenantId, name: "Ann" },
    { id: `${tenantId}-bob`, tenantId, name: "Bob" },
  ]);
  await db.insert(skills).values([
    { id: `${tenantId}-sql`, tenantId, name: "SQL" },
    { id: `${tenantId}-explain`, tenantId, name: "EXPLAIN" },
  ]);
}
const message = {
  tenantId: "harbor",
  fromUserId: "harbor-ann",
  toUserId: "harbor-bob",
  subjectSkillId: "harbor-sql",
  proposedParentSkillId: "harbor-explain",
  message: "Shall I go under yours?",
};

// By hand, the tenant as a startup option.
const harbor = forTenant("harbor");
const { id, createdAt } = await services.create(harbor, message);
const [listed] = await services.list(harbor, "harbor", "harbor-bob");
print("by hand: list", {
  from: listed.fromUser?.name,
  subject: listed.subjectSkill?.name,
  parent: listed.proposedParentSkill?.name,
  status: listed.status,
  sameTime: listed.createdAt.getTime() === createdAt.getTime(),
});
print("by hand: unread", { count: await services.unreadCount(harbor, "harbor", "harbor-bob") });
const first = await services.markRead(harbor, "harbor", id);
const again = await services.markRead(harbor, "harbor", id);
print("by hand: read twice", { same: first.readAt!.getTime() === again.readAt!.getTime() });
const accepted = await services.updateStatus(harbor, "harbor", id, "accepted");
print("by hand: accepted", { status: accepted.status });
print("by hand: conflict", await refusal(services.updateStatus(harbor, "harbor", id, "declined")));

// By the functions, tenant and user for each request: from the session of the signed-in user.
const asAnn = <T>(work: Parameters<typeof asUser<T>>[2]) => asUser("harbor", "harbor-ann", work);
const asBob = <T>(work: Parameters<typeof asUser<T>>[2]) => asUser("harbor", "harbor-bob", work);
const ids: string[] = [];
for (const text of ["One", "Two"]) {
  const proposal = { from: "harbor-ann", to: "harbor-bob", subject: "harbor-sql", text };
  ids.push(await asAnn((tx) => functions.create(tx, proposal)));
}
const page = await asBob((tx) => functions.list(tx));
const next = await asBob((tx) => functions.list(tx, page.at(-1)));
print("functions: list", { pages: [page, next].map((rows) => rows.map((row) => row.message)) });
print("functions: unread", { count: await asBob((tx) => functions.unreadCount(tx)) });
await asBob((tx) => functions.markRead(tx, ids[0]));
print("functions: unread", { count: await asBob((tx) => functions.unreadCount(tx)) });
const decide = (status: "accepted" | "declined") =>
  asBob((tx) => functions.updateStatus(tx, ids[0], status));
print("functions: declined", { status: await decide("declined") });
print("functions: conflict", await refusal(decide("accepted")));

// The startup option is a default. A request may choose another tenant, once, until it ends.
const crumb = await harbor.transaction(async (tx) => {
  await tx.execute(sql`SELECT set_skill_message_context('crumb', 'crumb-bob')`);
  const proposal = { from: "crumb-ann", to: "crumb-bob", subject: "crumb-sql", text: "Hello" };
  await functions.create(tx, proposal);
  return functions.list(tx);
});
print("another tenant", {
  within: crumb.map((row) => row.message),
  afterwards: (await services.list(harbor, "crumb", "crumb-bob")).length,
});

// Forgotten: nothing is visible, nothing is written, and a function says what is missing.
print("no context", {
  visible: (await db.select().from(skillMessages)).length,
  found: (await services.markRead(db, "harbor", ids[1])) !== undefined,
});
print("no context: create", await refusal(services.create(db, message)));
print("no context: functions", await refusal(functions.list(db)));

await db.$client.end();
await harbor.$client.end();
