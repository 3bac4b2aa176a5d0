namespace bench;

aspect Event {
  key id                  : UUID;
  eventDateTime           : Timestamp;
  correlationId           : String(100);
  managedDeviceIdentifier : String(100);
  operatingSystem         : String(100);
  osVersion               : String(100);
  userId                  : String(100);
  deviceId                : String(100);
  enrollmentType          : Integer;
  failureCategory         : Integer;
  failureReason           : String(1000);
}
