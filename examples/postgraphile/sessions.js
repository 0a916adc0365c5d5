// Stands for the session store of your application: who is signed in, by the request's token. Never
// take tenant or user from anything else in the request.

const sessions = new Map([
  ["token-maya", { tenantId: "demo-harbor", userId: "demo-maya" }],
  ["token-tomas", { tenantId: "demo-harbor", userId: "demo-tomas" }],
  ["token-odile", { tenantId: "demo-crumb", userId: "demo-odile" }],
]);

export function signedInUser(request) {
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
  return sessions.get(token);
}
