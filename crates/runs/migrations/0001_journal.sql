-- The journal. The same text for SQLite and PostgreSQL; times are milliseconds since 1970, JSON is text.

CREATE TABLE runs (
    -- UUID version 7: sorts by time.
    id TEXT PRIMARY KEY,
    -- Who asked, as JSON.
    principal TEXT NOT NULL,
    action TEXT NOT NULL,
    connection TEXT NOT NULL,
    organization TEXT,
    -- Without its secrets.
    input TEXT NOT NULL,
    -- 1: the input had a secret, which is not here, so the run cannot be taken up again.
    needs_secret BIGINT NOT NULL,
    dry_run BIGINT NOT NULL,
    -- The run whose unfinished work this one goes on with, and the other way round.
    continues TEXT,
    continued_by TEXT,
    -- The run that this one takes back.
    undoes TEXT,
    created_at BIGINT NOT NULL,
    status TEXT NOT NULL,
    ended_at BIGINT,
    output TEXT,
    error TEXT,
    -- The error with which the run will end, once what it made is taken back.
    failing TEXT,
    cancel_requested BIGINT NOT NULL DEFAULT 0,
    -- The lease: which replica works on the run, the fencing number of its turn, and until when.
    owner TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    lease_until BIGINT NOT NULL
);
CREATE INDEX runs_by_lease ON runs (status, lease_until);
CREATE INDEX runs_by_end ON runs (status, ended_at);
CREATE INDEX runs_by_principal ON runs (principal, id);

CREATE TABLE keys (
    principal TEXT NOT NULL,
    name TEXT NOT NULL,
    run TEXT NOT NULL,
    PRIMARY KEY (principal, name)
);
CREATE INDEX keys_by_run ON keys (run);

CREATE TABLE events (
    run TEXT NOT NULL,
    id BIGINT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (run, id)
);

CREATE TABLE effects (
    run TEXT NOT NULL,
    id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    natural_key TEXT NOT NULL,
    -- As JSON. NULL: it was meant, and it is not known yet what became of it.
    settlement TEXT,
    -- 1: an attempt that this run continues made it.
    carried BIGINT NOT NULL,
    -- 1: it takes back what the run made.
    undoing BIGINT NOT NULL,
    PRIMARY KEY (run, id)
);
