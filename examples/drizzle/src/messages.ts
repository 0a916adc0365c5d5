// The table skill_messages for queries. Its own migration makes it, not drizzle-kit, so constraints,
// indexes and policies need not stand here.

import { relations } from "drizzle-orm";
import { pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";
import { skills, tenants, users } from "./schema.js";

const time = (name: string) => timestamp(name, { withTimezone: true });

export const skillMessages = pgTable(
  "skill_messages",
  {
    id: text("id").notNull().$defaultFn(() => crypto.randomUUID()),
    tenantId: text("tenant_id").notNull(),
    fromUserId: text("from_user_id").notNull(),
    toUserId: text("to_user_id").notNull(),
    subjectSkillId: text("subject_skill_id").notNull(),
    proposedParentSkillId: text("proposed_parent_skill_id"),
    message: text("message").notNull(),
    status: text("status", { enum: ["pending", "accepted", "declined"] })
      .notNull()
      .default("pending"),
    createdAt: time("created_at").notNull().defaultNow(),
    readAt: time("read_at"),
  },
  (table) => [primaryKey({ columns: [table.id, table.tenantId] })],
);

// Each relation names the tenant too, as the foreign keys do.
export const skillMessagesRelations = relations(skillMessages, ({ one }) => {
  const { tenantId, fromUserId, toUserId, subjectSkillId, proposedParentSkillId } = skillMessages;
  const user = [users.tenantId, users.id] as [typeof users.tenantId, typeof users.id];
  const skill = [skills.tenantId, skills.id] as [typeof skills.tenantId, typeof skills.id];
  return {
    tenant: one(tenants, { fields: [tenantId], references: [tenants.id] }),
    fromUser: one(users, { fields: [tenantId, fromUserId], references: user }),
    toUser: one(users, { fields: [tenantId, toUserId], references: user }),
    subjectSkill: one(skills, { fields: [tenantId, subjectSkillId], references: skill }),
    proposedParentSkill: one(skills, {
      fields: [tenantId, proposedParentSkillId],
      references: skill,
    }),
  };
});
