using { managed } from '@sap/cds/common';
using { bench.Event } from '../../event';

namespace bench;

entity Events : Event, managed {}

annotate Events with {
  modifiedAt              @odata.etag;
  eventDateTime           @changelog;
  correlationId           @changelog;
  managedDeviceIdentifier @changelog;
  operatingSystem         @changelog;
  osVersion               @changelog;
  userId                  @changelog;
  deviceId                @changelog;
  enrollmentType          @changelog;
  failureCategory         @changelog;
  failureReason           @changelog;
}
