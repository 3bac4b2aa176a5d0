// Microsoft's own client for JavaScript. Prints what it found as one JSON document.
// Environment: ADDRESS of the service, TOKEN for an empty tenant.
import graph from "@microsoft/microsoft-graph-client";

const { BatchRequestContent, BatchResponseContent, Client, PageIterator } = graph;
const { ADDRESS, TOKEN } = process.env;
const EVENTS = "/deviceManagement/troubleshootingEvents";

const client = Client.init({
  baseUrl: ADDRESS,
  customHosts: new Set([new URL(ADDRESS).hostname]),
  authProvider: (done) => done(null, TOKEN),
});

const sent = {
  "@odata.type": "#microsoft.graph.enrollmentTroubleshootingEvent",
  eventDateTime: "2024-05-15T14:13:19.3769417+02:00",
  failureCategory: "authentication",
  failureReason: "It's 100 % wrong",
  osVersion: "10.0",
};
const created = await client.api(EVENTS).post(sent);
const path = `${EVENTS}/${created.id}`;
const changed = await client.api(path).patch({ failureReason: "None of it", osVersion: null });
const read = await client.api(path).get();
const selected = await client.api(path).select("id,failureReason").get();

for (let place = 0; place < 24; place += 1) {
  await client.api(EVENTS).post({ failureCategory: "authorization", osVersion: `10.${place}` });
}
const found = await client
  .api(EVENTS)
  .filter("failureCategory eq 'authorization' and contains(osVersion,'.1')")
  .orderby("osVersion desc")
  .count(true)
  .top(5)
  .get();
const total = await client.api(`${EVENTS}/$count`).get();

const seen = [];
const iterator = new PageIterator(client, await client.api(EVENTS).top(7).get(), (event) => {
  seen.push(event.id);
  return true;
});
await iterator.iterate();

const request = (suffix, method, body) =>
  new Request(`${ADDRESS}/v1.0${EVENTS}${suffix}`, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
const batch = new BatchRequestContent([
  { id: "create", request: request("", "POST", { failureCategory: "badRequest" }) },
  { id: "change", request: request(`/${created.id}`, "PATCH", { osVersion: "batched" }), dependsOn: ["create"] },
  { id: "read", request: request(`/${created.id}`, "GET"), dependsOn: ["change"] },
  { id: "missing", request: request("/nowhere", "GET"), dependsOn: ["read"] },
]);
const answers = new BatchResponseContent(await client.api("/$batch").post(await batch.getContent()));
const statuses = Object.fromEntries([...answers.getResponses()].map(([id, response]) => [id, response.status]));
const batched = await answers.getResponseById("read").json();

const removed = await client.api(path).delete();
const failure = await client.api(path).get().then(
  () => null,
  ({ statusCode, code, message, requestId }) => ({ statusCode, code, message, requestId }),
);

console.log(
  JSON.stringify({
    sent, created, changed, read, selected, found, total, seen, statuses, batched, failure, removed: removed ?? null,
  }),
);
