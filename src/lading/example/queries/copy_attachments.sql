-- The list of attachments; the files lie in a directory beside the database.
COPY attachments (id, organisation_id, activity_id, path, file_name, media_type, size_bytes) FROM STDIN
