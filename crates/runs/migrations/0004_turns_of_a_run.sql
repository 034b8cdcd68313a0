-- Turns in which the run was worked on, and which did not end in order: a run that was interrupted too often is given up.
-- One that begins at once has one; whoever waits, is handed over, or takes a run up writes down how many it is.

ALTER TABLE runs ADD COLUMN turns BIGINT NOT NULL DEFAULT 1;
