-- The role of the service and what it may do: psql runs this as the owner of the tables, after every migration.
-- SERVICE_PASSWORD in the environment of psql becomes the password of the role.

\set ON_ERROR_STOP on
\set password `printenv SERVICE_PASSWORD`

SELECT 'CREATE ROLE enrollscope_service LOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'enrollscope_service') \gexec
ALTER ROLE enrollscope_service PASSWORD :'password';

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT SELECT ON alembic_version TO enrollscope_service;
GRANT SELECT, INSERT ON secrets, changes TO enrollscope_service;
GRANT SELECT, INSERT, UPDATE ON positions TO enrollscope_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON events, events_index TO enrollscope_service;
