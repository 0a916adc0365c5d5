// Applies the migrations as `drizzle-kit migrate` does, which keeps the error of the database to
// itself. All pending migrations are one transaction.

import { drizzle } from "drizzle-orm/postgres-js";
import { migrate } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";

type Told = { message: string; detail?: string; hint?: string };
const tell = ({ message, detail, hint }: Told) =>
  console.error([message, detail, hint].filter(Boolean).join("\n"));

const client = postgres(process.env.DATABASE_URL!, {
  max: 1,
  onnotice: (notice) => tell(notice as unknown as Told),
});
try {
  await migrate(drizzle({ client }), { migrationsFolder: "./drizzle" });
} catch (error) {
  const { cause } = error as Error;
  tell((cause ?? error) as Told);
  process.exitCode = 1;
} finally {
  await client.end();
}
