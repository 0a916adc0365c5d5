// What PostGraphile publishes, for whom, and which errors it tells.

import { makePgService } from "postgraphile/adaptors/pg";
import { defaultMaskError } from "postgraphile/grafserv";
import { GraphQLError } from "postgraphile/graphql";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { jsonPgSmartTags } from "postgraphile/utils";
import { signedInUser } from "./sessions.js";

export default {
  extends: [PostGraphileAmberPreset],

  pgServices: [
    makePgService({
      // The login is a member of skill_messages_app.
      connectionString: process.env.DATABASE_URL,
      // Not skill_messages_private: its helpers stay invisible.
      schemas: ["public"],
    }),
  ],

  grafast: {
    // PostGraphile sets these for the transaction of each request. An anonymous request sets both to
    // nothing, which also replaces a tenant that the connection brings along.
    context({ node }) {
      const user = node && signedInUser(node.req);
      return {
        pgSettings: {
          "app.current_tenant_id": user?.tenantId ?? "",
          "app.current_user_id": user?.userId ?? "",
        },
      };
    },
  },

  schema: {
    // Tables are read only: all that changes a message goes through the functions. Functions return
    // plain lists, since they have pages of their own.
    defaultBehavior: "-insert -update -delete -connection +list +resource:list",
  },

  plugins: [
    // Whoever may call this function chooses the tenant, so it is not for the API.
    jsonPgSmartTags({
      version: 1,
      config: { procedure: { "public.set_skill_message_context": { tags: { behavior: "-*" } } } },
    }),
  ],

  grafserv: {
    graphiql: false,
    // PostGraphile masks all errors of the database. Those that our functions raise are written for
    // callers: SM001 and so on, and four of PostgreSQL.
    maskError(error) {
      const { code, hint } = error.originalError ?? {};
      if (!hint || !/^(SM\d{3}|23503|23514|22023|42501)$/.test(code)) return defaultMaskError(error);
      const { message, nodes, source, positions, path } = error;
      return new GraphQLError(message, { nodes, source, positions, path, extensions: { code, hint } });
    },
  },
};
