-- One organisation's reader: may log in, may read its own rows, may do nothing else.
DO $$
BEGIN
    CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- roles belong to the server, not to this database
END
$$;
ALTER ROLE {role} WITH LOGIN CONNECTION LIMIT 20 PASSWORD {password};
ALTER ROLE {role} SET default_transaction_read_only = on;
GRANT USAGE ON SCHEMA public TO {role};
GRANT SELECT ON organisations, chapters, mentors, activities, attachments TO {role};
DROP POLICY IF EXISTS {role} ON organisations;
DROP POLICY IF EXISTS {role} ON chapters;
DROP POLICY IF EXISTS {role} ON mentors;
DROP POLICY IF EXISTS {role} ON activities;
DROP POLICY IF EXISTS {role} ON attachments;
CREATE POLICY {role} ON organisations FOR SELECT TO {role} USING (id = {organisation});
CREATE POLICY {role} ON chapters FOR SELECT TO {role} USING (organisation_id = {organisation});
CREATE POLICY {role} ON mentors FOR SELECT TO {role} USING (organisation_id = {organisation});
CREATE POLICY {role} ON activities FOR SELECT TO {role} USING (organisation_id = {organisation});
CREATE POLICY {role} ON attachments FOR SELECT TO {role} USING (organisation_id = {organisation});
