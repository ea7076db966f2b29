"""The store's tables, as named steps that start from an empty file; `migrating.py` applies them.

A released step is never changed: its SQL is literal text, so that every database has the same history. To change the tables,
add a step at the end, and its hash to tests/test_two_versions.py.
"""

from __future__ import annotations

Migration = tuple[str, tuple[str, ...]]

MIGRATIONS: tuple[Migration, ...] = (
    (
        "runs-and-events",
        (
            """
            CREATE TABLE runs (
                number INTEGER PRIMARY KEY,      -- the order in which runs were made
                id TEXT NOT NULL UNIQUE,
                token TEXT NOT NULL UNIQUE,      -- one a form, so that pressing twice is one run
                name TEXT NOT NULL,
                state TEXT NOT NULL,
                config TEXT NOT NULL,            -- JSON
                data TEXT,                       -- the folder of data sets that the user named
                created REAL NOT NULL,
                started REAL,
                ended REAL,
                device TEXT NOT NULL DEFAULT '',
                message TEXT NOT NULL DEFAULT '',
                pid INTEGER,
                pid_started TEXT,                -- tells the process from a later one with the same number
                last_event REAL,
                epochs_done INTEGER NOT NULL DEFAULT 0,
                train_loss REAL,
                train_accuracy REAL,
                test_accuracy REAL,
                best_test_accuracy REAL,
                parameters INTEGER
            )
            """,
            "CREATE INDEX runs_active ON runs (number) WHERE ended IS NULL",
            """
            CREATE TABLE events (
                run_id TEXT NOT NULL REFERENCES runs (id),
                seq INTEGER NOT NULL,            -- from 1 within the run
                kind TEXT NOT NULL,
                number INTEGER NOT NULL,         -- from 1 within the run and kind, so that every nth can be looked up
                time REAL NOT NULL,
                body TEXT NOT NULL,              -- JSON
                PRIMARY KEY (run_id, seq)
            ) WITHOUT ROWID
            """,
            "CREATE UNIQUE INDEX events_by_kind ON events (run_id, kind, number)",
        ),
    ),
    (
        "pause-resume-and-queue",
        (
            "ALTER TABLE runs ADD COLUMN owner TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE runs ADD COLUMN note TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE runs ADD COLUMN resumes INTEGER NOT NULL DEFAULT 0",  # automatic ones
            "ALTER TABLE runs ADD COLUMN resumable INTEGER NOT NULL DEFAULT 0",  # interrupted without having been asked to end
            "ALTER TABLE runs ADD COLUMN has_checkpoint INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE runs ADD COLUMN place INTEGER",  # in the queue; the lowest starts first
            "ALTER TABLE runs ADD COLUMN images_per_second REAL",
            "ALTER TABLE runs ADD COLUMN train_images INTEGER",
            "ALTER TABLE runs ADD COLUMN seconds REAL",  # of training, measured by its process: the clock may be set back
            "UPDATE runs SET place = number, has_checkpoint = epochs_done > 0,"
            " seconds = max(0, coalesce(ended, last_event) - started)",
            "CREATE INDEX runs_queued ON runs (place) WHERE state = 'queued'",
            "CREATE INDEX runs_resumable ON runs (place) WHERE resumable = 1",
            # Each owner's last turn, as a count of starts: a clock that is set back would give one owner every turn.
            "CREATE TABLE turns (owner TEXT PRIMARY KEY, turn INTEGER NOT NULL)",
        ),
    ),
    (
        "summaries",
        (
            "ALTER TABLE runs ADD COLUMN architecture TEXT",
            "ALTER TABLE runs ADD COLUMN dataset TEXT",
            "ALTER TABLE runs ADD COLUMN epochs INTEGER",
            "ALTER TABLE runs ADD COLUMN curve TEXT NOT NULL DEFAULT '[]'",  # JSON: test accuracies of at most 20 epochs
            "UPDATE runs SET"
            " architecture = json_extract(config, '$.architecture'), dataset = json_extract(config, '$.dataset'),"
            " epochs = json_extract(config, '$.epochs')",
            # A body that SQLite cannot read (no finite loss) leaves a gap in the curve.
            "UPDATE runs SET curve = "
            "(SELECT json_group_array(value) FROM (SELECT round(json_extract(body, '$.test_accuracy'), 3) AS value FROM events"
            " WHERE run_id = runs.id AND kind = 'epoch_done'"
            " AND ((number - 1) % max(1, (runs.epochs_done + 18) / 19) = 0 OR number = runs.epochs_done) AND json_valid(body)"
            " ORDER BY number))"
            " WHERE epochs_done > 0",
            "CREATE TABLE changes (count INTEGER NOT NULL)",  # a reader of all runs compares it, to see whether to read again
            "INSERT INTO changes VALUES (0)",
            "CREATE TRIGGER run_made AFTER INSERT ON runs BEGIN UPDATE runs SET"
            " architecture = json_extract(config, '$.architecture'), dataset = json_extract(config, '$.dataset'),"
            " epochs = json_extract(config, '$.epochs')"
            " WHERE number = new.number; UPDATE changes SET count = count + 1; END",
            "CREATE TRIGGER run_extended AFTER UPDATE OF config ON runs BEGIN UPDATE runs SET"
            " architecture = json_extract(config, '$.architecture'), dataset = json_extract(config, '$.dataset'),"
            " epochs = json_extract(config, '$.epochs')"
            " WHERE number = new.number; UPDATE changes SET count = count + 1; END",
            "CREATE TRIGGER run_changed AFTER UPDATE OF name, state, owner, config, device, epochs_done, parameters, curve ON runs"
            " BEGIN UPDATE changes SET count = count + 1; END",
            "CREATE TRIGGER run_deleted AFTER DELETE ON runs BEGIN UPDATE changes SET count = count + 1; END",
            "CREATE TRIGGER epoch_done AFTER INSERT ON events WHEN new.kind = 'epoch_done' BEGIN UPDATE runs SET curve = "
            "(SELECT json_group_array(value) FROM (SELECT round(json_extract(body, '$.test_accuracy'), 3) AS value FROM events"
            " WHERE run_id = new.run_id AND kind = 'epoch_done'"
            " AND ((number - 1) % max(1, (new.number + 18) / 19) = 0 OR number = new.number) AND json_valid(body)"
            " ORDER BY number))"
            " WHERE id = new.run_id; END",
        ),
    ),
    (
        "curve-follows-epochs",
        (
            # A run that goes back to an older checkpoint loses epochs, so the curve follows the count of epochs in both directions.
            "DROP TRIGGER epoch_done",
            # Not beyond the last epoch: a run that goes back to its beginning has no curve.
            "CREATE TRIGGER epochs_done AFTER UPDATE OF epochs_done ON runs WHEN new.epochs_done IS NOT old.epochs_done"
            " BEGIN UPDATE runs SET curve = "
            "(SELECT json_group_array(value) FROM (SELECT round(json_extract(body, '$.test_accuracy'), 3) AS value FROM events"
            " WHERE run_id = new.id AND kind = 'epoch_done'"
            " AND ((number - 1) % max(1, (new.epochs_done + 18) / 19) = 0 OR number = new.epochs_done) AND json_valid(body)"
            " AND number <= new.epochs_done ORDER BY number))"
            " WHERE number = new.number; END",
            "UPDATE runs SET curve = "
            "(SELECT json_group_array(value) FROM (SELECT round(json_extract(body, '$.test_accuracy'), 3) AS value FROM events"
            " WHERE run_id = runs.id AND kind = 'epoch_done'"
            " AND ((number - 1) % max(1, (runs.epochs_done + 18) / 19) = 0 OR number = runs.epochs_done) AND json_valid(body)"
            " ORDER BY number))"
            " WHERE id IN (SELECT run_id FROM events WHERE kind = 'run_resumed')",
        ),
    ),
    (
        "runs-bear-their-last-change",
        (
            # The count at a run's last change, so that a reader of all runs reads only those that changed since.
            "ALTER TABLE runs ADD COLUMN changed INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE changes ADD COLUMN deletion INTEGER NOT NULL DEFAULT 0",  # the count when a run was last deleted
            "CREATE INDEX runs_changed ON runs (changed)",
            "DROP TRIGGER run_made",
            "DROP TRIGGER run_extended",
            "DROP TRIGGER run_changed",
            "DROP TRIGGER run_deleted",
            "CREATE TRIGGER run_made AFTER INSERT ON runs BEGIN UPDATE runs SET"
            " architecture = json_extract(config, '$.architecture'), dataset = json_extract(config, '$.dataset'),"
            " epochs = json_extract(config, '$.epochs')"
            " WHERE number = new.number; UPDATE changes SET count = count + 1;"
            " UPDATE runs SET changed = (SELECT count FROM changes) WHERE number = new.number; END",
            "CREATE TRIGGER run_extended AFTER UPDATE OF config ON runs BEGIN UPDATE runs SET"
            " architecture = json_extract(config, '$.architecture'), dataset = json_extract(config, '$.dataset'),"
            " epochs = json_extract(config, '$.epochs')"
            " WHERE number = new.number; UPDATE changes SET count = count + 1;"
            " UPDATE runs SET changed = (SELECT count FROM changes) WHERE number = new.number; END",
            "CREATE TRIGGER run_changed AFTER UPDATE OF name, state, owner, config, device, epochs_done, parameters, curve ON runs"
            " BEGIN UPDATE changes SET count = count + 1;"
            " UPDATE runs SET changed = (SELECT count FROM changes) WHERE number = new.number; END",
            "CREATE TRIGGER run_deleted AFTER DELETE ON runs"
            " BEGIN UPDATE changes SET count = count + 1; UPDATE changes SET deletion = count; END",
        ),
    ),
    (
        "tags",
        (
            "ALTER TABLE runs ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'",  # JSON: a list of words
            "DROP TRIGGER run_changed",
            "CREATE TRIGGER run_changed"
            " AFTER UPDATE OF name, state, owner, config, device, epochs_done, parameters, curve, tags ON runs"
            " BEGIN UPDATE changes SET count = count + 1;"
            " UPDATE runs SET changed = (SELECT count FROM changes) WHERE number = new.number; END",
        ),
    ),
    (
        "sweeps",
        (
            """
            CREATE TABLE sweeps (
                number INTEGER PRIMARY KEY,      -- the order in which sweeps were made
                id TEXT NOT NULL UNIQUE,
                token TEXT NOT NULL UNIQUE,      -- one a form, so that pressing twice is one sweep
                name TEXT NOT NULL,
                owner TEXT NOT NULL,
                state TEXT NOT NULL,
                message TEXT NOT NULL DEFAULT '',
                config TEXT NOT NULL,            -- JSON
                data TEXT,                       -- the folder of data sets that the user named
                created REAL NOT NULL,
                ended REAL,                      -- NULL while a process has to work on it
                seconds REAL NOT NULL DEFAULT 0, -- that count against its minutes
                pid INTEGER,
                pid_started TEXT                 -- tells the process from a later one with the same number
            )
            """,
            """
            CREATE TABLE trials (
                sweep_id TEXT NOT NULL REFERENCES sweeps (id),
                number INTEGER NOT NULL,         -- Optuna's, from 0; a combination that was tried before leaves a gap
                run_id TEXT,                     -- a deleted run leaves its id
                settings TEXT NOT NULL,          -- JSON: the values of those that vary
                state TEXT NOT NULL DEFAULT 'open',
                message TEXT NOT NULL DEFAULT '',
                accuracy REAL,                   -- of the best epoch so far
                PRIMARY KEY (sweep_id, number)
            ) WITHOUT ROWID
            """,
            "CREATE INDEX sweeps_active ON sweeps (number) WHERE ended IS NULL",
        ),
    ),
    (
        "trained-by-day",
        (
            """
            CREATE TABLE trained (
                owner TEXT NOT NULL,
                day TEXT NOT NULL,               -- local, such as 2026-11-26
                gpu INTEGER NOT NULL,            -- 1 for time on a GPU, 0 for time on the CPU
                seconds REAL NOT NULL,           -- of training; deleted runs stay counted
                PRIMARY KEY (owner, day, gpu)
            ) WITHOUT ROWID
            """,
        ),
    ),
    (
        "log",
        (
            """
            CREATE TABLE log (
                number INTEGER PRIMARY KEY,      -- the order in which it was written
                at REAL NOT NULL,
                who TEXT NOT NULL,               -- '' for the command line and the lab itself
                did TEXT NOT NULL,
                what TEXT NOT NULL,              -- the id of a run, a sweep or an assignment
                whose TEXT NOT NULL,
                refused INTEGER NOT NULL,
                note TEXT NOT NULL
            )
            """,
            "CREATE TRIGGER run_begun AFTER INSERT ON runs BEGIN"
            " INSERT INTO log (at, who, did, what, whose, refused, note)"
            " VALUES (new.created, new.owner, 'start', new.id, new.owner, 0, ''); END",
            "CREATE TRIGGER sweep_begun AFTER INSERT ON sweeps BEGIN"
            " INSERT INTO log (at, who, did, what, whose, refused, note)"
            " VALUES (new.created, new.owner, 'sweep start', new.id, new.owner, 0, ''); END",
            "CREATE TRIGGER log_bounded AFTER INSERT ON log BEGIN DELETE FROM log WHERE number <= new.number - 20000; END",
        ),
    ),
    (
        "where-a-run-computes",
        (
            "ALTER TABLE runs ADD COLUMN gpu INTEGER",  # beyond this machine: 1 on a GPU, 0 on a CPU, NULL until its node reports
            """
            CREATE TABLE places (
                device TEXT PRIMARY KEY,         -- such as "at:cluster"
                gpu INTEGER NOT NULL             -- what the last run there computed on
            ) WITHOUT ROWID
            """,
        ),
    ),
)
