-- Begin anew: another seed, size or shape was asked for.
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
