-- A database as the first release left it: its schema, and tasks at every point of their lives. Times are those of
-- 31 January 2026 from noon on, in UTC.

CREATE SCHEMA troupe;
SET search_path = troupe;

CREATE TABLE meta(
  name text PRIMARY KEY,
  value text NOT NULL
);

CREATE TABLE models(
  ns text NOT NULL,
  name text NOT NULL,
  document text NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY(ns, name)
);

CREATE TABLE bots(
  ns text NOT NULL,
  name text NOT NULL,
  document text NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY(ns, name)
);

-- Grows with each change of a bot or a model: what a writer has kept of them is good as long as this stands still.
CREATE TABLE catalog(version bigint NOT NULL);
INSERT INTO catalog VALUES(1);

-- While a task is in the queue, what changes about it stands there, and this row rests.
CREATE TABLE tasks(
  id uuid PRIMARY KEY,
  thread_id uuid NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  started_at bigint,
  completed_at bigint,
  run_at bigint,
  deleted_at bigint,
  last_seq bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  rev integer NOT NULL DEFAULT 0,
  attempt integer NOT NULL,
  max_attempts integer NOT NULL,
  priority integer NOT NULL,
  status smallint NOT NULL,
  -- The status of a task that is neither in the queue nor completed: what a list by status looks for here.
  listed smallint,
  error_class smallint,
  queued boolean NOT NULL,
  ns text NOT NULL,
  created_by text NOT NULL,
  name text NOT NULL,
  bot text NOT NULL,
  bot_ns text NOT NULL,
  node text NOT NULL,
  error text,
  input text NOT NULL,
  output text,
  spec text NOT NULL,
  metadata text NOT NULL
) WITH (fillfactor = 45);

-- A thread is its first task, found by its own id, and those that follow it. No index names a column that changes
-- when a task is completed, and each page has room for the second version of its rows: so that this costs no index
-- entry.
CREATE INDEX tasks_of_thread ON tasks(thread_id, id) WHERE thread_id <> id;
CREATE INDEX tasks_of_creator ON tasks(created_by, id) WHERE created_by <> '';
CREATE INDEX tasks_by_status ON tasks(listed, id) WHERE listed IS NOT NULL;

-- Threads of more than one task. Whoever lets a task into such a thread or out of it says which `rev` it has seen.
CREATE TABLE threads(
  id uuid PRIMARY KEY,
  rev bigint NOT NULL
) WITH (fillfactor = 80);

-- The hot table: a row per task that waits or runs, gone when it ends.
CREATE SEQUENCE queue_order;
CREATE TABLE queue(
  task_id uuid PRIMARY KEY,
  thread_id uuid NOT NULL,
  order_no bigint NOT NULL DEFAULT nextval('troupe.queue_order'),
  -- Set while the task is ready for the first time, at plain priority.
  ready_no bigint,
  -- Set while the task is scheduled: its due_at.
  wakes_at bigint,
  due_at bigint NOT NULL,
  last_seq bigint NOT NULL,
  input_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  started_at bigint,
  rev integer NOT NULL DEFAULT 0,
  attempt integer NOT NULL,
  priority integer NOT NULL,
  charged integer NOT NULL DEFAULT 0,
  throttled integer NOT NULL DEFAULT 0,
  recoveries integer NOT NULL DEFAULT 0,
  state smallint NOT NULL,
  held boolean NOT NULL DEFAULT false,
  -- Ready, and of another priority or not for the first time.
  again boolean NOT NULL DEFAULT false,
  -- The task began its thread, and nobody has joined it.
  alone boolean NOT NULL,
  called boolean NOT NULL DEFAULT false,
  owner uuid,
  node text NOT NULL DEFAULT '',
  ns text NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000);

-- Most tasks are claimed from here, in ascending order. What was claimed leaves dead entries behind as long as any
-- old transaction in the server might still look at them; a claim begins behind those.
CREATE INDEX queue_ready ON queue(ready_no) WHERE ready_no IS NOT NULL;
CREATE INDEX queue_again ON queue(priority DESC, order_no) WHERE again;
CREATE INDEX queue_scheduled ON queue(wakes_at) WHERE wakes_at IS NOT NULL;
CREATE INDEX queue_of_thread ON queue(thread_id, order_no) WHERE thread_id <> task_id;
CREATE INDEX queue_of_owner ON queue(owner) WHERE owner IS NOT NULL;

-- Ended attempts, and those that run outside of the queue.
CREATE TABLE attempts(
  task_id uuid NOT NULL,
  attempt integer NOT NULL,
  started_at bigint NOT NULL,
  ended_at bigint,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  outcome smallint NOT NULL,
  error_class smallint,
  node text NOT NULL,
  error text,
  PRIMARY KEY(task_id, attempt)
);

-- All journals in the order of commits.
CREATE TABLE events(
  position bigint PRIMARY KEY,
  task_id uuid NOT NULL,
  seq bigint NOT NULL,
  at bigint NOT NULL,
  attempt integer NOT NULL,
  type smallint NOT NULL,
  data text NOT NULL,
  UNIQUE(task_id, seq)
);

CREATE TABLE messages(
  thread_id uuid NOT NULL,
  position bigint NOT NULL,
  task_id uuid NOT NULL,
  created_at bigint NOT NULL,
  attempt integer NOT NULL,
  role smallint NOT NULL,
  content text NOT NULL,
  tool_calls text,
  call_id text,
  tool text,
  PRIMARY KEY(thread_id, position)
);

CREATE TABLE idempotency_keys(
  key text PRIMARY KEY,
  fingerprint text NOT NULL,
  task_id uuid NOT NULL,
  created_at bigint NOT NULL
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys(created_at);

-- Which batches of a writer were committed, and where their positions begin: the answer to a commit whose own answer
-- was lost. Only the latest of each writer is of use.
CREATE TABLE batches(
  writer uuid NOT NULL,
  number bigint NOT NULL,
  first bigint NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY(writer, number)
);
CREATE INDEX batches_by_age ON batches(at);

-- Who may run tasks, and until when. `backend` and `backend_start` are the writer's session: one that is gone tells
-- of a process that is.
CREATE TABLE leases(
  owner uuid PRIMARY KEY,
  node_id uuid NOT NULL,
  node text NOT NULL,
  expires_at bigint NOT NULL,
  ttl bigint NOT NULL,
  revoked boolean NOT NULL DEFAULT false,
  backend integer NOT NULL,
  backend_start timestamptz
) WITH (fillfactor = 50);

CREATE TABLE nodes(
  id uuid PRIMARY KEY,
  name text NOT NULL,
  role smallint NOT NULL,
  draining boolean NOT NULL,
  version text NOT NULL,
  address text NOT NULL,
  lease uuid NOT NULL,
  capacity integer NOT NULL,
  running integer NOT NULL,
  started_at bigint NOT NULL,
  heartbeat_at bigint NOT NULL
) WITH (fillfactor = 50);

-- Positions: a sequence leaves no dead rows behind, however often it is drawn from.
CREATE SEQUENCE positions;

-- The next n positions, given in the order of commits: whoever has drawn some holds the lock until its transaction
-- has ended and can be seen.
CREATE FUNCTION draw_positions(n bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(1416785254);
  RETURN setval('troupe.positions', nextval('troupe.positions') + n - 1);
END $$;

-- Ends the transaction unless as many rows were met as were named.
CREATE FUNCTION expect(met bigint, named bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF met IS DISTINCT FROM named THEN
    RAISE EXCEPTION 'rows have changed since they were read' USING ERRCODE = 'TR409';
  END IF;
END $$;

-- The database's clock, in microseconds; leases are judged by it.
CREATE FUNCTION clock() RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
$$;

-- True while a lease holds. After a start of the server everybody gets one lease's time to renew.
CREATE FUNCTION holds(l leases) RETURNS boolean LANGUAGE sql VOLATILE AS $$
  SELECT NOT l.revoked
     AND greatest(l.expires_at, (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint + l.ttl)
         > troupe.clock()
$$;

-- What was stored. While a task is in the queue, its row in `tasks` rests.

INSERT INTO models(ns, name, document, created_at, updated_at) VALUES
  ('default', 'builtin', '{"kind":"builtin","model":"builtin"}', 1769860800000000, 1769860800000000);

INSERT INTO bots(ns, name, document, created_at, updated_at) VALUES
  ('default', 'default',
  '{"model":"builtin","system_prompt":"","temperature":null,"max_tokens":null,"max_iterations":10,"tools":["now","calculate"],"restart":{"max_attempts":3,"backoff":"linear","delay_ms":1000,"max_delay_ms":60000,"jitter":0.1},"timeout_s":600,"on_busy":"enqueue"}',
  1769860800000000, 1769860800000000),
  ('team', 'poet',
  '{"model":"builtin","system_prompt":"Be brief.","temperature":0.5,"max_tokens":null,"max_iterations":4,"tools":["now","calculate"],"restart":{"max_attempts":5,"backoff":"fixed","delay_ms":250,"max_delay_ms":60000,"jitter":0.1},"timeout_s":30,"on_busy":"reject"}',
  1769860800000000, 1769860800000000);

INSERT INTO tasks(id, thread_id, ns, created_by, status, listed, queued, attempt, last_seq, max_attempts, priority,
  input_tokens, output_tokens, created_at, updated_at, started_at, completed_at, run_at, deleted_at, error_class,
  name, bot, bot_ns, node, error, input, output, spec, metadata, rev) VALUES
  ('019b0000-0000-7000-8000-000000000001', '019b0000-0000-7000-8000-000000000001', 'team', 'alice', 2, NULL, false, 2,
  12, 5, 0, 30, 7, 1769860800000000, 1769860805000000, 1769860801000000, 1769860805000000, NULL, NULL, NULL, 'task 1',
  'poet', 'team', 'node-1', NULL, 'What time is it?', 'It is noon.', '{"bot_name":"poet"}', '{"k":[1,2]}', 2),
  ('019b0000-0000-7000-8000-000000000002', '019b0000-0000-7000-8000-000000000001', 'team', 'bob', 0, NULL, true, 0, 2,
  5, 0, 0, 0, 1769860806000000, 1769860806000000, NULL, NULL, NULL, NULL, NULL, 'task 2', 'poet', 'team', '', NULL,
  'And now?', NULL, '', '', 0),
  ('019b0000-0000-7000-8000-000000000003', '019b0000-0000-7000-8000-000000000003', 'default', 'alice', 0, NULL, true,
  0, 2, 3, 0, 0, 0, 1769860807000000, 1769860807000000, NULL, NULL, NULL, NULL, NULL, 'task 3', 'default', 'default',
  '', NULL, 'Run on.', NULL, '', '', 0),
  ('019b0000-0000-7000-8000-000000000004', '019b0000-0000-7000-8000-000000000004', 'default', 'alice', 0, NULL, true,
  1, 2, 3, 0, 2, 1, 1769860809000000, 1769860810000000, 1769860809000000, NULL, NULL, NULL, NULL, 'task 4', 'default',
  'default', 'node-1', NULL, 'Try again.', NULL, '', '', 1),
  ('019b0000-0000-7000-8000-000000000005', '019b0000-0000-7000-8000-000000000005', 'default', '', 3, 3, false, 1, 6,
  3, 0, 2, 1, 1769860811000000, 1769860812000000, 1769860811000000, 1769860812000000, NULL, NULL, 2, 'task 5',
  'default', 'default', 'node-1', 'It''s broken.', 'It fails.', NULL, '', '', 1),
  ('019b0000-0000-7000-8000-000000000006', '019b0000-0000-7000-8000-000000000006', 'default', 'alice', 4, 4, false, 0,
  3, 3, 0, 0, 0, 1769860813000000, 1769860813000000, NULL, 1769860813000000, NULL, 1769860813000000, NULL, 'task 6',
  'default', 'default', '', NULL, 'Forget it.', NULL, '', '', 1);

INSERT INTO queue(task_id, thread_id, ns, state, held, priority, order_no, due_at, ready_no, wakes_at, again, alone,
  rev, attempt, last_seq, charged, throttled, recoveries, called, input_tokens, output_tokens, started_at, owner,
  node) VALUES
  ('019b0000-0000-7000-8000-000000000002', '019b0000-0000-7000-8000-000000000001', 'team', 0, false, 0, 1,
  1769860806000000, 1, NULL, false, false, 3, 0, 2, 0, 0, 0, false, 0, 0, NULL, NULL, ''),
  ('019b0000-0000-7000-8000-000000000003', '019b0000-0000-7000-8000-000000000003', 'default', 1, true, 0, 2,
  1769860807000000, NULL, NULL, false, true, 3, 1, 5, 0, 0, 0, true, 9, 4, 1769860808000000,
  '019b0000-0000-7000-8000-00000000dead', 'node-1'),
  ('019b0000-0000-7000-8000-000000000004', '019b0000-0000-7000-8000-000000000004', 'default', 3, true, 0, 3,
  1769864400000000, NULL, 1769864400000000, false, true, 3, 1, 6, 1, 0, 0, false, 0, 0, 1769860809000000, NULL, '');

INSERT INTO threads(id, rev) VALUES
  ('019b0000-0000-7000-8000-000000000001', 2);

INSERT INTO attempts(task_id, attempt, outcome, started_at, ended_at, error_class, input_tokens, output_tokens, node,
  error) VALUES
  ('019b0000-0000-7000-8000-000000000001', 1, 2, 1769860801000000, 1769860802000000, 0, 10, 2, 'node-1', 'it broke'),
  ('019b0000-0000-7000-8000-000000000001', 2, 1, 1769860803000000, 1769860805000000, NULL, 20, 5, 'node-1', NULL),
  ('019b0000-0000-7000-8000-000000000004', 1, 2, 1769860809000000, 1769860810000000, 0, 2, 1, 'node-1', 'it broke'),
  ('019b0000-0000-7000-8000-000000000005', 1, 2, 1769860811000000, 1769860812000000, 2, 2, 1, 'node-1',
  'It''s broken.');

INSERT INTO events(position, task_id, seq, attempt, type, at, data) VALUES
  (1, '019b0000-0000-7000-8000-000000000001', 1, 0, 0, 1769860800000000, '{}'),
  (2, '019b0000-0000-7000-8000-000000000001', 2, 0, 1, 1769860800000000, '{}'),
  (3, '019b0000-0000-7000-8000-000000000001', 3, 1, 2, 1769860801000000,
  '{"name":"task 1","status":"RUNNING","attempt":1,"node":"node-1","bot":"poet"}'),
  (4, '019b0000-0000-7000-8000-000000000001', 4, 1, 8, 1769860801000000, '{}'),
  (5, '019b0000-0000-7000-8000-000000000001', 5, 1, 14, 1769860802000000, '{}'),
  (6, '019b0000-0000-7000-8000-000000000001', 6, 1, 3, 1769860802000000, '{}'),
  (7, '019b0000-0000-7000-8000-000000000001', 7, 2, 2, 1769860803000000, '{}'),
  (8, '019b0000-0000-7000-8000-000000000001', 8, 2, 8, 1769860803000000, '{}'),
  (10, '019b0000-0000-7000-8000-000000000001', 9, 2, 11, 1769860804000000, '{}'),
  (12, '019b0000-0000-7000-8000-000000000001', 10, 2, 12, 1769860804000000, '{}'),
  (13, '019b0000-0000-7000-8000-000000000001', 11, 2, 13, 1769860805000000, '{}'),
  (14, '019b0000-0000-7000-8000-000000000001', 12, 2, 4, 1769860805000000,
  '{"name":"task 1","status":"COMPLETED","output":"It is noon.","usage":{"input_tokens":30,"output_tokens":7}}'),
  (15, '019b0000-0000-7000-8000-000000000002', 1, 0, 0, 1769860806000000, '{}'),
  (16, '019b0000-0000-7000-8000-000000000002', 2, 0, 1, 1769860806000000, '{}'),
  (17, '019b0000-0000-7000-8000-000000000003', 1, 0, 0, 1769860807000000, '{}'),
  (18, '019b0000-0000-7000-8000-000000000003', 2, 0, 1, 1769860807000000, '{}'),
  (19, '019b0000-0000-7000-8000-000000000003', 3, 1, 2, 1769860808000000, '{}'),
  (20, '019b0000-0000-7000-8000-000000000003', 4, 1, 8, 1769860808000000, '{}'),
  (22, '019b0000-0000-7000-8000-000000000003', 5, 1, 11, 1769860808000000, '{}'),
  (23, '019b0000-0000-7000-8000-000000000004', 1, 0, 0, 1769860809000000, '{}'),
  (24, '019b0000-0000-7000-8000-000000000004', 2, 0, 1, 1769860809000000, '{}'),
  (25, '019b0000-0000-7000-8000-000000000004', 3, 1, 2, 1769860809000000, '{}'),
  (26, '019b0000-0000-7000-8000-000000000004', 4, 1, 8, 1769860809000000, '{}'),
  (27, '019b0000-0000-7000-8000-000000000004', 5, 1, 14, 1769860810000000, '{}'),
  (28, '019b0000-0000-7000-8000-000000000004', 6, 1, 3, 1769860810000000, '{}'),
  (29, '019b0000-0000-7000-8000-000000000005', 1, 0, 0, 1769860811000000, '{}'),
  (30, '019b0000-0000-7000-8000-000000000005', 2, 0, 1, 1769860811000000, '{}'),
  (31, '019b0000-0000-7000-8000-000000000005', 3, 1, 2, 1769860811000000, '{}'),
  (32, '019b0000-0000-7000-8000-000000000005', 4, 1, 8, 1769860811000000, '{}'),
  (33, '019b0000-0000-7000-8000-000000000005', 5, 1, 14, 1769860812000000, '{}'),
  (34, '019b0000-0000-7000-8000-000000000005', 6, 1, 5, 1769860812000000, '{}'),
  (35, '019b0000-0000-7000-8000-000000000006', 1, 0, 0, 1769860813000000, '{}'),
  (36, '019b0000-0000-7000-8000-000000000006', 2, 0, 6, 1769860813000000, '{}'),
  (37, '019b0000-0000-7000-8000-000000000006', 3, 0, 7, 1769860813000000, '{}');

INSERT INTO messages(thread_id, position, task_id, role, attempt, created_at, content, tool_calls, call_id,
  tool) VALUES
  ('019b0000-0000-7000-8000-000000000001', 3, '019b0000-0000-7000-8000-000000000001', 0, 1, 1769860801000000,
  'What time is it?', NULL, NULL, NULL),
  ('019b0000-0000-7000-8000-000000000001', 9, '019b0000-0000-7000-8000-000000000001', 1, 2, 1769860804000000,
  'Let me look.', '[{"call_id":"call_1","tool":"now","arguments":"{}"}]', NULL, NULL),
  ('019b0000-0000-7000-8000-000000000001', 11, '019b0000-0000-7000-8000-000000000001', 2, 2, 1769860804000000,
  '"12:00"', NULL, 'call_1', 'now'),
  ('019b0000-0000-7000-8000-000000000001', 14, '019b0000-0000-7000-8000-000000000001', 1, 2, 1769860805000000,
  'It is noon.', NULL, NULL, NULL),
  ('019b0000-0000-7000-8000-000000000003', 19, '019b0000-0000-7000-8000-000000000003', 0, 1, 1769860808000000,
  'Run on.', NULL, NULL, NULL),
  ('019b0000-0000-7000-8000-000000000003', 21, '019b0000-0000-7000-8000-000000000003', 1, 1, 1769860808000000, '',
  '[{"call_id":"call_1","tool":"now","arguments":"{}"}]', NULL, NULL),
  ('019b0000-0000-7000-8000-000000000004', 25, '019b0000-0000-7000-8000-000000000004', 0, 1, 1769860809000000,
  'Try again.', NULL, NULL, NULL),
  ('019b0000-0000-7000-8000-000000000005', 31, '019b0000-0000-7000-8000-000000000005', 0, 1, 1769860811000000,
  'It fails.', NULL, NULL, NULL);

INSERT INTO idempotency_keys(key, fingerprint, task_id, created_at) VALUES
  ('key-1', 'print-1', '019b0000-0000-7000-8000-000000000001', 1769860800000000);

SELECT setval('positions', 37), setval('queue_order', 3);

INSERT INTO meta VALUES('database_id', '019b0000-0000-7000-8000-0000000000db'), ('schema_version', '1');
