// Tables of the application. drizzle-kit makes them, by migrations or by push.

import { sql } from "drizzle-orm";
import { pgPolicy, pgTable, text } from "drizzle-orm/pg-core";

const ownTenant = () =>
  pgPolicy("tenant_isolation", {
    using: sql`(tenant_id = current_setting('app.current_tenant_id'::text, true))`,
  });

export const tenants = pgTable("tenants", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
});

const tenantId = () =>
  text("tenant_id")
    .notNull()
    .references(() => tenants.id);

// The unique indexes on (tenant_id, id) are those of skill_messages: declared here too, push would
// create them again and fail, because it does not see an index that a foreign key refers to.
export const users = pgTable(
  "users",
  { id: text("id").primaryKey(), tenantId: tenantId(), email: text("email"), name: text("name") },
  () => [ownTenant()],
);

export const skills = pgTable(
  "skills",
  { id: text("id").primaryKey(), tenantId: tenantId(), name: text("name").notNull() },
  () => [ownTenant()],
);
