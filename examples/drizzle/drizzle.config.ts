import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "postgresql",
  dbCredentials: { url: process.env.DATABASE_URL! },
  out: "./drizzle",

  // Tables of the application. skill_messages is in another file: generate does not see it.
  schema: "./src/schema.ts",

  // What push must not see in the database: our table, its policies and our view. Without this, push
  // drops the table, and does not ask: row-level security hides the rows that it counts.
  tablesFilter: ["!skill_messages", "!skill_message_totals"],

  // The defaults, said aloud: push sees neither skill_messages_private nor any role.
  schemaFilter: ["public"],
  entities: { roles: false },
});
