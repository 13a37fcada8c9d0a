-- Every row of a table, whose quoted name takes the place in braces.
SELECT * FROM {table}
