-- Every row of a table, whose quoted name and those of its columns take the places in braces.
SELECT {columns} FROM {table}
