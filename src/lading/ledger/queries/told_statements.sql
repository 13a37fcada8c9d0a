-- Which statements of the keyring tenants were told.
SELECT digest
FROM signing_key_statements
