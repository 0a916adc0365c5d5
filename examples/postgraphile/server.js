import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { grafserv } from "postgraphile/grafserv/node";
import preset from "./graphile.config.js";

const server = createServer();
server.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
await postgraphile(preset).createServ(grafserv).addTo(server);
server.listen(Number(process.env.PORT ?? 5678), "127.0.0.1", () =>
  console.log(`http://127.0.0.1:${server.address().port}/graphql`),
);
