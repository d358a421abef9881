// Executes a task that takes longer than the proxy in front waits, without and with `Prefer`. Returns what came of it.
async ({ api }) => {
  const at = (path) => `${api}/api/v1${path}`;
  const json = { 'Content-Type': 'application/json' };
  const create = async () => (await (await fetch(at('/tasks'), {
    method: 'POST', headers: json, body: JSON.stringify({ input: '@delay=3600000' }),
  })).json()).id;
  const execute = (task, headers) => fetch(at(`/tasks/${task}/execute`), { method: 'POST', headers });
  const status = async (task) => (await (await fetch(at(`/tasks/${task}`))).json()).status;
  const patient = await create();
  const hasty = await create();
  return {
    without: (await execute(hasty, {})).status, without_status: await status(hasty),
    with: (await execute(patient, { Prefer: 'wait=1' })).status, with_status: await status(patient),
    again: (await execute(patient, { Prefer: 'wait=1' })).status,
  };
}
