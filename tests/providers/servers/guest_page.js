// What a page that is welcome does with the API: one of the server's own origin, or of one in `cors_origins`. Returns
// what came of each, as text.
async ({ api, bot }) => {
  const found = {};
  const seconds = (n) => new Promise((resolve) => setTimeout(resolve, n * 1000));
  const note = async (name, way) => {
    try {
      found[name] = (await Promise.race([way(), seconds(20).then(() => 'nothing came')])) ?? null;
    } catch (error) {
      found[name] = String(error);
    }
  };
  const at = (path) => `${api}/api/v1${path}`;
  const post = (path, body, headers = {}) => fetch(at(path), {
    method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body: body && JSON.stringify(body),
  });
  let task;
  let etag;
  await note('create', async () => {
    const answer = await post('/tasks', { input: '@words=5 @pace=50' }, { 'Idempotency-Key': `page-${Math.random()}` });
    task = (await answer.json()).id;
    found.location = answer.headers.get('Location') === `/api/v1/tasks/${task}`;
    return answer.status;
  });
  await note('read', async () => {
    const answer = await fetch(at(`/tasks/${task}`), { headers: { 'X-Request-Id': 'of-the-page' } });
    etag = answer.headers.get('ETag');
    found.request_id = answer.headers.get('X-Request-Id');
    return answer.status;
  });
  found.etag = Boolean(etag);
  // The browser keeps the answer of a 304 from nobody who has asked with the field by hand.
  await note('read_unchanged', async () => (await fetch(at(`/tasks/${task}`), { headers: { 'If-None-Match': etag }, cache: 'no-store' })).status);
  await note('accept', async () => (await post(`/tasks/${task}/execute`, undefined, { Prefer: 'respond-async' })).status);
  await note('follow', () => new Promise((resolve, reject) => {
    const source = new EventSource(at(`/tasks/${task}/events`));
    source.addEventListener('task:completed', () => { source.close(); resolve('completed'); });
    source.onerror = () => { source.close(); reject('the EventSource fails'); };
  }));
  await note('live', async () => {
    const other = (await (await post('/tasks', { input: '@words=40 @pace=50', execute: true })).json()).id;
    const source = new EventSource(at(`/tasks/${other}/events`));
    await new Promise((resolve) => source.addEventListener('chat:chunk', resolve, { once: true }));
    source.close();
    return (await (await fetch(at(`/tasks/${other}`))).json()).status;
  });
  await note('resume', async () => {
    const answer = await fetch(at(`/tasks/${task}/events`), { headers: { Accept: 'text/event-stream', 'Last-Event-ID': '3' } });
    return (await answer.text()).includes('id: 4') && answer.headers.get('Content-Type');
  });
  await note('wait', async () => {
    const slow = await (await post('/tasks', { input: 'Hello' })).json();
    return (await (await post(`/tasks/${slow.id}/execute`, undefined, { Prefer: 'wait=30' })).json()).status;
  });
  await note('chat', () => new Promise((resolve, reject) => {
    const socket = new WebSocket(`${at(`/tasks/${task}/chat?after=0`).replace(/^http/, 'ws')}`);
    socket.onopen = () => socket.send(JSON.stringify({ type: 'chat:send', message: 'and once more' }));
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === 'task:completed' && frame.task_id !== task) { socket.close(); resolve('answered'); }
    };
    socket.onerror = () => reject('the WebSocket fails');
  }));
  await note('put', async () => (await fetch(at(`/bots/${bot}`), {
    method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ model: 'builtin' }),
  })).status);
  await note('remove', async () => (await fetch(at(`/bots/${bot}`), { method: 'DELETE' })).status);
  await note('patch', async () => {
    const other = await (await post('/tasks', { input: 'Hello' })).json();
    return (await (await fetch(at(`/tasks/${other.id}/status`), {
      method: 'PATCH', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ status: 'CANCELLED' }),
    })).json()).status;
  });
  await note('problem', async () => (await (await fetch(at('/tasks/0190a7a0-0000-7000-8000-000000000000'))).json()).code);
  await note('refused', async () => (await post('/tasks', { colour: 'red' })).status);
  await note('unknown_path', async () => (await fetch(at('/nothing'))).status);
  await note('metrics', async () => (await fetch(`${api}/metrics`)).status);
  return found;
}
