// o.js, a small OData client. Prints what it found as one JSON document.
// Environment: ADDRESS of the service, TOKEN for an empty tenant.
import odata from "odata";

const { o } = odata;
const { ADDRESS, TOKEN } = process.env;
const EVENTS = "deviceManagement/troubleshootingEvents";

const handler = () =>
  o("", {
    rootUrl: `${ADDRESS}/v1.0/`,
    headers: { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" },
    referrer: undefined,
  });

const created = await handler().post(EVENTS, { failureCategory: "authentication", osVersion: "10" }).query();
const item = `${EVENTS}('${created.id}')`;
const changed = await handler().patch(item, { failureReason: "100 % & more + 'quotes'" }).query();
for (const osVersion of ["11", "12", "13"]) {
  await handler().post(EVENTS, { failureCategory: "authorization", osVersion }).query();
}
const read = await handler().get(item).query();
const found = await handler()
  .get(EVENTS)
  .query({
    $filter: "failureCategory eq 'authorization' and osVersion ge '12'",
    $orderby: "osVersion desc",
    $select: "osVersion",
  });
const quoted = await handler().get(EVENTS).query({ $filter: "failureReason eq '100 % & more + ''quotes'''" });
const total = await handler().get(`${EVENTS}/$count`).fetch();
const counted = await total.text();
const removed = await handler().delete(item).query();
const failure = await handler().get(item).query().then(
  () => null,
  async (response) => ({ status: response.status, body: await response.json() }),
);

console.log(
  JSON.stringify({ created, changed, read, found, quoted, counted, removed: removed.status ?? removed, failure }),
);
