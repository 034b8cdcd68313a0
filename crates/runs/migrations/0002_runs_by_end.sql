-- What is forgotten is found by when it ended; a run that has not ended has no such time.

DROP INDEX runs_by_end;
CREATE INDEX runs_by_end ON runs (ended_at);
