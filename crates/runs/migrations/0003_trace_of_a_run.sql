-- The trace of the request that started the run: what a replica that takes it over does in it belongs there, too.

ALTER TABLE runs ADD COLUMN trace TEXT;
