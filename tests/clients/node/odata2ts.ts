// Uses the classes that odata2ts made from `$metadata`; the compiler checks that they are what they should be.
// Prints what it found as one JSON document. Environment: ADDRESS of the service, TOKEN for an empty tenant.
import { FetchClient } from "@odata2ts/http-client-fetch";

import {
  deviceEnrollmentFailureReason as Reason,
  deviceEnrollmentType as Kind,
  enrollmentTroubleshootingEvent,
} from "./generated/MicrosoftGraphModel";
import { enrollmentTroubleshootingEventCollectionService, MicrosoftGraphService } from "./generated/MicrosoftGraphService";

declare const process: { env: Record<string, string> };
const { ADDRESS, TOKEN } = process.env;
const PATH = "deviceManagement/troubleshootingEvents";

async function main(): Promise<void> {
  const client = new FetchClient({ headers: { Authorization: `Bearer ${TOKEN}` } });
  const service = new MicrosoftGraphService(client, `${ADDRESS}/beta`);
  const enrollment = new enrollmentTroubleshootingEventCollectionService(client, `${ADDRESS}/beta`, PATH);

  const created = await enrollment.create({
    eventDateTime: "2024-05-15T14:13:19.3769417+02:00",
    enrollmentType: Kind.windowsAutoEnrollment,
    failureCategory: Reason.authentication,
    failureReason: "100 % wrong & more",
    additionalInformation: [{ name: "attempt", value: "2" }],
  });
  const event: enrollmentTroubleshootingEvent = created.data;
  const { id } = event;
  for (const osVersion of ["11", "12", "13"]) {
    const failureCategory = Reason.authorization;
    await enrollment.create({ eventDateTime: "2024-05-16T00:00:00Z", enrollmentType: Kind.unknown, failureCategory, osVersion });
  }

  const one = service.deviceManagement().troubleshootingEvents(id);
  const changed = await one.patch({ correlationId: "c" });
  const read = await one.query();
  const found = await enrollment.query((builder, q) =>
    builder
      .select("osVersion", "id")
      .filter(q.failureCategory.eq(Reason.authorization).and(q.osVersion.startsWith("1")))
      .orderBy(q.osVersion.desc())
      .count()
      .top(2),
  );
  const quoted = await enrollment.query((builder, q) => builder.filter(q.failureReason.eq("100 % wrong & more")));
  const removed = await one.delete();
  const failure = await one.query().then(
    () => null,
    (error: { status: number; message: string }) => ({ status: error.status, message: error.message }),
  );

  console.log(
    JSON.stringify({
      created: event,
      changed: changed.data ?? null,
      read: read.data,
      count: found.data["@odata.count"],
      found: found.data.value,
      quoted: quoted.data.value,
      removed: removed.status,
      failure,
    }),
  );
}

void main();
