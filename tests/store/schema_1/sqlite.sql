-- A database as the first release left it: its schema, and tasks at every point of their lives. Times are those of
-- 31 January 2026 from noon on, in UTC.

CREATE TABLE meta(
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE models(
  ns TEXT NOT NULL,
  name TEXT NOT NULL,
  document TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY(ns, name)
) WITHOUT ROWID;

CREATE TABLE bots(
  ns TEXT NOT NULL,
  name TEXT NOT NULL,
  document TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY(ns, name)
) WITHOUT ROWID;

CREATE TABLE tasks(
  id BLOB NOT NULL PRIMARY KEY,
  thread_id BLOB NOT NULL,
  ns TEXT NOT NULL,
  created_by TEXT NOT NULL,
  status INTEGER NOT NULL,
  queued INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  started_at INTEGER,
  completed_at INTEGER,
  run_at INTEGER,
  deleted_at INTEGER,
  error_class INTEGER,
  name TEXT NOT NULL,
  bot TEXT NOT NULL,
  bot_ns TEXT NOT NULL,
  node TEXT NOT NULL,
  error TEXT,
  input TEXT NOT NULL,
  output TEXT,
  spec TEXT NOT NULL,
  metadata TEXT NOT NULL
) WITHOUT ROWID;

-- A thread is its first task, found by its own id, and those that follow it.
CREATE INDEX tasks_of_thread ON tasks(thread_id, id) WHERE thread_id <> id;
CREATE INDEX tasks_of_creator ON tasks(created_by, id) WHERE created_by <> '';
-- Completed tasks are most of all; a page of them is found along the primary key.
CREATE INDEX tasks_by_status ON tasks(status, id) WHERE status <> 2;

-- The hot table: a row per task that waits or runs, gone when it ends.
CREATE TABLE queue(
  task_id BLOB NOT NULL PRIMARY KEY REFERENCES tasks(id),
  thread_id BLOB NOT NULL,
  ns TEXT NOT NULL,
  state INTEGER NOT NULL,
  held INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  order_no INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  charged INTEGER NOT NULL,
  throttled INTEGER NOT NULL,
  recoveries INTEGER NOT NULL,
  fresh INTEGER NOT NULL,
  called INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  started_at INTEGER,
  owner BLOB,
  node TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX queue_ready ON queue(priority DESC, order_no) WHERE state = 0;
CREATE INDEX queue_scheduled ON queue(due_at) WHERE state = 3;
CREATE INDEX queue_of_thread ON queue(thread_id, order_no) WHERE thread_id <> task_id;

-- Ended attempts, and those that run outside of the queue.
CREATE TABLE attempts(
  task_id BLOB NOT NULL REFERENCES tasks(id),
  attempt INTEGER NOT NULL,
  outcome INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  error_class INTEGER,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  node TEXT NOT NULL,
  error TEXT,
  PRIMARY KEY(task_id, attempt)
) WITHOUT ROWID;

-- Appended to in the order of commits, so a wider room is read along the key.
CREATE TABLE events(
  position INTEGER PRIMARY KEY,
  task_id BLOB NOT NULL,
  seq INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  type INTEGER NOT NULL,
  at INTEGER NOT NULL,
  data TEXT NOT NULL
);

CREATE UNIQUE INDEX events_of_task ON events(task_id, seq);

CREATE TABLE messages(
  thread_id BLOB NOT NULL,
  position INTEGER NOT NULL,
  task_id BLOB NOT NULL,
  role INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  content TEXT NOT NULL,
  tool_calls TEXT,
  call_id TEXT,
  tool TEXT,
  PRIMARY KEY(thread_id, position)
) WITHOUT ROWID;

-- Ordered by age, so that forgetting the old ones looks at no others.
CREATE TABLE idempotency_keys(
  number INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  fingerprint TEXT NOT NULL,
  task_id BLOB NOT NULL,
  created_at INTEGER NOT NULL
);

-- What was stored.

INSERT INTO models(ns, name, document, created_at, updated_at) VALUES
  ('default', 'builtin', '{"kind":"builtin","model":"builtin"}', 1769860800000000, 1769860800000000);

INSERT INTO bots(ns, name, document, created_at, updated_at) VALUES
  ('default', 'default',
  '{"model":"builtin","system_prompt":"","temperature":null,"max_tokens":null,"max_iterations":10,"tools":["now","calculate"],"restart":{"max_attempts":3,"backoff":"linear","delay_ms":1000,"max_delay_ms":60000,"jitter":0.1},"timeout_s":600,"on_busy":"enqueue"}',
  1769860800000000, 1769860800000000),
  ('team', 'poet',
  '{"model":"builtin","system_prompt":"Be brief.","temperature":0.5,"max_tokens":null,"max_iterations":4,"tools":["now","calculate"],"restart":{"max_attempts":5,"backoff":"fixed","delay_ms":250,"max_delay_ms":60000,"jitter":0.1},"timeout_s":30,"on_busy":"reject"}',
  1769860800000000, 1769860800000000);

INSERT INTO tasks(id, thread_id, ns, created_by, status, queued, attempt, last_seq, max_attempts, priority,
  input_tokens, output_tokens, created_at, updated_at, started_at, completed_at, run_at, deleted_at, error_class,
  name, bot, bot_ns, node, error, input, output, spec, metadata) VALUES
  (X'019b0000000070008000000000000001', X'019b0000000070008000000000000001', 'team', 'alice', 2, 0, 2, 12, 5, 0, 30,
  7, 1769860800000000, 1769860805000000, 1769860801000000, 1769860805000000, NULL, NULL, NULL, 'task 1', 'poet',
  'team', 'node-1', NULL, 'What time is it?', 'It is noon.', '{"bot_name":"poet"}', '{"k":[1,2]}'),
  (X'019b0000000070008000000000000002', X'019b0000000070008000000000000001', 'team', 'bob', 0, 1, 0, 2, 5, 0, 0, 0,
  1769860806000000, 1769860806000000, NULL, NULL, NULL, NULL, NULL, 'task 2', 'poet', 'team', '', NULL, 'And now?',
  NULL, '', ''),
  (X'019b0000000070008000000000000003', X'019b0000000070008000000000000003', 'default', 'alice', 1, 1, 1, 5, 3, 0, 0,
  0, 1769860807000000, 1769860808000000, 1769860808000000, NULL, NULL, NULL, NULL, 'task 3', 'default', 'default',
  'node-1', NULL, 'Run on.', NULL, '', ''),
  (X'019b0000000070008000000000000004', X'019b0000000070008000000000000004', 'default', 'alice', 1, 1, 1, 6, 3, 0, 2,
  1, 1769860809000000, 1769860810000000, 1769860809000000, NULL, NULL, NULL, NULL, 'task 4', 'default', 'default',
  'node-1', NULL, 'Try again.', NULL, '', ''),
  (X'019b0000000070008000000000000005', X'019b0000000070008000000000000005', 'default', '', 3, 0, 1, 6, 3, 0, 2, 1,
  1769860811000000, 1769860812000000, 1769860811000000, 1769860812000000, NULL, NULL, 2, 'task 5', 'default',
  'default', 'node-1', 'It''s broken.', 'It fails.', NULL, '', ''),
  (X'019b0000000070008000000000000006', X'019b0000000070008000000000000006', 'default', 'alice', 4, 0, 0, 3, 3, 0, 0,
  0, 1769860813000000, 1769860813000000, NULL, 1769860813000000, NULL, 1769860813000000, NULL, 'task 6', 'default',
  'default', '', NULL, 'Forget it.', NULL, '', '');

INSERT INTO queue(task_id, thread_id, ns, state, held, priority, order_no, due_at, attempt, last_seq, charged,
  throttled, recoveries, fresh, called, input_tokens, output_tokens, started_at, owner, node) VALUES
  (X'019b0000000070008000000000000002', X'019b0000000070008000000000000001', 'team', 0, 0, 0, 1, 1769860806000000, 0,
  2, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, ''),
  (X'019b0000000070008000000000000003', X'019b0000000070008000000000000003', 'default', 1, 1, 0, 2, 1769860807000000,
  1, 5, 0, 0, 0, 0, 1, 9, 4, 1769860808000000, X'019b000000007000800000000000dead', 'node-1'),
  (X'019b0000000070008000000000000004', X'019b0000000070008000000000000004', 'default', 3, 1, 0, 3, 1769864400000000,
  1, 6, 1, 0, 0, 0, 0, 0, 0, 1769860809000000, NULL, '');

INSERT INTO attempts(task_id, attempt, outcome, started_at, ended_at, error_class, input_tokens, output_tokens, node,
  error) VALUES
  (X'019b0000000070008000000000000001', 1, 2, 1769860801000000, 1769860802000000, 0, 10, 2, 'node-1', 'it broke'),
  (X'019b0000000070008000000000000001', 2, 1, 1769860803000000, 1769860805000000, NULL, 20, 5, 'node-1', NULL),
  (X'019b0000000070008000000000000004', 1, 2, 1769860809000000, 1769860810000000, 0, 2, 1, 'node-1', 'it broke'),
  (X'019b0000000070008000000000000005', 1, 2, 1769860811000000, 1769860812000000, 2, 2, 1, 'node-1', 'It''s broken.');

INSERT INTO events(position, task_id, seq, attempt, type, at, data) VALUES
  (1, X'019b0000000070008000000000000001', 1, 0, 0, 1769860800000000, '{}'),
  (2, X'019b0000000070008000000000000001', 2, 0, 1, 1769860800000000, '{}'),
  (3, X'019b0000000070008000000000000001', 3, 1, 2, 1769860801000000,
  '{"name":"task 1","status":"RUNNING","attempt":1,"node":"node-1","bot":"poet"}'),
  (4, X'019b0000000070008000000000000001', 4, 1, 8, 1769860801000000, '{}'),
  (5, X'019b0000000070008000000000000001', 5, 1, 14, 1769860802000000, '{}'),
  (6, X'019b0000000070008000000000000001', 6, 1, 3, 1769860802000000, '{}'),
  (7, X'019b0000000070008000000000000001', 7, 2, 2, 1769860803000000, '{}'),
  (8, X'019b0000000070008000000000000001', 8, 2, 8, 1769860803000000, '{}'),
  (10, X'019b0000000070008000000000000001', 9, 2, 11, 1769860804000000, '{}'),
  (12, X'019b0000000070008000000000000001', 10, 2, 12, 1769860804000000, '{}'),
  (13, X'019b0000000070008000000000000001', 11, 2, 13, 1769860805000000, '{}'),
  (14, X'019b0000000070008000000000000001', 12, 2, 4, 1769860805000000,
  '{"name":"task 1","status":"COMPLETED","output":"It is noon.","usage":{"input_tokens":30,"output_tokens":7}}'),
  (15, X'019b0000000070008000000000000002', 1, 0, 0, 1769860806000000, '{}'),
  (16, X'019b0000000070008000000000000002', 2, 0, 1, 1769860806000000, '{}'),
  (17, X'019b0000000070008000000000000003', 1, 0, 0, 1769860807000000, '{}'),
  (18, X'019b0000000070008000000000000003', 2, 0, 1, 1769860807000000, '{}'),
  (19, X'019b0000000070008000000000000003', 3, 1, 2, 1769860808000000, '{}'),
  (20, X'019b0000000070008000000000000003', 4, 1, 8, 1769860808000000, '{}'),
  (22, X'019b0000000070008000000000000003', 5, 1, 11, 1769860808000000, '{}'),
  (23, X'019b0000000070008000000000000004', 1, 0, 0, 1769860809000000, '{}'),
  (24, X'019b0000000070008000000000000004', 2, 0, 1, 1769860809000000, '{}'),
  (25, X'019b0000000070008000000000000004', 3, 1, 2, 1769860809000000, '{}'),
  (26, X'019b0000000070008000000000000004', 4, 1, 8, 1769860809000000, '{}'),
  (27, X'019b0000000070008000000000000004', 5, 1, 14, 1769860810000000, '{}'),
  (28, X'019b0000000070008000000000000004', 6, 1, 3, 1769860810000000, '{}'),
  (29, X'019b0000000070008000000000000005', 1, 0, 0, 1769860811000000, '{}'),
  (30, X'019b0000000070008000000000000005', 2, 0, 1, 1769860811000000, '{}'),
  (31, X'019b0000000070008000000000000005', 3, 1, 2, 1769860811000000, '{}'),
  (32, X'019b0000000070008000000000000005', 4, 1, 8, 1769860811000000, '{}'),
  (33, X'019b0000000070008000000000000005', 5, 1, 14, 1769860812000000, '{}'),
  (34, X'019b0000000070008000000000000005', 6, 1, 5, 1769860812000000, '{}'),
  (35, X'019b0000000070008000000000000006', 1, 0, 0, 1769860813000000, '{}'),
  (36, X'019b0000000070008000000000000006', 2, 0, 6, 1769860813000000, '{}'),
  (37, X'019b0000000070008000000000000006', 3, 0, 7, 1769860813000000, '{}');

INSERT INTO messages(thread_id, position, task_id, role, attempt, created_at, content, tool_calls, call_id,
  tool) VALUES
  (X'019b0000000070008000000000000001', 3, X'019b0000000070008000000000000001', 0, 1, 1769860801000000,
  'What time is it?', NULL, NULL, NULL),
  (X'019b0000000070008000000000000001', 9, X'019b0000000070008000000000000001', 1, 2, 1769860804000000,
  'Let me look.', '[{"call_id":"call_1","tool":"now","arguments":"{}"}]', NULL, NULL),
  (X'019b0000000070008000000000000001', 11, X'019b0000000070008000000000000001', 2, 2, 1769860804000000, '"12:00"',
  NULL, 'call_1', 'now'),
  (X'019b0000000070008000000000000001', 14, X'019b0000000070008000000000000001', 1, 2, 1769860805000000,
  'It is noon.', NULL, NULL, NULL),
  (X'019b0000000070008000000000000003', 19, X'019b0000000070008000000000000003', 0, 1, 1769860808000000, 'Run on.',
  NULL, NULL, NULL),
  (X'019b0000000070008000000000000003', 21, X'019b0000000070008000000000000003', 1, 1, 1769860808000000, '',
  '[{"call_id":"call_1","tool":"now","arguments":"{}"}]', NULL, NULL),
  (X'019b0000000070008000000000000004', 25, X'019b0000000070008000000000000004', 0, 1, 1769860809000000, 'Try again.',
  NULL, NULL, NULL),
  (X'019b0000000070008000000000000005', 31, X'019b0000000070008000000000000005', 0, 1, 1769860811000000, 'It fails.',
  NULL, NULL, NULL);

INSERT INTO idempotency_keys(key, fingerprint, task_id, created_at) VALUES
  ('key-1', 'print-1', X'019b0000000070008000000000000001', 1769860800000000);

INSERT INTO meta VALUES('position', 37);

PRAGMA application_id=1416786021;
PRAGMA user_version=1;
