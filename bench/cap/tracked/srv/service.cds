using bench from '../db/schema';

@path: '/v1.0/deviceManagement'
@requires: 'authenticated-user'
service Graph {
  entity troubleshootingEvents as projection on bench.Events;
}
