-- When this transaction looked; MySQL has no name for a snapshot.
SELECT '' AS id, date_format(utc_timestamp(6), '%%Y-%%m-%%dT%%H:%%i:%%s.%%fZ') AS at
