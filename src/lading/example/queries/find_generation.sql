-- What the example database holds, if it was loaded whole.
SELECT seed, rows, version
FROM generation
