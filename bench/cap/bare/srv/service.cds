using bench from '../db/schema';

@path: '/v1.0/deviceManagement'
service Graph {
  entity troubleshootingEvents as projection on bench.Events;
}
