// Services as an application writes them by hand: Drizzle on the table itself. Row-level security
// keeps them to the tenant of the context; the login is a member of skill_messages_service.

import { and, count, desc, eq, isNull } from "drizzle-orm";
import type { Db } from "./db.js";
import { skillMessages } from "./messages.js";

export const list = (db: Db, tenantId: string, userId: string) =>
  db.query.skillMessages.findMany({
    // The tenant as well: without it PostgreSQL uses no index.
    where: and(eq(skillMessages.tenantId, tenantId), eq(skillMessages.toUserId, userId)),
    orderBy: [desc(skillMessages.createdAt), desc(skillMessages.id)],
    with: { fromUser: true, subjectSkill: true, proposedParentSkill: true },
    limit: 50,
  });

export async function unreadCount(db: Db, tenantId: string, userId: string) {
  const { toUserId, readAt } = skillMessages;
  const [row] = await db
    .select({ unread: count() })
    .from(skillMessages)
    .where(and(eq(skillMessages.tenantId, tenantId), eq(toUserId, userId), isNull(readAt)));
  return row.unread;
}

export async function create(db: Db, message: typeof skillMessages.$inferInsert) {
  const [row] = await db.insert(skillMessages).values(message).returning();
  return row;
}

export async function markRead(db: Db, tenantId: string, id: string) {
  const [row] = await db
    .update(skillMessages)
    .set({ readAt: new Date() })
    .where(and(eq(skillMessages.tenantId, tenantId), eq(skillMessages.id, id)))
    .returning();
  return row;
}

export async function updateStatus(
  db: Db,
  tenantId: string,
  id: string,
  status: "accepted" | "declined",
) {
  const [row] = await db
    .update(skillMessages)
    .set({ status })
    .where(and(eq(skillMessages.tenantId, tenantId), eq(skillMessages.id, id)))
    .returning();
  return row;
}
