import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import * as messages from "./messages.js";
import * as schema from "./schema.js";

const connect = (tenantId?: string) =>
  drizzle({
    client: postgres(process.env.DATABASE_URL!, {
      // A startup option: the tenant that every transaction of these connections starts with.
      connection: tenantId ? { "app.current_tenant_id": tenantId } : {},
    }),
    schema: { ...schema, ...messages },
  });

export type Db = Pick<ReturnType<typeof connect>, "select" | "insert" | "update" | "query" | "execute">;

// An application for many tenants: connections that bring none, and a context for each request.
export const db = connect();

export function asUser<T>(tenantId: string, userId: string, work: (tx: Db) => Promise<T>) {
  return db.transaction(async (tx) => {
    await tx.execute(sql`SELECT set_skill_message_context(${tenantId}, ${userId})`);
    return work(tx);
  });
}

// An application for one tenant: its connections bring it along.
export const forTenant = connect;
