-- The database that stands for the customer's.
CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'
